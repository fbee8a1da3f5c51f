"""How a source is read."""

from dataclasses import dataclass

from seqloom.config.base import JsonSerializable, validate

__all__ = ["ReadingConfig"]


@dataclass(frozen=True, kw_only=True)
class ReadingConfig(JsonSerializable):
    """How a source becomes documents.

    Attributes:
        encoding: the text's encoding; None detects it.
        lowercase: fold the text to lower case (`str.lower`).
        normalize: a Unicode normal form (NFC, NFD, NFKC, NFKD), or None.
        keep_newlines: leave CRLF and CR as they are instead of making them LF.
        records: where records end within a text file: "line", "blank" (a blank line), a pair of marks such as "{}", or
            None for one running text.
        text: the column (or JSON key) that holds the text; None where the source is no table.
        rating: the columns that hold numbers.
        category: the columns that hold names.
        group: the column that says which records belong together.
        pool: the part of a table that is read; None reads it all.
        cut_words: words of a record beyond which it is cut where a sentence ends; 0 is off.
        passages: read what is cut off too, in passages of that length.
        sentences: read records sentence by sentence.
    """

    encoding: str | None = None
    lowercase: bool = False
    normalize: str | None = None
    keep_newlines: bool = False
    records: str | None = None
    text: str | None = None
    rating: tuple[str, ...] = ()
    group: str | None = None
    category: tuple[str, ...] = ()
    pool: str | None = None
    cut_words: int = 0
    passages: bool = False
    sentences: bool = False

    def __post_init__(self) -> None:
        marks = self.records
        validate(
            (
                self.normalize in (None, "NFC", "NFD", "NFKC", "NFKD"),
                f"--normalize got {self.normalize!r}: choose from NFC, NFD, NFKC, NFKD",
            ),
            (
                marks in (None, "line", "blank") or (marks is not None and len(marks) == 2 and marks[0] != marks[1]),
                f"--records got {marks!r}: choose line, blank, or two different marks such as '{{}}'",
            ),
            (
                self.text is not None or not (self.rating or self.group or self.category),
                "--rating, --category and --group name columns, so --text must name the column of the text",
            ),
            *[
                (
                    (*self.rating, *self.category).count(column) == 1,
                    f"the column {column!r} is named twice by --rating and --category: leave out one of the two",
                )
                for column in dict.fromkeys((*self.rating, *self.category))
            ],
            (
                self.pool is None or self.text is not None,
                "--pool divides the rows of a table, so --text must name the column of the text",
            ),
            (
                self.cut_words > 0 or not self.passages,
                "--passages divides long texts: say how long a passage may be with --cut-words",
            ),
            (self.cut_words >= 0, f"--cut-words got {self.cut_words}: choose 0 (off), or 1 or more"),
            (
                not self.cut_words or self.text is not None or marks is not None,
                "--cut-words cuts records short: give --text COLUMN or --records too",
            ),
            (
                not self.sentences or not self.cut_words,
                "--sentences reads sentences whole, and --cut-words cuts them: leave out one of the two",
            ),
            (
                not self.sentences or self.text is not None or marks is not None,
                "--sentences divides records: give --text COLUMN or --records too",
            ),
            (
                self.text is None or marks is None,
                "--text and --records contradict each other: the rows of a table are its records",
            ),
        )
