"""Tables as JSON Lines: one object per line.

A line that is not an object is skipped, and counted by reason.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from seqloom.config import ReadingConfig
from seqloom.corpora.formats.base import DecodedFile, TableFormat, check_table
from seqloom.corpora.formats.records import lines
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_columns import Row

__all__ = ["JsonLinesFile", "json_keys", "json_rows"]

_KEY_LINES = 1000
"""Number of lines whose keys count as the columns when a table is examined."""


@dataclass(frozen=True, kw_only=True)
class JsonLinesFile(DecodedFile, TableFormat):
    """A table of JSON objects, which need not have the same keys."""

    name = "jsonl"

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        """Determine the encoding of a table, and check its columns."""
        table = cls.decode(source_file, reading)
        check_table(source_file.name, reading, json_keys(table.text_chunks()))
        return table

    def columns(self) -> list[str]:
        """Return every key of the file."""
        return json_keys(self.text_chunks(), num_lines=None)

    def rows(self, columns: Sequence[str], tally: Counter[str]) -> Iterator[Row]:
        """Yield the objects, with all their cells."""
        return json_rows(self.text_chunks(), tally)

    @property
    def identity(self) -> list[Any]:
        """Format, encoding and hash."""
        return [self.name, self.encoding, "", self.sha256]  # "": no delimiter


def json_keys(chunks: Iterable[str], num_lines: int | None = _KEY_LINES) -> list[str]:
    """Return the keys of the objects in the first `num_lines` lines (None: all lines), in order of appearance."""
    keys: dict[str, None] = {}
    for line in islice(lines(chunks), num_lines):
        keys.update(dict.fromkeys(_json_object(line) or ()))
    return list(keys)


def json_rows(chunks: Iterable[str], tally: Counter[str]) -> Iterator[Row]:
    """Yield the objects of JSON Lines.

    Args:
        chunks: text of the table, cut anywhere.
        tally: counter of skipped lines by reason, which this function increases.
    """
    for number, line in enumerate(lines(chunks), start=1):
        cells = _json_object(line)
        if cells is not None:
            yield number, cells
        elif line.isspace():
            tally["empty line"] += 1
        else:
            tally["line that is not a JSON object"] += 1


def _json_object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
