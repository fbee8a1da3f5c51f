"""Drawings as payloads: pen strokes on a square grid."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from jaxtyping import Bool, Float, Int

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

    def distorted(self, squeeze: float, turn: float, count: int, seed: int) -> "Iterator[Drawing]":
        """Yield copies that are squeezed, turned and slanted at random, and that lack some points.

        Each copy fills the grid, as the drawing does. Points inside a stroke are left out with probability
        `_POINT_DROPOUT`, as in sketch-rnn (Ha, Eck 2017).

        Args:
            squeeze: largest share by which width and height are reduced, each by a share of its own.
            turn: largest angle and largest slant in radians.
            count: number of copies.
            seed: seed of the copies.
        """
        random = np.random.default_rng(seed)
        points = np.array([point for stroke in self.strokes for point in stroke])
        stops = np.cumsum([len(stroke) for stroke in self.strokes])
        keep = random.random((count, len(points))) >= _POINT_DROPOUT
        keep[:, stops - 1] = keep[:, np.append(0, stops[:-1])] = True
        moved = points @ _changes(random.uniform(1 - squeeze, 1, (count, 2)), random.uniform(-turn, turn, (count, 2)))
        low, high = _corners(moved, keep)
        # A closed line whose inner points are all left out would be a dot: such a copy keeps them.
        keep |= (high == low).all(-1)
        places = _places(moved, *_corners(moved, keep))
        for kept, its_places in zip(keep, places, strict=True):
            yield _drawing(its_places[kept], np.cumsum(kept)[stops - 1])


def _corners(
    points: Float[np.ndarray, "copies points 2"], keep: Bool[np.ndarray, "copies points"]
) -> tuple[Float[np.ndarray, "copies 1 2"], Float[np.ndarray, "copies 1 2"]]:
    """Return the upper left and lower right corners of the points to keep of each copy."""
    is_kept = keep[..., None]
    low = np.where(is_kept, points, np.inf).min(1, keepdims=True)
    high = np.where(is_kept, points, -np.inf).max(1, keepdims=True)
    return low, high


def _changes(
    factors: Float[np.ndarray, "copies 2"], angles: Float[np.ndarray, "copies 2"]
) -> Float[np.ndarray, "copies 2 2"]:
    """Return matrices that squeeze by two factors, slant by the second angle, and turn by the first."""
    sine, cosine = np.sin(angles[:, 0]), np.cos(angles[:, 0])
    turned = np.stack([np.stack([cosine, sine], -1), np.stack([-sine, cosine], -1)], 1)
    slanted = np.zeros_like(turned)
    slanted[:, 0, 0], slanted[:, 1, 1] = factors.T
    slanted[:, 1, 0] = angles[:, 1]
    changes: Float[np.ndarray, "copies 2 2"] = turned @ slanted
    return changes


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
    low, high = points.min(0, keepdims=True), points.max(0, keepdims=True)
    if not np.isfinite(points).all() or not 0 < (high - low).max() < np.inf:
        return None
    return _drawing(_places(points, low, high), np.cumsum([len(stroke) for stroke in arrays]))


def _places(
    points: Float[np.ndarray, "*copies points 2"],
    low: Float[np.ndarray, "*copies #points 2"],
    high: Float[np.ndarray, "*copies #points 2"],
) -> Int[np.ndarray, "*copies points 2"]:
    """Return points between the corners `low` and `high` as places of the grid, the longer side filling it."""
    extent = (high - low).max(-1, keepdims=True)
    margin = (1 - (high - low) / extent) / 2
    places: Int[np.ndarray, "*copies points 2"] = np.rint(((points - low) / extent + margin) * (GRID - 1)).astype(int)
    return places.clip(0, GRID - 1)


def _drawing(places: Int[np.ndarray, "points 2"], stops: Int[np.ndarray, " strokes"]) -> Drawing:
    """Return the drawing of strokes that end at the positions `stops`, without points that repeat the one before."""
    is_kept = np.ones(len(places), bool)
    is_kept[1:] = (places[1:] != places[:-1]).any(1)
    is_kept[stops[:-1]] = True
    points = list(zip(*places[is_kept].T.tolist(), strict=True))
    bounds = [0, *np.cumsum(is_kept)[stops - 1].tolist()]
    return Drawing(tuple(tuple(points[start:stop]) for start, stop in itertools.pairwise(bounds)))


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
