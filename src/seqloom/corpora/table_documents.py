"""From the cells of a row to a document: text, ratings, categories, group; counts what is missing or wrong."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from seqloom.config import ReadingConfig
from seqloom.corpora.disjoint_splits import pool_of
from seqloom.corpora.document import Document
from seqloom.corpora.formats.delimited import Row
from seqloom.corpora.normalization import record_chunks
from seqloom.errors import SourceError

__all__ = ["LEFT_OPEN", "RatingJudge", "rated_documents"]

LEFT_OPEN = ("missing rating", "missing name", "missing group", "rating that is no number")
"""How the reasons begin that leave a text in its place, without its rating, name or group."""

Tally = Counter[str]

_MISSING = ("", "nan", "na", "n/a", "null", "none")  # how tables write that there is no number


@dataclass
class RatingJudge:
    """Tells a column of ratings from one that was named by mistake, after every row was seen.

    Attributes:
        numbers: cells that hold a number, by column.
        others: cells that hold something else, by column.
        examples: the first such cell of each column, and where it stands.
    """

    numbers: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def see(self, column: str, value: object, where: str, tally: Tally) -> float | None:
        """The number in a cell, or None where there is none."""
        number = _number(value)
        if number is not None:
            self.numbers[column] += 1
        elif _is_missing(value):
            tally[f"missing rating ({column})"] += 1
        else:
            self.others[column] += 1
            self.examples.setdefault(column, f"{value!r:.60} in {where}")
            tally[f"rating that is no number ({column})"] += 1
        return number

    def check(self, columns: Iterable[str]) -> None:
        """Raise where a column holds no numbers, or fewer numbers than other things.

        Raises:
            SourceError: names the column, a row and its value.
        """
        faults = []
        for column in columns:
            numbers, others = self.numbers[column], self.others[column]
            if numbers and others <= numbers:
                continue
            held = f"{others} of its {numbers + others} cells are not, such as {self.examples.get(column)}"
            empty = "every cell is empty"
            faults.append(
                f"the column {column!r} does not hold numbers: {held if others else empty}; "
                "name a column of numbers with `rating`"
            )
        if faults:
            raise SourceError(*faults)


def rated_documents(
    rows: Iterable[Row], name: str, reading: ReadingConfig, judge: RatingJudge, tally: Tally
) -> Iterator[Document]:
    """The documents of a table, one a row; rows without text are counted and left out.

    Args:
        rows: numbered cells by column.
        name: what messages call the table.
        reading: names the columns.
        judge: is shown every rating.
        tally: counts what is left out, by reason.
    """
    seen: set[bytes] = set()
    for number, cells in rows:
        text = _text(cells.get(reading.text or ""), tally)
        if text is None:
            continue
        group = _group(cells.get(reading.group), tally) if reading.group else None
        if reading.pool is not None and not _in_pool(reading.pool, text, group, seen, tally):
            continue
        ratings = {
            column: judge.see(column, cells.get(column), f"row {number} of {name}", tally) for column in reading.rating
        }
        categories = {column: _category(column, cells.get(column), tally) for column in reading.category}
        yield Document(chunks=record_chunks(text, reading), conditions={**ratings, **categories}, group=group)


def _in_pool(pool: str, text: str, group: str | None, seen: set[bytes], tally: Tally) -> bool:
    """Whether a row belongs to a pool; of rows with the same text the first one counts, so that pools share none."""
    digest = blake2b(text.encode(), digest_size=16).digest()
    if digest in seen:
        tally["row whose text came before"] += 1
        return False
    seen.add(digest)
    if pool_of(text if group is None else f"={group}") == pool:
        return True
    tally["row of another pool"] += 1
    return False


def _text(value: object, tally: Tally) -> str | None:
    if value is None or (isinstance(value, str) and (not value or value.isspace())):
        tally["row with empty text"] += 1
    elif not isinstance(value, str):
        tally["row whose text is no string"] += 1
    elif _has_half_characters(value):
        tally["row with half a surrogate pair"] += 1
    else:
        return value
    return None


def _group(value: object, tally: Tally) -> str | None:
    name = _name(value)
    if name is None:
        tally["missing group"] += 1
    return name


def _category(column: str, value: object, tally: Tally) -> str | None:
    name = None if _is_missing(value) else _name(value)
    if name is None:
        tally[f"missing name ({column})"] += 1
    return name


def _name(value: object) -> str | None:
    if value is None or value == "" or value != value:
        return None
    return str(value).encode("utf-8", "backslashreplace").decode()


def _has_half_characters(text: str) -> bool:
    """Whether UTF-8 cannot hold `text`; JSON's escapes can spell half a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    if isinstance(value, str) and "_" in value:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _is_missing(value: object) -> bool:
    """Whether a cell says that there is no number: it is empty, or holds one of the usual words for it."""
    if isinstance(value, str):
        return value.strip().lower() in _MISSING
    return value is None or value != value
