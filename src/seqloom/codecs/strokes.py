"""Codec of drawings: each point is a step to the right and a step down from the point before; a token lifts the pen."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Self

import numpy as np
from jaxtyping import Int

from seqloom.codecs.base import Codec, Encoded, JsonObject, TokenIds
from seqloom.corpora.document import Corpus
from seqloom.corpora.drawings import GRID, Drawing, Point
from seqloom.errors import CodecError, ConfigError

__all__ = ["StrokesCodec"]

_MAX_STEP = GRID - 1
_NUM_STEPS = 2 * _MAX_STEP + 1
_LIFT = 2 * _NUM_STEPS
_NUM_TOKENS = _LIFT + 1
_START = (GRID // 2, GRID // 2)
"""Place from which the first step goes."""


class StrokesCodec(Codec[Drawing]):
    """Steps to the right, steps down, the lifted pen, and the boundary between drawings if there are several.

    Args:
        has_boundary: whether there is a boundary.
    """

    level = "strokes"
    payload_type = Drawing
    unit = "point"

    def __init__(self, *, has_boundary: bool) -> None:
        self.boundary = _NUM_TOKENS if has_boundary else None

    @classmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """Return the codec, which is the same for all corpora; the documents are read to check their kind."""
        if vocabulary is not None:
            raise ConfigError(
                f"`vocabulary` got {vocabulary}, and the steps of a drawing are always the same: leave it out"
            )
        for document in corpus:
            document.payload_as(Drawing)
        return cls(has_boundary=corpus.has_separate_documents)

    def extend(self, corpus: Corpus) -> Self:
        """Return this codec, with a boundary if the corpus needs one."""
        return type(self)(has_boundary=self.boundary is not None or corpus.has_separate_documents)

    def encode(self, payload: Drawing) -> Iterator[Encoded]:
        """Yield the tokens of a drawing."""
        ids: list[int] = []
        place = _START
        for stroke in payload.strokes:
            for x, y in stroke:
                ids += [x - place[0] + _MAX_STEP, _NUM_STEPS + y - place[1] + _MAX_STEP]
                place = (x, y)
            ids.append(_LIFT)
        yield Encoded(np.array(ids, np.int64), payload.num_points)

    def decode(self, ids: TokenIds) -> Drawing:
        """Return the drawing of tokens in any order; a step that would leave the grid ends at its edge."""
        strokes: list[tuple[Point, ...]] = []
        stroke: list[Point] = []
        x, y = _START
        for token in map(int, ids):
            if not 0 <= token < len(self):
                raise CodecError(f"token {token} is outside 0..{len(self) - 1}")
            if token < _NUM_STEPS:
                x = min(_MAX_STEP, max(0, x + token - _MAX_STEP))
            elif token < _LIFT:
                y = min(_MAX_STEP, max(0, y + token - _NUM_STEPS - _MAX_STEP))
                stroke.append((x, y))
            elif token == _LIFT and stroke:
                strokes.append(tuple(stroke))
                stroke = []
        return Drawing((*strokes, *([tuple(stroke)] if stroke else [])))

    def token_label(self, token: int) -> str:
        """Return a step such as "x+3" or "y-12", or "lift"."""
        if token < _NUM_STEPS:
            return f"x{token - _MAX_STEP:+d}"
        return f"y{token - _NUM_STEPS - _MAX_STEP:+d}" if token < _LIFT else "lift" if token == _LIFT else "end"

    def __len__(self) -> int:
        return _NUM_TOKENS + (self.boundary is not None)

    @cached_property
    def units_per_token(self) -> Int[np.ndarray, " vocab"]:
        """1 for a step down, which completes a point."""
        units = np.zeros(len(self), np.int64)
        units[_NUM_STEPS:_LIFT] = 1
        return units

    def to_json(self) -> dict[str, Any]:
        """Return the size of the grid, and whether there is a boundary."""
        return {"level": self.level, "grid": GRID, "boundary": self.boundary is not None}

    @classmethod
    def from_json(cls, stored: JsonObject) -> Self:
        """Return the codec described by `to_json`."""
        if stored.get("grid") != GRID or not isinstance(stored.get("boundary"), bool):
            raise CodecError("the stored codec of drawings is damaged: restore codec.json from a copy")
        return cls(has_boundary=stored["boundary"])
