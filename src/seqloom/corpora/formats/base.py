"""The contract of a format: one file of a source to documents."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self, TypeVar

from seqloom.config import ReadingConfig
from seqloom.corpora.document import Document
from seqloom.corpora.encodings import Damage, Refused, Undecodable, decode_blocks, scan
from seqloom.corpora.payloads import Payload, TextPayload
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_columns import Row, check_columns, list_columns
from seqloom.corpora.table_documents import RatingColumns, row_documents
from seqloom.errors import SourceError

__all__ = ["DecodedFile", "Format", "TableFormat", "check_table", "named_columns", "whole_content"]

DecodedT = TypeVar("DecodedT", bound="DecodedFile")


@dataclass(frozen=True, kw_only=True)
class Format(ABC):
    """A subclass is a format; an instance is one examined file of that format, and reads its documents.

    Attributes:
        name: name of the format, a part of the corpus fingerprint (the hash that identifies a corpus).
        source_file: file.
        sha256: hash of the file's bytes, in hexadecimal.
        encoding: Python codec of the file's text; "" for binary files.
        encoding_detected: True if the encoding was detected; False if the user named it, and for binary files.
        damage: places of a Unicode text with invalid bytes, which are read as U+FFFD; None if there are none.
        payload_type: type of the payloads of its documents.
        version: number that rises when the same file and settings give other documents than before. It is a part of the
            fingerprint, so stored token ids of older versions are not used.
        has_headers: whether its documents have headers, which can be categories; the columns of a table are no headers.
        separates_documents: whether each file of the format counts as separate documents, which a model learns to end.
            False for texts and tables, because their documents are separate only if the reading settings (`records` or
            `text`) divide the file.
    """

    name: ClassVar[str]
    payload_type: ClassVar[type[Payload]] = TextPayload
    version: ClassVar[int] = 1
    separates_documents: ClassVar[bool] = False
    has_headers: ClassVar[bool] = False

    source_file: SourceFile
    sha256: str
    encoding: str = ""
    encoding_detected: bool = False
    damage: Damage | None = None

    @classmethod
    @abstractmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        """Read every byte of a file once, to hash it and to check that it has this format.

        Raises:
            Refused: the file does not have this format. If it is one of many in a folder, the caller skips and counts
                it.
            SourceError: the file is damaged or lacks a column.
        """

    @abstractmethod
    def documents(self, reading: ReadingConfig, ratings: RatingColumns, tally: Counter[str]) -> Iterator[Document]:
        """Yield the documents of the file in order.

        Args:
            reading: the settings that `examine` received.
            ratings: counts of the cells in rating columns, which a table increases.
            tally: counter of skipped parts by reason, which this method increases.
        """

    @property
    def identity(self) -> list[Any]:
        """Part of the corpus fingerprint, in JSON types: name of the format, encoding, delimiter and hash."""
        return [self.name, self.encoding, ",", self.sha256]  # "," stands in for a delimiter, which only CSV files have


@dataclass(frozen=True, kw_only=True)
class DecodedFile(Format):
    """A file of encoded text."""

    @classmethod
    def decode(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        """Read every byte of a file once, to hash it and to determine its encoding.

        Args:
            source_file: file.
            reading: reading settings.

        Raises:
            Refused: the file is empty, blank, binary, or in an unknown encoding.
            SourceError: the file is not in the encoding that `reading` names, or it has invalid bytes and `reading` is
                strict.
        """
        scanned = scan(source_file.read_blocks, source_file.name, reading.encoding, strict=reading.strict)
        if scanned.is_blank:
            raise Refused(
                "file of white space", f"{source_file.name} holds nothing but white space: choose one with text"
            )
        return cls(
            source_file=source_file,
            sha256=scanned.sha256,
            encoding=scanned.encoding,
            encoding_detected=scanned.is_detected,
            damage=scanned.damage,
        )

    def as_format(self, file_format: type[DecodedT]) -> DecodedT:
        """Return the same file as an instance of another format, without reading it again."""
        return file_format(
            source_file=self.source_file,
            sha256=self.sha256,
            encoding=self.encoding,
            encoding_detected=self.encoding_detected,
            damage=self.damage,
        )

    def text_chunks(self) -> Iterator[str]:
        """Yield the text of the file, cut anywhere, with its own line ends.

        Raises:
            SourceError: the file has changed since `examine`.
        """
        try:
            errors: Literal["strict", "replace"] = "strict" if self.damage is None else "replace"
            yield from decode_blocks(self.source_file.read_blocks(), self.encoding, errors)
        except Undecodable as error:
            raise SourceError(
                f"{self.source_file.name} changed while it was being read: {error}; start again"
            ) from error


class TableFormat(Format):
    """A table: one document per row."""

    @abstractmethod
    def columns(self) -> list[str]:
        """Return the names of all columns, in order."""

    @abstractmethod
    def rows(self, columns: Sequence[str], tally: Counter[str]) -> Iterator[Row]:
        """Yield the rows of the table.

        Args:
            columns: columns whose cells are needed; a row may have further cells.
            tally: counter of skipped rows by reason, which this method increases.
        """

    def documents(self, reading: ReadingConfig, ratings: RatingColumns, tally: Counter[str]) -> Iterator[Document]:
        """Yield one document per row with text."""
        rows = self.rows(named_columns(reading), tally)
        return row_documents(rows, self.source_file.name, reading, ratings, tally)


def named_columns(reading: ReadingConfig) -> list[str]:
    """Return the columns that `reading` names."""
    columns = (reading.text, *reading.rating, *reading.category, reading.group)
    return [column for column in columns if column is not None]


def whole_content(source_file: SourceFile, max_bytes: int, noun: str) -> bytes:
    """Return all bytes of a file of a format that is read at once.

    Args:
        source_file: file.
        max_bytes: largest size.
        noun: what the file is, such as "MIDI file".

    Raises:
        Refused: the file is larger.
    """
    parts, size = [], 0
    for block in source_file.read_blocks():
        parts.append(block)
        size += len(block)
        if size > max_bytes:
            raise Refused(
                f"{noun} that is too large",
                f"{source_file.name} has more than {max_bytes >> 20:,} MiB, too much for a {noun}: choose another file",
            )
    return b"".join(parts)


def check_table(name: str, reading: ReadingConfig, columns: Sequence[str]) -> None:
    """Check that a table has the columns that `reading` names.

    Raises:
        Refused: `reading` names no text column.
        SourceError: a column is missing or occurs twice.
    """
    if reading.text is None:
        raise Refused(
            "table without `text`",
            f"{name} is a table: name the column that holds the text with `text` ({list_columns(columns)})",
        )
    check_columns(name, named_columns(reading), columns)
