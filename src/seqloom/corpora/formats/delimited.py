"""Tables as delimited text: CSV and TSV.

A row that cannot be read is skipped, and counted by reason.
"""

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, ClassVar, Self

from seqloom.config import ReadingConfig
from seqloom.corpora.formats.base import DecodedFile, TableFormat, check_table
from seqloom.corpora.formats.records import lines
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_columns import Row

__all__ = ["CsvFile", "TsvFile", "csv_header", "csv_rows"]

_MAX_CELL_CHARACTERS = 1 << 26
"""Length of the longest cell; the limit bounds the memory that a quote without an end can take."""

_MAX_HEADER_CHUNKS, _MAX_HEADER_LINES = 4, 100
"""Largest beginning of a table in which the header is sought, in chunks and in lines."""


@dataclass(frozen=True, kw_only=True)
class CsvFile(DecodedFile, TableFormat):
    """A table of delimited cells.

    Attributes:
        delimiters: possible delimiters, the likeliest first.
        delimiter: delimiter of this file.
    """

    name = "csv"
    delimiters: ClassVar[str] = ",;\t|"

    delimiter: str = ","

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        """Determine the encoding and the delimiter of a table, and check its columns."""
        return cls.decode(source_file, reading).with_detected_delimiter(reading)

    def with_detected_delimiter(self, reading: ReadingConfig) -> Self:
        """Detect the delimiter and check the columns; return this table with its delimiter."""
        columns, delimiter = csv_header(self.text_chunks(), reading.text, self.delimiters)
        check_table(self.source_file.name, reading, columns)
        return replace(self, delimiter=delimiter)

    def columns(self) -> list[str]:
        """Return the cells of the header."""
        columns, _ = csv_header(self.text_chunks(), text_column=None, delimiters=self.delimiter)
        return columns

    def rows(self, columns: Sequence[str], tally: Counter[str]) -> Iterator[Row]:
        """Yield the rows below the header, with all their cells."""
        return csv_rows(self.text_chunks(), self.delimiter, tally)

    @property
    def identity(self) -> list[Any]:
        """Format, encoding, delimiter and hash."""
        return [self.name, self.encoding, self.delimiter, self.sha256]


class TsvFile(CsvFile):
    """A table whose likeliest delimiter is the tab."""

    delimiters = "\t,;|"


def csv_header(
    chunks: Iterable[str], text_column: str | None, delimiters: str = CsvFile.delimiters
) -> tuple[list[str], str]:
    """Return the columns of a table and its delimiter.

    The delimiter is one that produces a column with the name `text_column`, if possible. Of several such delimiters,
    the one with the most columns is chosen; of those with equally many columns, the likeliest.

    Args:
        chunks: text of the table from its start.
        text_column: name of one of the columns, or None.
        delimiters: possible delimiters, the likeliest first.
    """
    first_lines = islice(lines(islice(chunks, _MAX_HEADER_CHUNKS)), _MAX_HEADER_LINES)
    nonempty_lines = [line for line in first_lines if not line.isspace()]
    headers = {delimiter: _first_row(nonempty_lines, delimiter) for delimiter in delimiters}
    best = max(headers, key=lambda delimiter: (text_column in headers[delimiter], len(headers[delimiter])))
    return headers[best], best


def csv_rows(chunks: Iterable[str], delimiter: str, tally: Counter[str]) -> Iterator[Row]:
    """Yield the rows below the header. Cells are quoted as in RFC 4180, and may hold line ends and NUL.

    Args:
        chunks: text of the table, cut anywhere, with its own line ends.
        delimiter: one character.
        tally: counter of skipped rows by reason, which this function increases.
    """
    _allow_long_cells()
    source = _Lines(chunks)
    reader = csv.reader(source, delimiter=delimiter)
    header: list[str] | None = None
    row_number = 0
    while True:
        num_lines_before = reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            tally["line of a malformed row"] += reader.line_num - num_lines_before
            continue
        if header is None:
            header = [cell.strip() for cell in row] if any(row) else None  # skip empty rows before it
            continue
        row_number += 1
        if source.is_exhausted:
            # The reader requested a line after the last one, because it is still inside quotes.
            tally["line after a quote that is never closed"] += reader.line_num - num_lines_before
        elif not row:
            tally["empty row"] += 1
        elif len(row) != len(header):
            tally["row with too few cells" if len(row) < len(header) else "row with too many cells"] += 1
        else:
            yield row_number, dict(zip(header, row, strict=True))


def _allow_long_cells() -> None:
    if csv.field_size_limit() < _MAX_CELL_CHARACTERS:
        csv.field_size_limit(_MAX_CELL_CHARACTERS)


def _first_row(table_lines: Iterable[str], delimiter: str) -> list[str]:
    _allow_long_cells()
    try:
        return [cell.strip() for cell in next(csv.reader(table_lines, delimiter=delimiter), [])]
    except csv.Error:
        return []


class _Lines:
    """Iterator over the lines of a text, which notices when its end is reached.

    Attributes:
        is_exhausted: whether a line after the last one was requested.
    """

    def __init__(self, chunks: Iterable[str]) -> None:
        self.is_exhausted = False
        self._lines = lines(chunks)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        try:
            return next(self._lines)
        except StopIteration:
            self.is_exhausted = True
            raise
