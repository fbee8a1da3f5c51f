"""Settings of reading a source: a file, a folder, a table or a corpus of the catalogue.

A source is read as one running text, or as many records. A record is a text of its own, such as a row of a table.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from seqloom.config.base import Check, JsonSerializable, validate
from seqloom.config.choices import Normalization
from seqloom.config.settings import range_checks, setting, type_checks

__all__ = ["MISSING_WORDS", "TABLE_RULES", "ReadingConfig"]

MISSING_WORDS = ("nan", "NaN", "null", "<NA>")
"""Words for a missing value that pandas, Arrow and databases write. NA, N/A and None are names."""

TABLE_RULES = 2
"""Version of the rules by which cells become groups and pools."""


@dataclass(frozen=True, kw_only=True)
class ReadingConfig(JsonSerializable):
    """Settings of reading a source.

    Attributes:
        encoding: encoding of the text; None detects it.
        strict: whether a Unicode text with a few invalid bytes is refused; otherwise they are read as U+FFFD.
        lowercase: whether the text is folded to lower case (`str.lower`).
        normalize: Unicode normal form, or None.
        keep_newlines: whether CRLF and CR stay as they are; otherwise they become LF.
        records: how a text file is divided into records: "line" (one per line), "blank" (blank lines between them), a
            pair of marks around each record such as "{}", or None for one running text. "none" becomes None, and also
            keeps a training from reading a list of words by line.
        text: column (or JSON key) of the text; None for a source that is no table.
        rating: columns of numbers, the ratings of a text.
        category: columns of names, the categories of a text; for music, headers of the tunes such as "key".
        group: column that tells which records belong together; a group is never divided between training, validation
            and held-out text, nor between pools.
        pool: name of the part of a table to read. A table has five disjoint parts, the pools (see
            `corpora.disjoint_splits.POOLS`). None reads the whole table.
        cut_words: largest number of words of a record; a longer record is cut at the end of a sentence. 0 is off.
        passages: whether the text after the cut is read too, as further passages of at most `cut_words` words.
        sentences: whether records are read sentence by sentence.
        missing: words in cells of groups, categories and ratings that stand for a missing value, besides empty cells,
            null and NaN; all other words are names.
        kind: kind of sequence that the files hold, such as "text" or "music"; files of other kinds are skipped, and
            "text" reads any file as text. None is the kind of most files.
        transpose: for music: largest number of semitones by which copies for the training are transposed, up and down.
        vary_tempo: for music: largest change of the tempo of copies for the training, in percent.
        stretch: for drawings: largest reduction of the width and height of copies for the training, in percent, before
            they fill the grid again; the copies also lack some points.
        turn: for drawings: largest angle and slant of copies for the training, in degrees.
        max_size: largest size of the content of a compressed file in GiB.
        follow_links: whether links in a folder are followed if they lead out of the folder; otherwise they are skipped.
        table_rules: version of the rules by which cells become groups and pools (see `corpora.table_cells`). Runs and
            critics of before the rules had a version have version 1.
    """

    encoding: str | None = setting(None, help="encoding of the text (detected)")
    strict: bool = setting(False, help="refuse text with invalid bytes instead of reading them as U+FFFD")
    lowercase: bool = setting(False, help="fold to lower case")
    normalize: Normalization | None = setting(None, help="Unicode normal form")
    keep_newlines: bool = setting(False, help="keep CRLF and CR")
    records: str | None = setting(
        None,
        help="what divides records: line, blank, none, or two marks around each, such as '{}' (line for a list of "
        "words)",
    )
    text: str | None = setting(None, help="column of the text in a table", metavar="COLUMN")
    rating: tuple[str, ...] = setting(
        (), help="column of a rating, a number; repeatable", metavar="COLUMN", repeat=True
    )
    group: str | None = setting(None, help="column of the group; all rows of a group stay together", metavar="COLUMN")
    category: tuple[str, ...] = setting(
        (), help="column of a category, a name, or a header of tunes; repeatable", metavar="COLUMN", repeat=True
    )
    pool: str | None = setting(
        None, help="disjoint part of a table: generator, critic, judge, detector-train or detector-test"
    )
    cut_words: int = setting(
        0, help="maximum words of a record; longer ones are cut at a sentence end; 0 is off", at_least=0
    )
    passages: bool = setting(False, help="also read the rest of a cut record, as further passages")
    sentences: bool = setting(False, help="read records sentence by sentence")
    missing: tuple[str, ...] = setting(
        MISSING_WORDS,
        help="words for a missing group, category or rating, with commas between them",
        metavar="WORD[,WORD...]",
    )
    kind: str | None = setting(None, help="kind of the files: text, music, tunes or drawings (detected)")
    transpose: int = setting(
        0, help="music: also train on copies in all keys up to this many semitones away", at_least=0, at_most=12
    )
    vary_tempo: float = setting(
        0.0, help="music: also train on copies whose tempo differs by up to this many percent", at_least=0, at_most=50
    )
    stretch: float = setting(
        0.0,
        help="drawings: also train on copies that are narrower or lower by up to this many percent",
        at_least=0,
        at_most=50,
    )
    turn: float = setting(
        0.0,
        help="drawings: also train on copies that are turned and slanted by up to this many degrees",
        at_least=0,
        at_most=45,
    )
    max_size: float = setting(16.0, help="largest decompressed size of a file in GiB", above=0, finite=False)
    follow_links: bool = setting(False, help="follow links that lead out of a folder")
    table_rules: int = TABLE_RULES  # chosen by the version of seqloom, so it is no setting of a command

    def __post_init__(self) -> None:
        validate(*type_checks(self))
        if self.records == "none":
            object.__setattr__(self, "records", None)
        validate(*range_checks(self), *_rules(self))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the settings from the result of `to_json`; those of before the rules had a version have version 1.

        Raises:
            ConfigError: a field is missing, unknown or out of range.
        """
        return super().from_json({"table_rules": 1, **stored})


