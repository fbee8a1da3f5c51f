"""Drawings as payloads: pen strokes on a square grid."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Float

__all__ = ["GRID", "Drawing", "Point", "Stroke", "normalized_drawing", "simplified"]

GRID = 128
"""Number of places on each side of the grid."""

_POINT_DROPOUT = 0.1

Point = tuple[int, int]
"""Place on the grid: from the left, and from the top."""

Stroke = tuple[Point, ...]
"""Points that the pen visits without leaving the paper; one point is a dot."""


@dataclass(frozen=True)
class Drawing:
    """A drawing; see `normalized_drawing`.

    Attributes:
        strokes: strokes in the order in which they are drawn.
    """

    kind: ClassVar[str] = "drawings"
    default_level: ClassVar[str] = "points"

    strokes: tuple[Stroke, ...]

    @property
    def num_points(self) -> int:
        """Number of points of all strokes."""
        return sum(map(len, self.strokes))

    @property
    def centred(self) -> "Drawing":
        """The drawing, moved to the middle of the grid."""
        points = np.array([point for stroke in self.strokes for point in stroke])
        if not len(points):
            return self
        x, y = (((GRID - 1) - points.min(0) - points.max(0)) // 2).tolist()
        return Drawing(tuple(tuple((left + x, top + y) for left, top in stroke) for stroke in self.strokes))

    def distorted(self, largest_reduction: float, seed: int) -> "Drawing":
        """Return a copy whose width and height are reduced, each by a random share, and that lacks some points.

        Points inside a stroke are left out with probability `_POINT_DROPOUT`, as in sketch-rnn (Ha, Eck 2017).
        """
        random = np.random.default_rng(seed)
        factors, middle = 1 - random.uniform(0, largest_reduction, 2), (GRID - 1) / 2
        points = np.array([point for stroke in self.strokes for point in stroke])
        stops = np.cumsum([len(stroke) for stroke in self.strokes])
        keep = random.random(len(points)) >= _POINT_DROPOUT
        keep[stops - 1] = keep[np.append(0, stops[:-1])] = True
        placed = np.rint((points[keep] - middle) * factors + middle).astype(int).tolist()
        bounds = [0, *np.cumsum(keep)[stops - 1].tolist()]
        return Drawing(tuple(_distinct(placed[start:stop]) for start, stop in itertools.pairwise(bounds)))


def normalized_drawing(strokes: Iterable[Float[np.ndarray, "points 2"]]) -> Drawing | None:
    """Return a drawing whose longer side fills the grid, in the middle; None for a drawing without extent.

    Points are rounded to the grid, and points that repeat the one before are left out.

    Args:
        strokes: points of each stroke, at any scale; y points down.
    """
    arrays = [np.asarray(stroke, np.float64).reshape(-1, 2) for stroke in strokes if len(stroke)]
    if not arrays:
        return None
    points = np.concatenate(arrays)
    low, high = points.min(0), points.max(0)
    extent = float((high - low).max())
    if not np.isfinite(points).all() or not 0 < extent < np.inf:
        return None
    margin = (1 - (high - low) / extent) / 2
    placed = [((stroke - low) / extent + margin) * (GRID - 1) for stroke in arrays]
    return Drawing(tuple(_distinct(np.rint(stroke).astype(int).clip(0, GRID - 1).tolist()) for stroke in placed))


def _distinct(points: Sequence[Sequence[int]]) -> Stroke:
    """Return points without those that repeat the one before."""
    kept = [points[0], *(point for before, point in itertools.pairwise(points) if point != before)]
    return tuple((x, y) for x, y in kept)


def simplified(points: Float[np.ndarray, "points 2"], tolerance: float) -> Float[np.ndarray, "kept 2"]:
    """Return the points without which a line would be further than the tolerance from some of the others.

    The method is that of Ramer (1972), and Douglas and Peucker (1973).
    """
    keep = np.zeros(len(points), bool)
    keep[[0, -1]] = True
    stack = [(0, len(points) - 1)]
    while stack:
        first, last = stack.pop()
        if last - first < 2:
            continue
        distances = _distances(points[first + 1 : last], points[first], points[last])
        farthest = int(distances.argmax())
        if distances[farthest] > tolerance:
            middle = first + 1 + farthest
            keep[middle] = True
            stack += [(first, middle), (middle, last)]
    kept: Float[np.ndarray, "kept 2"] = points[keep]
    return kept


def _distances(
    points: Float[np.ndarray, "points 2"], start: Float[np.ndarray, " 2"], end: Float[np.ndarray, " 2"]
) -> Float[np.ndarray, " points"]:
    """Return the distance of each point from the line between two others, which may be one point."""
    direction, offsets = end - start, points - start
    length = float(np.hypot(*direction))
    if length == 0:
        from_start: Float[np.ndarray, " points"] = np.hypot(offsets[:, 0], offsets[:, 1])
        return from_start
    from_line: Float[np.ndarray, " points"] = (
        np.abs(direction[0] * offsets[:, 1] - direction[1] * offsets[:, 0]) / length
    )
    return from_line
