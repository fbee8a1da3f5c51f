"""Codec of drawings with one token per point: the step right and down to it, and whether the pen is then lifted."""

from collections.abc import Iterator
from functools import cached_property
from typing import ClassVar

import numpy as np
from jaxtyping import Int

from seqloom.codecs.base import Encoded, TokenIds
from seqloom.codecs.drawing_codec import MAX_STEP, NUM_STEPS, START, DrawingCodec
from seqloom.corpora.drawings import Drawing, Point
from seqloom.errors import CodecError

__all__ = ["PointsCodec"]

_FACTORS = (NUM_STEPS, NUM_STEPS, 2)
_NUM_POINTS = NUM_STEPS * NUM_STEPS * 2


class PointsCodec(DrawingCodec):
    """Points, and the boundary between drawings if there are several.

    There are too many different points to learn the probability of each: the model has a mixture of Gaussians.
    """

    level = "points"
    num_symbols = _NUM_POINTS
    factors: ClassVar[tuple[int, ...]] = _FACTORS
    head: ClassVar[str] = "mixture-density"

    def encode(self, payload: Drawing) -> Iterator[Encoded]:
        """Yield the tokens of a drawing."""
        ids: list[int] = []
        place = START
        for stroke in payload.strokes:
            for x, y in stroke:
                ids.append(((x - place[0] + MAX_STEP) * NUM_STEPS + y - place[1] + MAX_STEP) * 2)
                place = (x, y)
            ids[-1] += 1
        yield Encoded(np.array(ids, np.int64), payload.num_points)

    def decode(self, ids: TokenIds) -> Drawing:
        """Return the drawing of tokens; a step that would leave the grid ends at its edge."""
        strokes: list[tuple[Point, ...]] = []
        stroke: list[Point] = []
        x, y = START
        for token in map(int, ids):
            if not 0 <= token < len(self):
                raise CodecError(f"token {token} is outside 0..{len(self) - 1}")
            if token >= _NUM_POINTS:
                continue
            place, is_lifted = divmod(token, 2)
            step_x, step_y = divmod(place, NUM_STEPS)
            x = min(MAX_STEP, max(0, x + step_x - MAX_STEP))
            y = min(MAX_STEP, max(0, y + step_y - MAX_STEP))
            stroke.append((x, y))
            if is_lifted:
                strokes.append(tuple(stroke))
                stroke = []
        return Drawing((*strokes, *([tuple(stroke)] if stroke else [])))

    def token_label(self, token: int) -> str:
        """Return a step such as "+3,-12", with a "^" if the pen is lifted after it."""
        if token >= _NUM_POINTS:
            return "end"
        place, is_lifted = divmod(token, 2)
        step_x, step_y = divmod(place, NUM_STEPS)
        return f"{step_x - MAX_STEP:+d},{step_y - MAX_STEP:+d}{'^' if is_lifted else ''}"

    @cached_property
    def units_per_token(self) -> Int[np.ndarray, " vocab"]:
        """1 for each point."""
        units = np.ones(len(self), np.int64)
        units[_NUM_POINTS:] = 0
        return units