def _rules(config: ReadingConfig) -> Iterator[Check]:
    records = config.records
    yield (
        config.table_rules in range(1, TABLE_RULES + 1),
        f"the rules of tables have version {config.table_rules!r}, but this version of seqloom supports 1 to "
        f"{TABLE_RULES}: upgrade seqloom",
    )
    yield (
        records in (None, "line", "blank") or (records is not None and len(records) == 2 and records[0] != records[1]),
        f"`records` got {records!r}: choose line, blank, none, or two different marks such as '{{}}'",
    )
    named = [f"`{name}`" for name, value in (("rating", config.rating), ("group", config.group)) if value]
    yield (
        config.text is not None or not named,
        f"{' and '.join(named)} {'name' if len(named) > 1 else 'names'} a column of a table, so `text` must name the "
        "column of the text",
    )
    flags = [word for word in config.missing if word.startswith("--")]
    yield not flags, f"`missing` got {', '.join(flags)}: give the words for a missing value, such as -,NA"
    columns = (*config.rating, *config.category)
    for column in dict.fromkeys(columns):
        yield (
            columns.count(column) == 1,
            f"the column {column!r} is named twice by `rating` and `category`: leave out one of the two",
        )
    yield from _division_rules(config)


def _division_rules(config: ReadingConfig) -> Iterator[Check]:
    """Check the settings that divide a source into texts."""
    yield (
        config.pool is None or config.text is not None,
        "`pool` divides the rows of a table, so `text` must name the column of the text",
    )
    yield (
        config.cut_words > 0 or not config.passages,
        "`passages` divides long texts: set the length of a passage with `cut_words`",
    )
    has_records = config.text is not None or config.records is not None
    yield not config.cut_words or has_records, "`cut_words` cuts records: name the column `text`, or set `records`"
    yield (
        not config.sentences or not config.cut_words,
        "`sentences` reads sentences whole, and `cut_words` cuts them: leave out one of the two",
    )
    yield not config.sentences or has_records, "`sentences` divides records: name the column `text`, or set `records`"
    yield (
        config.text is None or config.records is None,
        "`text` and `records` contradict each other: the rows of a table are its records",
    )
