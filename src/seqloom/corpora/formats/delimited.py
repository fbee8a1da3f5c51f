"""Tables as delimited text: CSV and TSV.

A row that cannot be read is skipped, and counted by reason.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, ClassVar, Literal, Self

from seqloom.config import ReadingConfig
from seqloom.corpora.formats.base import DecodedFile, TableFormat, check_table
from seqloom.corpora.formats.records import lines
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_columns import Row

__all__ = ["CsvFile", "Quoting", "TsvFile", "csv_header", "csv_rows"]

Quoting = Literal["doubled", "backslash", "none", "tolerant"]
"""How cells are quoted: as in RFC 4180, where a quotation mark inside a quoted cell is doubled; with a backslash before
such a mark, as databases write it; not at all, as in TSV; or as in RFC 4180, but with text allowed after a quoted cell,
as in version 1 of the rules of tables."""

_MAX_CELL_CHARACTERS = 1 << 26
"""Length of the longest cell; the limit bounds the memory that a quote without an end can take."""

_MAX_HEADER_CHUNKS, _MAX_HEADER_LINES = 4, 100
"""Largest beginning of a table in which the header is sought, in chunks and in lines."""

_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
"""First line that names the delimiter, as Excel writes and reads it."""

_BACKSLASH_QUOTE = r'(?:^|{0})"[^"\r\n]*?(?<!\\)(?:\\\\)*\\"[^{0}"\r\n]'
"""Beginning of a quoted cell with a quotation mark after a backslash that does not end the cell. No table of RFC 4180
has such a cell. The braces stand for the delimiter."""


@dataclass(frozen=True, kw_only=True)
class CsvFile(DecodedFile, TableFormat):
    """A table of delimited cells.

    Attributes:
        delimiters: possible delimiters, the likeliest first.
        unquoted_delimiter: delimiter between cells without quotes, or "".
        delimiter: delimiter of this file.
        quoting: how this file quotes cells.
    """

    name = "csv"
    delimiters: ClassVar[str] = ",;\t|"
    unquoted_delimiter: ClassVar[str] = ""

    delimiter: str = ","
    quoting: Quoting = "doubled"

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        """Determine the encoding, the delimiter and the quotes of a table, and check its columns."""
        return cls.decode(source_file, reading).with_detected_delimiter(reading)

    def with_detected_delimiter(self, reading: ReadingConfig) -> Self:
        """Detect the delimiter and the quotes, and check the columns; return this table with them."""
        is_tolerant = reading.table_rules == 1
        columns, delimiter = csv_header(self.text_chunks(), reading.text, self.delimiters)
        quoting: Quoting = "tolerant" if is_tolerant else "doubled"
        if not is_tolerant and delimiter == self.unquoted_delimiter:
            quoting = "none"
            columns, _ = csv_header(self.text_chunks(), reading.text, delimiter, quoting)
        elif not is_tolerant and _has_backslash_quotes(self.text_chunks(), delimiter):
            quoting = "backslash"
        check_table(self.source_file.name, reading, columns)
        return replace(self, delimiter=delimiter, quoting=quoting)

    def columns(self) -> list[str]:
        """Return the cells of the header."""
        columns, _ = csv_header(self.text_chunks(), text_column=None, delimiters=self.delimiter, quoting=self.quoting)
        return columns

    def rows(self, columns: Sequence[str], tally: Counter[str]) -> Iterator[Row]:
        """Yield the rows below the header, with all their cells."""
        return csv_rows(self.text_chunks(), self.delimiter, tally, self.quoting)

    @property
    def identity(self) -> list[Any]:
        """Format, encoding, delimiter and hash."""
        return [self.name, self.encoding, self.delimiter, self.sha256]


class TsvFile(CsvFile):
    """A table whose likeliest delimiter is the tab. Between tabs, a quotation mark is a character like any other."""

    delimiters = "\t,;|"
    unquoted_delimiter = "\t"


def csv_header(
    chunks: Iterable[str],
    text_column: str | None,
    delimiters: str = CsvFile.delimiters,
    quoting: Quoting = "doubled",
) -> tuple[list[str], str]:
    """Return the columns of a table and its delimiter.

    The delimiter is the one that a first line such as `sep=;` names. Otherwise it is one that produces a column with
    the name `text_column`, if possible. Of several such delimiters, the one with the most columns is chosen; of those
    with equally many columns, the likeliest.

    Args:
        chunks: text of the table from its start.
        text_column: name of one of the columns, or None.
        delimiters: possible delimiters, the likeliest first.
        quoting: how cells are quoted.
    """
    separator, table_lines = _without_separator_line(lines(islice(chunks, _MAX_HEADER_CHUNKS)))
    nonempty_lines = [line for line in islice(table_lines, _MAX_HEADER_LINES) if not line.isspace()]
    headers = {delimiter: _first_row(nonempty_lines, delimiter, quoting) for delimiter in separator or delimiters}
    best = max(headers, key=lambda delimiter: (text_column in headers[delimiter], len(headers[delimiter])))
    return headers[best], best


def csv_rows(chunks: Iterable[str], delimiter: str, tally: Counter[str], quoting: Quoting = "doubled") -> Iterator[Row]:
    """Yield the rows below the header. A quoted cell may hold line ends, and every cell NUL.

    Args:
        chunks: text of the table, cut anywhere, with its own line ends.
        delimiter: one character.
        tally: counter of skipped rows by reason, which this function increases.
        quoting: how cells are quoted.
    """
    _, table_lines = _without_separator_line(lines(chunks))
    source = _Lines(_without_nulls(table_lines, delimiter) if quoting == "backslash" else table_lines)
    reader = _reader(source, delimiter, quoting)
    header: list[str] | None = None
    row_number = 0
    while True:
        num_lines_before = reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            row_number += header is not None
            tally["line after a quote that is never closed" if source.is_exhausted else "line of a malformed row"] += (
                reader.line_num - num_lines_before
            )
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


def _without_separator_line(table_lines: Iterator[str]) -> tuple[str, Iterator[str]]:
    """Return the delimiter that the first line names, or "", and the lines of the table itself."""
    first = next(table_lines, "")
    separator = _SEPARATOR_LINE.fullmatch(first)
    return (separator[1], table_lines) if separator else ("", chain((first,) if first else (), table_lines))


def _without_nulls(table_lines: Iterator[str], delimiter: str) -> Iterator[str]:
    r"""Yield lines with an empty cell for `\N`, which databases that write backslashes before quotes write for null."""
    edge = re.escape(delimiter)
    null = re.compile(rf"(?:^|(?<={edge}))\\N(?=$|[\r\n]|{edge})")
    for line in table_lines:
        yield null.sub("", line) if "\\N" in line else line


def _has_backslash_quotes(chunks: Iterable[str], delimiter: str) -> bool:
    pattern = re.compile(_BACKSLASH_QUOTE.format(re.escape(delimiter)), re.MULTILINE)
    return any('\\"' in line and pattern.search(line) for line in lines(islice(chunks, _MAX_HEADER_CHUNKS)))


def _reader(table_lines: Iterable[str], delimiter: str, quoting: Quoting) -> Any:
    if csv.field_size_limit() < _MAX_CELL_CHARACTERS:
        csv.field_size_limit(_MAX_CELL_CHARACTERS)
    if quoting == "none":
        return csv.reader(table_lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    if quoting == "backslash":
        return csv.reader(table_lines, delimiter=delimiter, escapechar="\\", strict=True)
    return csv.reader(table_lines, delimiter=delimiter, strict=quoting == "doubled")


def _first_row(table_lines: Iterable[str], delimiter: str, quoting: Quoting) -> list[str]:
    try:
        return [cell.strip() for cell in next(_reader(table_lines, delimiter, quoting), [])]
    except csv.Error:
        return []


class _Lines:
    """Iterator over the lines of a text, which notices when its end is reached.

    Attributes:
        is_exhausted: whether a line after the last one was requested.
    """

    def __init__(self, table_lines: Iterator[str]) -> None:
        self.is_exhausted = False
        self._lines = table_lines

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        try:
            return next(self._lines)
        except StopIteration:
            self.is_exhausted = True
            raise
