"""Writers of tables: CSV, TSV, JSON Lines and Parquet, chunk by chunk into one file that can be continued.

What a format cannot hold is written as something else and counted, never dropped silently: half a surrogate pair in
UTF-8, a line end in a TSV cell, an infinite number in JSON.
"""

import base64
import csv
import io
import json
import math
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any

from seqloom.errors import SourceError

__all__ = [
    "CsvWriter",
    "JsonLinesWriter",
    "TableRows",
    "TableWriter",
    "TsvWriter",
    "check_names",
    "json_text",
    "utf8_text",
]

_HALF_PAIR_CELL = "cell with half a surrogate pair, written as U+FFFD"
_NOT_FINITE = "number that is NaN or infinite, written as null"
_BYTES = "cell of bytes, written in base64"
_TSV_SPACE = "cell with a tab or line end, written as a space"
"""Reasons for which a cell is written as something else."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_TSV_BREAK = re.compile(r"\r\n|[\t\r\n]")


@dataclass(frozen=True)
class TableRows:
    """Some rows of a table that follow each other.

    Attributes:
        cells: cells of each row, by column.
        batch: all cells of the rows as an Arrow record batch, where the table is copied from Parquet to Parquet. Then
            `cells` has the text only.
    """

    cells: Sequence[Mapping[str, Any]]
    batch: Any = None


class TableWriter(ABC):
    """Writer of one table.

    Args:
        file: open file, positioned where the next row is to be written.
        header: columns of the source.
        new_columns: further columns.
    """

    def __init__(self, file: IO[bytes], header: Sequence[str], new_columns: Sequence[str]) -> None:
        self._file = file
        self._header = list(header)
        self._new_columns = list(new_columns)

    def begin(self) -> None:
        """Write what stands before the first row; nothing by default."""
        return

    @abstractmethod
    def write(self, rows: TableRows, new_cells: Mapping[int, Mapping[str, Any]], tally: Counter[str]) -> None:
        """Write some rows.

        Args:
            rows: rows of the source.
            new_cells: new cells by the index of their row; the other rows have empty new cells.
            tally: counter of cells that are written as something else, by reason.
        """

    def finish(self, part: Path, finished: Path) -> bool:
        """Make the finished table from the file that was written; return False if that file is the table itself."""
        return False


class CsvWriter(TableWriter):
    """Writer of CSV as in RFC 4180."""

    def __init__(self, file: IO[bytes], header: Sequence[str], new_columns: Sequence[str]) -> None:
        super().__init__(file, header, new_columns)
        check_names([utf8_text(name, Counter()) for name in (*header, *new_columns)])

    def begin(self) -> None:
        """Write the header."""
        tally: Counter[str] = Counter()
        self._write_rows([[utf8_text(name, tally) for name in (*self._header, *self._new_columns)]], tally)

    def write(self, rows: TableRows, new_cells: Mapping[int, Mapping[str, Any]], tally: Counter[str]) -> None:
        """Write some rows; lists and objects become JSON."""
        table = []
        for index, cells in enumerate(rows.cells):
            added = new_cells.get(index, {})
            values = [*map(cells.get, self._header), *map(added.get, self._new_columns)]
            table.append([_plain_cell(value, tally) for value in values])
        self._write_rows(table, tally)

    def _write_rows(self, table: Sequence[Sequence[Any]], tally: Counter[str]) -> None:
        buffer = io.StringIO(newline="")
        minimal = csv.writer(buffer, lineterminator="\n")
        quoted = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for row in table:
            # `csv` leaves a CR without quotes, which ends a row for most readers.
            has_return = any(isinstance(cell, str) and "\r" in cell for cell in row)
            (quoted if has_return else minimal).writerow(row)
        self._file.write(buffer.getvalue().encode())


class TsvWriter(CsvWriter):
    """Writer of TSV, which has no quotation marks around cells: tabs and line ends in cells become spaces."""

    def _write_rows(self, table: Sequence[Sequence[Any]], tally: Counter[str]) -> None:
        lines = []
        for row in table:
            cells = ["" if cell is None else str(cell) for cell in row]
            for index, cell in enumerate(cells):
                if _TSV_BREAK.search(cell):
                    tally[_TSV_SPACE] += 1
                    cells[index] = _TSV_BREAK.sub(" ", cell)
            lines.append("\t".join(cells) + "\n")
        self._file.write("".join(lines).encode())


class JsonLinesWriter(TableWriter):
    """Writer of JSON Lines; a row has the keys that its source has."""

    def write(self, rows: TableRows, new_cells: Mapping[int, Mapping[str, Any]], tally: Counter[str]) -> None:
        """Write some rows."""
        nothing = dict.fromkeys(self._new_columns)
        for index, cells in enumerate(rows.cells):
            line = json_text({**cells, **nothing, **new_cells.get(index, {})}, tally)
            self._file.write(line.encode() + b"\n")


def check_names(names: Sequence[str]) -> None:
    """Check that the names of columns differ once half surrogate pairs are replaced.

    Raises:
        SourceError: two names are equal.
    """
    if len(set(names)) < len(names):
        raise SourceError(
            "two columns have names with half a surrogate pair, which only JSON can tell apart: name an `output` that "
            "ends in .jsonl"
        )


def json_text(value: Any, tally: Counter[str]) -> str:
    """Return a value as JSON that UTF-8 can encode: half a surrogate pair as an escape, a number without end as null.

    Raises:
        SourceError: the value is nested too deeply.
    """
    try:
        try:
            text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=partial(_base64_or_text, tally=tally))
        except ValueError:
            text = json.dumps(
                _finite(value, tally),
                ensure_ascii=False,
                allow_nan=False,
                default=partial(_base64_or_text, tally=tally),
            )
    except RecursionError:
        raise SourceError("a cell is nested too deeply to be written: leave out its column") from None
    return _SURROGATE.sub(lambda half: f"\\u{ord(half[0]):04x}", text)


def utf8_text(text: str, tally: Counter[str]) -> str:
    """Return a text that UTF-8 can encode; count it if half a surrogate pair had to be replaced."""
    replaced = _SURROGATE.sub("\ufffd", text)
    if replaced != text:
        tally[_HALF_PAIR_CELL] += 1
    return replaced


def _base64_or_text(value: Any, tally: Counter[str]) -> str:
    """Return a value that JSON lacks as text: bytes in base64, a decimal number with all its digits."""
    if not isinstance(value, bytes):
        return str(value)
    tally[_BYTES] += 1
    return base64.b64encode(value).decode()


def _finite(value: Any, tally: Counter[str]) -> Any:
    """Return a value of JSON with null for numbers that JSON lacks."""
    if isinstance(value, float) and not math.isfinite(value):
        tally[_NOT_FINITE] += 1
        return None
    if isinstance(value, dict):
        return {key: _finite(part, tally) for key, part in value.items()}
    return [_finite(part, tally) for part in value] if isinstance(value, list) else value


def _plain_cell(value: Any, tally: Counter[str]) -> Any:
    """Return a cell for a table of text: JSON for an object or a list, base64 for bytes, None for nothing."""
    if isinstance(value, str):
        return utf8_text(value, tally)
    if isinstance(value, dict | list):
        return json_text(value, tally)
    return _base64_or_text(value, tally) if isinstance(value, bytes) else value
