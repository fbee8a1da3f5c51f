"""Drawings of the Quick, Draw! dataset: one JSON object per line, with the points of each stroke."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

import numpy as np

from seqloom.config import ReadingConfig
from seqloom.corpora.document import Condition, Document
from seqloom.corpora.drawings import Drawing, normalized_drawing
from seqloom.corpora.encodings import Refused
from seqloom.corpora.formats.base import Format
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_documents import RatingColumns
from seqloom.errors import ConfigError
from seqloom.registry import unknown_name

__all__ = ["QuickDrawFile", "is_quick_draw"]

_MAX_LINE_BYTES = 16 << 20
_MAX_POINTS = 10_000
_NUM_FIRST_LINES = 3
"""Lines that show of what kind a file is; one of them may be damaged."""

_DRAWING = "drawing"


def is_quick_draw(source_file: SourceFile) -> bool:
    """Return whether one of the first lines of a file is a drawing."""
    start = b"".join(islice(source_file.read_blocks(), 1))
    first_lines = islice(filter(bytes.strip, start.split(b"\n")), _NUM_FIRST_LINES)
    return any(_parsed(line) is not None for line in first_lines)


@dataclass(frozen=True, kw_only=True)
class QuickDrawFile(Format):
    """A file of drawings, simplified or raw; the other keys of a drawing, such as `word`, can be categories."""

    name = "quick-draw"
    payload_type = Drawing
    separates_documents = True
    has_headers = True

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        """Read a file once, to hash it and to check that it has drawings."""
        sha256 = hashlib.sha256()
        for block in source_file.read_blocks():
            sha256.update(block)
        file = cls(source_file=source_file, sha256=sha256.hexdigest())
        if next(file.documents(reading, RatingColumns(), Counter()), None) is None:
            raise Refused(
                "file without drawings",
                f"{source_file.name} has no drawing: a line is a JSON object whose key `{_DRAWING}` holds strokes",
            )
        return file

    def documents(self, reading: ReadingConfig, ratings: RatingColumns, tally: Counter[str]) -> Iterator[Document]:
        """Yield the drawings.

        Raises:
            ConfigError: no drawing has a key that is a category.
        """
        missing, known = set(reading.category), dict[str, None]()
        for line in self._lines(tally):
            parsed = _parsed(line)
            if parsed is None:
                tally["line that is not a drawing"] += 1
                continue
            values, strokes = parsed
            drawing = normalized_drawing(strokes)
            if drawing is None or drawing.num_points > _MAX_POINTS:
                tally["drawing without extent, or of too many points"] += 1
                continue
            missing -= values.keys()
            known |= dict.fromkeys(name for name, value in values.items() if isinstance(value, str | bool))
            yield Document(drawing, {column: _condition(values, column) for column in reading.category})
        if missing:
            name = sorted(missing)[0]
            choices = unknown_name("key", name, known).partition(": ")[2]
            raise ConfigError(f"`category` got {name!r}, and no drawing has this key: {choices}")

    def _lines(self, tally: Counter[str]) -> Iterator[bytes]:
        """Yield the lines that are not too long."""
        pending, is_too_long = b"", False
        for block in self.source_file.read_blocks():
            *lines, pending = (pending + block).split(b"\n")
            if lines and is_too_long:  # the end of a line whose beginning was left out
                del lines[0]
                is_too_long = False
            yield from filter(bytes.strip, lines)
            if is_too_long or len(pending) > _MAX_LINE_BYTES:
                tally["line that is too long"] += not is_too_long
                pending, is_too_long = b"", True
        if pending.strip():
            yield pending


def _parsed(line: bytes) -> tuple[dict[str, Any], list[np.ndarray]] | None:
    """Return the JSON object of a line and the points of its strokes; None if it is no drawing."""
    try:
        values = json.loads(line)
        strokes = _strokes(values)
    except (ValueError, RecursionError, OverflowError):
        return None
    return None if strokes is None else (values, strokes)


def _strokes(values: Any) -> list[np.ndarray] | None:
    """Return the points of the strokes of a JSON object; None if it is no drawing."""
    drawing = values.get(_DRAWING) if isinstance(values, dict) else None
    if not isinstance(drawing, list) or not drawing:
        return None
    strokes = []
    for stroke in drawing:
        if not isinstance(stroke, list) or len(stroke) < 2:
            return None
        x, y = stroke[:2]
        if not (isinstance(x, list) and isinstance(y, list) and len(x) == len(y)):
            return None
        if not all(isinstance(number, int | float) for number in (*x, *y)):
            return None
        if x:
            strokes.append(np.array([x, y], np.float64).T)
    return strokes or None


def _condition(values: Mapping[str, Any], column: str) -> Condition:
    value = values.get(column)
    return None if value is None or value == "" else str(value)
