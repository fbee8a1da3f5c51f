"""Tables as JSON: one object per line (JSON Lines), or one array of objects.

A line or an element that is not an object is skipped, and counted by reason.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Self

from seqloom.config import ReadingConfig
from seqloom.corpora.formats.base import DecodedFile, TableFormat, check_table
from seqloom.corpora.formats.records import lines
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_columns import Row
from seqloom.errors import SourceError

__all__ = ["JsonLinesFile", "json_array_rows", "json_keys", "json_rows"]

_KEY_ROWS = 1000
"""Number of lines or elements whose keys count as the columns when a table is examined."""

_LINE, _ELEMENT = "line that is not a JSON object", "element that is not a JSON object"
_REPEATED_KEY = "row with a key twice"
"""Reasons for skipping a row."""


@dataclass(frozen=True, kw_only=True)
class JsonLinesFile(DecodedFile, TableFormat):
    """A table of JSON objects, which need not have the same keys.

    Attributes:
        is_array: whether the file is one array of objects; otherwise each line is one object.
        refuses_repeated_keys: whether an object that names a key twice is skipped; otherwise its last value counts.
    """

    name = "jsonl"

    is_array: bool = False
    refuses_repeated_keys: bool = True

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        """Determine the encoding of a table, and check its columns."""
        return cls.decode(source_file, reading).with_detected_layout(reading)

    def with_detected_layout(self, reading: ReadingConfig) -> Self:
        """Detect whether the table is an array, and check its columns; return this table with its layout.

        Raises:
            SourceError: the file is one object over several lines, or lacks a column.
        """
        name = self.source_file.name
        is_first_rules = reading.table_rules == 1
        start, is_array = _layout(self.text_chunks())
        table = replace(self, is_array=not is_first_rules and is_array, refuses_repeated_keys=not is_first_rules)
        columns = json_keys(table.rows((), Counter()), _KEY_ROWS)
        if not columns and start == "{":
            raise SourceError(
                f"{name} has no line that is a JSON object: write each object in one line, or all of them in one array"
            )
        check_table(name, reading, columns)
        return table

    def columns(self) -> list[str]:
        """Return every key of the file."""
        return json_keys(self.rows((), Counter()))

    def rows(self, columns: Sequence[str], tally: Counter[str]) -> Iterator[Row]:
        """Yield the objects, with all their cells.

        Raises:
            SourceError: an array is damaged; raised after the elements before the damage.
        """
        if self.is_array:
            return json_array_rows(self.text_chunks(), self.source_file.name, tally)
        return json_rows(self.text_chunks(), tally, refuses_repeated_keys=self.refuses_repeated_keys)

    @property
    def identity(self) -> list[Any]:
        """Format, encoding and hash."""
        return [self.name, self.encoding, "", self.sha256]  # "": no delimiter


def json_keys(rows: Iterable[Row], num_rows: int | None = None) -> list[str]:
    """Return the keys of the first `num_rows` objects (None: all objects), in order of appearance."""
    keys: dict[str, None] = {}
    for _, cells in islice(rows, num_rows):
        keys.update(dict.fromkeys(cells))
    return list(keys)


def json_rows(chunks: Iterable[str], tally: Counter[str], *, refuses_repeated_keys: bool = True) -> Iterator[Row]:
    """Yield the objects of JSON Lines.

    Args:
        chunks: text of the table, cut anywhere.
        tally: counter of skipped lines by reason, which this function increases.
        refuses_repeated_keys: whether an object that names a key twice is skipped.
    """
    decoder = _DECODER if refuses_repeated_keys else json.JSONDecoder()
    for number, line in enumerate(lines(chunks), start=1):
        if line.isspace():
            tally["empty line"] += 1
            continue
        try:
            cells = decoder.decode(line)
        except _RepeatedKey:
            tally[_REPEATED_KEY] += 1
            continue
        except (ValueError, RecursionError):
            cells = None
        if isinstance(cells, dict):
            yield number, cells
        else:
            tally[_LINE] += 1


def json_array_rows(chunks: Iterable[str], name: str, tally: Counter[str]) -> Iterator[Row]:
    """Yield the objects of a JSON array; only one of them at a time is in memory.

    Args:
        chunks: text of the array, cut anywhere.
        name: name of the table in messages.
        tally: counter of skipped elements by reason, which this function increases.

    Raises:
        SourceError: the text is not one complete array.
    """
    text = _Buffer(chunks)
    text.skip("[")
    number = 0
    has_element = not text.skip("]")
    while has_element:
        number += 1
        try:
            cells = text.value(_DECODER)
        except _RepeatedKey:
            text.value(json.JSONDecoder())
            tally[_REPEATED_KEY] += 1
        except (ValueError, RecursionError) as error:
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error).partition(":")[0]
            raise SourceError(
                f"{name} is a JSON array whose element {number} cannot be read ({reason}): repair it, or write one "
                "object per line"
            ) from None
        else:
            if isinstance(cells, dict):
                yield number, cells
            else:
                tally[_ELEMENT] += 1
        has_element = text.skip(",")
        if not has_element and not text.skip("]"):
            raise SourceError(
                f"{name} is a JSON array that is damaged after element {number}: repair it, or write one object per "
                "line"
            )
    if text.has_more():
        raise SourceError(f"{name} is a JSON array with something after its end: leave only the array in the file")


class _RepeatedKey(ValueError):
    """An object names a key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    cells = dict(pairs)
    if len(cells) < len(pairs):
        raise _RepeatedKey
    return cells


