"""Rows of CSV, TSV and JSON Lines, one at a time, as cells by column name. Knows nothing of ratings.

A row that cannot be read is counted by reason, and the next one is read.
"""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

from seqloom.corpora.formats.records import lines
from seqloom.errors import SourceError

__all__ = ["Row", "check_columns", "csv_header", "csv_rows", "json_keys", "json_rows", "listed"]

Row = tuple[int, Mapping[str, Any]]
"""The number of the row (the first below the header, or the first line of JSON, is 1) and its cells."""

Tally = Counter[str]

_DELIMITERS = ",;\t|"
_CELL_CHARACTERS = 1 << 26  # a quote that is never closed must not take all memory
_KEY_LINES = 1000


def check_columns(name: str, wanted: Iterable[str], found: Sequence[str]) -> None:
    """Make sure that each wanted column is there, once.

    Raises:
        SourceError: one is missing or there twice; lists the columns, and the nearest one first.
    """
    faults = []
    for column in wanted:
        near = get_close_matches(column, found, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        if column not in found:
            faults.append(f"{name} has no column {column!r}: choose from {listed(found)}{hint}")
        elif found.count(column) > 1:
            faults.append(f"{name} has {found.count(column)} columns named {column!r}: rename all but one")
    if faults:
        raise SourceError(*faults)


def listed(columns: Sequence[str], *, most: int = 20) -> str:
    """The names of columns for a message; of a wide table only the first ones."""
    more = f" and {len(columns) - most} more" if len(columns) > most else ""
    return ", ".join(repr(column)[1:-1][:40] for column in columns[:most]) + more if columns else "no columns found"


def csv_header(pieces: Iterable[str], wanted: str | None, delimiters: str = _DELIMITERS) -> tuple[list[str], str]:
    """The columns of a table and what stands between them.

    Args:
        pieces: the table's text from its start.
        wanted: a column that the right delimiter brings to light; where none does, most columns win.
        delimiters: what may stand between two cells, the likeliest first.
    """
    start = [line for line in islice(lines(islice(pieces, 4)), 100) if not line.isspace()]
    headers = {delimiter: _first_cells(start, delimiter) for delimiter in delimiters}
    best = max(headers, key=lambda delimiter: (wanted in headers[delimiter], len(headers[delimiter])))
    return headers[best], best


def csv_rows(pieces: Iterable[str], delimiter: str, tally: Tally) -> Iterator[Row]:
    """The rows below the header. Cells are quoted as RFC 4180 has it, and may hold line ends and NUL.

    Args:
        pieces: the table's text, cut anywhere, with its own line ends.
        delimiter: one character.
        tally: counts the rows that are left out.
    """
    _allow_long_cells()
    source = _Lines(pieces)
    rows = csv.reader(source, delimiter=delimiter)
    header: list[str] | None = None
    number = 0
    while True:
        begun = rows.line_num
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            tally["line of a malformed row"] += rows.line_num - begun
            continue
        if header is None:
            header = [cell.strip() for cell in row] if any(row) else None
            continue
        number += 1
        if source.at_end:
            # The reader came back for more after the last line: it is still inside the quotes.
            tally["line after a quote that is never closed"] += rows.line_num - begun
        elif not row:
            tally["empty row"] += 1
        elif len(row) != len(header):
            tally["row with too few cells" if len(row) < len(header) else "row with too many cells"] += 1
        else:
            yield number, dict(zip(header, row, strict=True))


def _allow_long_cells() -> None:
    if csv.field_size_limit() < _CELL_CHARACTERS:
        csv.field_size_limit(_CELL_CHARACTERS)


def _first_cells(start: Iterable[str], delimiter: str) -> list[str]:
    _allow_long_cells()
    try:
        return [cell.strip() for cell in next(csv.reader(start, delimiter=delimiter), [])]
    except csv.Error:
        return []


def json_keys(pieces: Iterable[str]) -> list[str]:
    """The keys of the first objects of a file of JSON Lines, in order of appearance."""
    keys: dict[str, None] = {}
    for line in islice(lines(pieces), _KEY_LINES):
        keys.update(dict.fromkeys(_json_object(line) or ()))
    return list(keys)


def json_rows(pieces: Iterable[str], tally: Tally) -> Iterator[Row]:
    """The objects of a file that holds one a line."""
    for number, line in enumerate(lines(pieces), start=1):
        cells = _json_object(line)
        if cells is not None:
            yield number, cells
        elif line.isspace():
            tally["empty line"] += 1
        else:
            tally["line that is no JSON object"] += 1


def _json_object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class _Lines:
    """The lines of a text, and whether all of them were handed out and one more was asked for."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self.at_end = False
        self._lines = lines(pieces)

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        try:
            return next(self._lines)
        except StopIteration:
            self.at_end = True
            raise
