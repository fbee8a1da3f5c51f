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

__all__ = ["QuickDrawFile", "is_quick_draw"]

_MAX_LINE_BYTES = 16 << 20
_MAX_POINTS = 10_000
_DRAWING = "drawing"


def is_quick_draw(source_file: SourceFile) -> bool:
    """Return whether the first line of a file is a drawing."""
    start = b"".join(islice(source_file.read_blocks(), 1))
    try:
        return _strokes(json.loads(start.split(b"\n", 1)[0])) is not None
    except (ValueError, RecursionError):
        return False


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
        missing = set(reading.category)
        for line in self._lines(tally):
            try:
                values = json.loads(line)
                strokes = _strokes(values)
            except (ValueError, RecursionError):
                strokes = None
            if strokes is None:
                tally["line that is not a drawing"] += 1
                continue
            drawing = normalized_drawing(strokes)
            if drawing is None or drawing.num_points > _MAX_POINTS:
                tally["drawing without extent, or of too many points"] += 1
                continue
            missing -= values.keys()
            yield Document(drawing, {column: _condition(values, column) for column in reading.category})
        if missing:
            raise ConfigError(f"`category` got {sorted(missing)[0]!r}, and no drawing has this key: choose another one")

    def _lines(self, tally: Counter[str]) -> Iterator[bytes]:
        """Yield the lines that are not too long."""
        pending = b""
        for block in self.source_file.read_blocks():
            *lines, pending = (pending + block).split(b"\n")
            yield from filter(bytes.strip, lines)
            if len(pending) > _MAX_LINE_BYTES:
                tally["line that is too long"] += 1
                pending = b""
        if pending.strip():
            yield pending


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
        if not (isinstance(x, list) and isinstance(y, list) and 0 < len(x) == len(y)):
            return None
        if not all(isinstance(number, int | float) for number in (*x, *y)):
            return None
        strokes.append(np.array([x, y], np.float64).T)
    return strokes


def _condition(values: Mapping[str, Any], column: str) -> Condition:
    value = values.get(column)
    return None if value is None or value == "" else str(value)