_DECODER = json.JSONDecoder(object_pairs_hook=_object)


_SPACE = re.compile(r"[ \t\n\r]*")
_ENDS_VALUE = frozenset(" \t\n\r,]")


class _Buffer:
    """The unread part of a text that arrives in chunks, from which JSON values are taken."""

    def __init__(self, chunks: Iterable[str]) -> None:
        self._chunks = iter(chunks)
        self._text = ""
        self._position = 0

    def has_more(self) -> bool:
        """Skip white space, and return whether anything follows."""
        while True:
            space = _SPACE.match(self._text, self._position)
            assert space is not None  # the pattern matches the empty text
            self._position = space.end()
            if self._position < len(self._text):
                return True
            if not self._read(1):
                return False

    def skip(self, character: str) -> bool:
        """Skip white space and a character; return False, and skip white space only, if another one follows."""
        if not self.has_more() or self._text[self._position] != character:
            return False
        self._position += 1
        return True

    def value(self, decoder: json.JSONDecoder) -> Any:
        """Return the next JSON value.

        Raises:
            ValueError: there is no value, or it is damaged.
            RecursionError: the value is nested too deeply.
        """
        self.has_more()
        while True:
            try:
                value, end = decoder.raw_decode(self._text, self._position)
            except _RepeatedKey:
                raise
            except ValueError:
                # The value may continue in the next chunk. The text doubles, so that a long value is not read often.
                if not self._read(len(self._text) - self._position):
                    raise
                continue
            if self._text[end : end + 1] in _ENDS_VALUE or not self._read(1):  # a number may go on in the next chunk
                self._position = end
                return value

    def _read(self, num_characters: int) -> bool:
        """Append at least a number of characters where there are so many; return False at the end of the text."""
        parts = [self._text[self._position :]]
        num_read = 0
        for chunk in self._chunks:
            parts.append(chunk)
            num_read += len(chunk)
            if num_read >= num_characters:
                break
        self._text, self._position = "".join(parts), 0
        return num_read > 0


def _layout(chunks: Iterable[str]) -> tuple[str, bool]:
    """Return the first character that is not white space, and whether the text is one array.

    It is not if its first line is a complete array and other lines follow.
    """
    first, second = [*islice((line for line in lines(chunks) if not line.isspace()), 2), "", ""][:2]
    start = first.lstrip()[:1]
    if start != "[" or not second:
        return start, start == "["
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return start, True
    return start, False
