"""Settings of reading a source."""

from collections.abc import Iterator
from dataclasses import dataclass

from seqloom.config.base import Check, JsonSerializable, validate
from seqloom.config.choices import Normalization
from seqloom.config.settings import range_checks, setting, type_checks

__all__ = ["ReadingConfig"]


@dataclass(frozen=True, kw_only=True)
class ReadingConfig(JsonSerializable):
    """Settings of reading a source.

    Attributes:
        encoding: encoding of the text; None detects it.
        lowercase: whether the text is folded to lower case (`str.lower`).
        normalize: Unicode normal form, or None.
        keep_newlines: whether CRLF and CR stay as they are; otherwise they become LF.
        records: end of a record within a text file: "line", "blank" (a blank line), a pair of marks such as "{}", or
            None for one running text.
        text: column (or JSON key) of the text; None for a source that is no table.
        rating: columns of numbers.
        category: columns of names.
        group: column of the group of a record; records of a group stay together.
        pool: part of a table to read; None reads the whole table.
        cut_words: number of words after which a record is cut at the end of a sentence; 0 is off.
        passages: whether the text after the cut is read too, in passages of that length.
        sentences: whether records are read sentence by sentence.
    """

    encoding: str | None = setting(None, help="encoding of the text (detected)")
    lowercase: bool = setting(False, help="fold to lower case")
    normalize: Normalization | None = setting(None, help="Unicode normal form")
    keep_newlines: bool = setting(False, help="keep CRLF and CR")
    records: str | None = setting(None, help="end of a record: line, blank, or two marks such as '{}'")
    text: str | None = setting(None, help="column of the text in a table", metavar="COLUMN")
    rating: tuple[str, ...] = setting((), help="column of numbers; repeatable", metavar="COLUMN", repeat=True)
    group: str | None = setting(None, help="column of the group; rows of a group stay together", metavar="COLUMN")
    category: tuple[str, ...] = setting((), help="column of names; repeatable", metavar="COLUMN", repeat=True)
    pool: str | None = setting(
        None, help="disjoint part of a table: generator, critic, judge, detector-train or detector-test"
    )
    cut_words: int = setting(0, help="words after which a record is cut at the end of a sentence; 0 is off", at_least=0)
    passages: bool = setting(False, help="read the text after the cut too, in passages of that length")
    sentences: bool = setting(False, help="read records sentence by sentence")

    def __post_init__(self) -> None:
        validate(*type_checks(self))
        validate(*range_checks(self), *_rules(self))


def _rules(config: ReadingConfig) -> Iterator[Check]:
    marks = config.records
    yield (
        marks in (None, "line", "blank") or (marks is not None and len(marks) == 2 and marks[0] != marks[1]),
        f"`records` got {marks!r}: choose line, blank, or two different marks such as '{{}}'",
    )
    yield (
        config.text is not None or not (config.rating or config.group or config.category),
        "`rating`, `category` and `group` name columns, so `text` must name the column of the text",
    )
    columns = (*config.rating, *config.category)
    for column in dict.fromkeys(columns):
        yield (
            columns.count(column) == 1,
            f"the column {column!r} is named twice by `rating` and `category`: leave out one of the two",
        )
    yield (
        config.pool is None or config.text is not None,
        "`pool` divides the rows of a table, so `text` must name the column of the text",
    )
    yield (
        config.cut_words > 0 or not config.passages,
        "`passages` divides long texts: set the length of a passage with `cut_words`",
    )
    has_records = config.text is not None or marks is not None
    yield not config.cut_words or has_records, "`cut_words` cuts records: name the column `text`, or set `records`"
    yield (
        not config.sentences or not config.cut_words,
        "`sentences` reads sentences whole, and `cut_words` cuts them: leave out one of the two",
    )
    yield not config.sentences or has_records, "`sentences` divides records: name the column `text`, or set `records`"
    yield (
        config.text is None or marks is None,
        "`text` and `records` contradict each other: the rows of a table are its records",
    )
