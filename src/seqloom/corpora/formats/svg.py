"""Drawings in SVG: the outlines of all shapes as strokes, read by the package svgelements.

Fills, colours and text are left out. Curves become lines, without the points that a line does not need.
"""

import hashlib
import io
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from seqloom.config import ReadingConfig
from seqloom.corpora.document import Document
from seqloom.corpora.drawings import GRID, Drawing, normalized_drawing, simplified
from seqloom.corpora.encodings import Refused
from seqloom.corpora.formats.base import Format, whole_content
from seqloom.corpora.formats.svg_limits import check_svg
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_documents import RatingColumns
from seqloom.errors import MissingExtraError

__all__ = ["SvgFile", "read_svg"]

_MAX_BYTES = 16 << 20
_MAX_POINTS = 100_000
_POINTS_PER_CURVE = 16
_TOLERANCE = 1 / GRID
"""Largest distance of a left-out point from its line, as a share of the longer side of the drawing."""


@dataclass(frozen=True, kw_only=True)
class SvgFile(Format):
    """An SVG file, which is one drawing."""

    name = "svg"
    payload_type = Drawing
    separates_documents = True

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        """Read a file once, to hash it and to check that it has shapes."""
        content = whole_content(source_file, _MAX_BYTES, "SVG file")
        read_svg(content, source_file.name)
        return cls(source_file=source_file, sha256=hashlib.sha256(content).hexdigest())

    def documents(self, reading: ReadingConfig, ratings: RatingColumns, tally: Counter[str]) -> Iterator[Document]:
        """Yield the drawing."""
        yield Document(read_svg(whole_content(self.source_file, _MAX_BYTES, "SVG file"), self.source_file.name))


def read_svg(content: bytes, name: str) -> Drawing:
    """Return the drawing of an SVG file.

    Args:
        content: bytes of the file.
        name: name of the file in messages.

    Raises:
        Refused: the file is no SVG, declares a document type, or has no shapes or too many points.
        MissingExtraError: the package svgelements is not installed.
    """
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content or "<!DOCTYPE".encode("utf-16-le") in content:
        # An entity of a document type can stand for other files, or for text that fills the memory.
        raise Refused("SVG file with a document type", f"{name} has a <!DOCTYPE ...>: remove this line from the file")
    check_svg(content, name)
    try:
        import svgelements
    except ImportError:
        raise MissingExtraError(
            "drawings in SVG need the package svgelements: pip install 'seqloom[drawings]'"
        ) from None
    try:
        shapes = svgelements.SVG.parse(io.BytesIO(content), reify=True).elements()
        lines = itertools.chain.from_iterable(
            _lines(svgelements.Path(shape), svgelements) for shape in shapes if isinstance(shape, svgelements.Shape)
        )
        strokes = _limited(lines, name)
    except Refused:
        raise
    except Exception as error:  # svgelements raises errors of many types
        raise Refused("damaged SVG file", f"{name} cannot be read as SVG ({_reason(error)}): save it again") from None
    points = np.concatenate(strokes) if strokes else np.zeros((0, 2))
    extent = float((points.max(0) - points.min(0)).max()) if len(points) else 0.0
    if not np.isfinite(extent) or not extent:
        raise Refused(
            "SVG file without shapes", f"{name} has no shape that is a line or an outline: choose another file"
        )
    drawing = normalized_drawing(simplified(stroke, extent * _TOLERANCE) for stroke in strokes)
    assert drawing is not None  # it has an extent
    return drawing


def _limited(lines: Iterator[np.ndarray], name: str) -> list[np.ndarray]:
    strokes, num_points = [], 0
    for line in lines:
        strokes.append(line)
        num_points += len(line)
        if num_points > _MAX_POINTS:
            raise Refused("SVG file of too many points", f"{name} has more than {_MAX_POINTS:,} points: simplify it")
    return strokes


def _lines(path: Any, svgelements: Any) -> Iterator[np.ndarray]:
    """Yield the points of each connected part of a path."""
    points: list[tuple[float, float]] = []
    for segment in path:
        if isinstance(segment, svgelements.Move):
            if len(points) > 1:
                yield np.array(points)
            points = [] if segment.end is None else [(float(segment.end.x), float(segment.end.y))]
            continue
        is_line = isinstance(segment, svgelements.Line | svgelements.Close)
        for position in (1.0,) if is_line else np.linspace(0, 1, _POINTS_PER_CURVE + 1)[1:]:
            point = segment.point(float(position))
            if point is not None:
                points.append((float(point.x), float(point.y)))
    if len(points) > 1:
        yield np.array(points)


def _reason(error: Exception) -> str:
    return str(error).split("\n")[0][:100] or type(error).__name__
