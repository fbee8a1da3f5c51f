"""Codec of drawings: each point is a step to the right and a step down from the point before; a token lifts the pen."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
from jaxtyping import Int

from seqloom.codecs.base import Encoded, TokenIds
from seqloom.codecs.drawing_codec import MAX_STEP, NUM_STEPS, START, DrawingCodec
from seqloom.corpora.drawings import Drawing, Point
from seqloom.errors import CodecError

__all__ = ["StrokesCodec"]

_LIFT = 2 * NUM_STEPS


class StrokesCodec(DrawingCodec):
    """Steps to the right, steps down, the lifted pen, and the boundary between drawings if there are several."""

    level = "strokes"
    num_symbols = _LIFT + 1

    def encode(self, payload: Drawing) -> Iterator[Encoded]:
        """Yield the tokens of a drawing."""
        ids: list[int] = []
        place = START
        for stroke in payload.strokes:
            for x, y in stroke:
                ids += [x - place[0] + MAX_STEP, NUM_STEPS + y - place[1] + MAX_STEP]
                place = (x, y)
            ids.append(_LIFT)
        yield Encoded(np.array(ids, np.int64), payload.num_points)

    def decode(self, ids: TokenIds) -> Drawing:
        """Return the drawing of tokens in any order; a step that would leave the grid ends at its edge."""
        strokes: list[tuple[Point, ...]] = []
        stroke: list[Point] = []
        x, y = START
        for token in map(int, ids):
            if not 0 <= token < len(self):
                raise CodecError(f"token {token} is outside 0..{len(self) - 1}")
            if token < NUM_STEPS:
                x = min(MAX_STEP, max(0, x + token - MAX_STEP))
            elif token < _LIFT:
                y = min(MAX_STEP, max(0, y + token - NUM_STEPS - MAX_STEP))
                stroke.append((x, y))
            elif token == _LIFT and stroke:
                strokes.append(tuple(stroke))
                stroke = []
        return Drawing((*strokes, *([tuple(stroke)] if stroke else [])))

    def token_label(self, token: int) -> str:
        """Return a step such as "x+3" or "y-12", or "lift"."""
        if token < NUM_STEPS:
            return f"x{token - MAX_STEP:+d}"
        return f"y{token - NUM_STEPS - MAX_STEP:+d}" if token < _LIFT else "lift" if token == _LIFT else "end"

    @cached_property
    def units_per_token(self) -> Int[np.ndarray, " vocab"]:
        """1 for a step down, which completes a point."""
        units = np.zeros(len(self), np.int64)
        units[NUM_STEPS:_LIFT] = 1
        return units
