"""What the cells of a table mean: a text, a name, the identity of a group, or nothing.

Every command reads cells with these rules. The rules have a version, which runs and critics store: pools and held-out
parts are drawn from group identities, so that two models are disjoint only if both were read with one version.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from numbers import Real

from seqloom.config import ReadingConfig
from seqloom.corpora.table_columns import NotText

__all__ = [
    "TEXT_REASONS", "group_identity", "group_of", "is_missing", "is_missing_rating", "name_of", "pool_label",
    "text_identity", "usable_text",
]  # fmt: skip

_EMPTY, _NO_STRING, _HALF_PAIR = (
    "row with empty text",
    "row whose text is not a string",
    "row with half a surrogate pair",
)

TEXT_REASONS = (_EMPTY, _NO_STRING, _HALF_PAIR)
"""Reasons for which a row has no usable text."""

_NO_RATING = ("", "nan", "na", "n/a", "null", "none")
"""Words in lower case that stand for a missing number; they cannot be names of numbers."""

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_MAX_NUMBER_CHARACTERS = 400


def usable_text(value: object, tally: Counter[str]) -> str | None:
    """Return a cell as a text, or None if it is not a usable text; count the reason in that case."""
    if value is None or (isinstance(value, str) and (not value or value.isspace())) or value != value:
        tally[_EMPTY] += 1
    elif not isinstance(value, str) or isinstance(value, NotText):
        tally[_NO_STRING] += 1
    elif _has_lone_surrogates(value):
        tally[_HALF_PAIR] += 1
    else:
        return value
    return None


def is_missing(value: object, words: Collection[str]) -> bool:
    """Return whether a cell holds no name: it is empty, null, NaN, or one of `words` between spaces.

    A number is one of `words` in every spelling and type: -1, -1.0 and "-1".
    """
    value = _decoded(value)
    if value is None or value != value:  # NaN differs from itself
        return True
    numbers = _numbers_among(tuple(words))
    if isinstance(value, str):
        stripped = value.strip()
        return not stripped or stripped in words or (bool(numbers) and _number_identity(stripped) in numbers)
    is_number = isinstance(value, Real | Decimal) and not isinstance(value, bool)
    return is_number and bool(numbers) and _number_identity(str(value)) in numbers


def is_missing_rating(value: object, words: Collection[str]) -> bool:
    """Return whether a cell holds no rating; words such as NA, which are names elsewhere, stand for no number too."""
    return is_missing(value, words) or (isinstance(value, str) and value.strip().lower() in _NO_RATING)


def name_of(value: object, reading: ReadingConfig) -> str | None:
    """Return a cell as the name of a category, or None if it holds no name."""
    if reading.table_rules == 1:
        return None if is_missing_rating(value, ()) else _plain_name(value)
    return None if is_missing(value, reading.missing) else _plain_name(_decoded(value))


def group_of(value: object, reading: ReadingConfig) -> str | None:
    """Return the identity of a cell's group, or None if it holds no group."""
    if reading.table_rules == 1:
        return _plain_name(value)
    return None if is_missing(value, reading.missing) else group_identity(value)


def group_identity(value: object) -> str:
    """Return a string that is equal for all spellings of one group.

    Outer spaces, Unicode forms (NFKC), the type of a number (7, 7.0, "7" and "07") and the case of true and false make
    no difference. To merge two groups is harmless, whereas a group that is divided would leak between the parts of a
    table.
    """
    name = unicodedata.normalize("NFKC", _plain_name(_decoded(value)) or "").strip()
    if name.lower() in ("true", "false"):
        return name.lower()
    return _number_identity(name) or name


def text_identity(text: str) -> str:
    """Return a string that is equal for texts that differ only in white space or in Unicode forms (NFKC)."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def pool_label(text: str, group: str | None, reading: ReadingConfig) -> str:
    """Return the label that chooses the pool of a row: its group or, without a group, its text."""
    if group is not None:
        return f"={group}"
    return text if reading.table_rules == 1 else text_identity(text)


@lru_cache
def _numbers_among(words: tuple[str, ...]) -> frozenset[str]:
    """Return the identities of the words that are numbers."""
    return frozenset(number for word in words if (number := _number_identity(word)) is not None)


def _decoded(value: object) -> object:
    """Return bytes as text, because Parquet files of some writers do not say that their strings are text."""
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def _plain_name(value: object) -> str | None:
    """Return a cell as a string that UTF-8 can encode; None for an empty cell."""
    if value is None or value == "" or value != value:  # NaN differs from itself
        return None
    return str(value).encode("utf-8", "backslashreplace").decode()


def _number_identity(name: str) -> str | None:
    """Return the exact value of a number in one spelling, or None for any other name."""
    if len(name) > _MAX_NUMBER_CHARACTERS or not _NUMBER.fullmatch(name):
        return None
    try:
        sign, digits, exponent = Decimal(name).as_tuple()
    except InvalidOperation:
        return None
    assert isinstance(exponent, int)  # the number is finite
    significant = "".join(map(str, digits)).lstrip("0").rstrip("0")
    if not significant:
        return "0"
    exponent += len(digits) - len("".join(map(str, digits)).rstrip("0"))
    number = f"{significant}e{exponent}" if exponent else significant
    return f"-{number}" if sign else number


def _has_lone_surrogates(text: str) -> bool:
    """Return whether `text` has no UTF-8 encoding: an escape in JSON can stand for half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
