"""What the codecs of drawings have in common: their grid of steps, and a vocabulary that no corpus changes."""

from typing import Any, ClassVar, Self

from seqloom.codecs.base import Codec, JsonObject
from seqloom.corpora.document import Corpus
from seqloom.corpora.drawings import GRID, Drawing
from seqloom.errors import CodecError, ConfigError

__all__ = ["MAX_STEP", "NUM_STEPS", "START", "DrawingCodec"]

MAX_STEP = GRID - 1
"""Largest number of places that a step moves the pen, in each direction."""

NUM_STEPS = 2 * MAX_STEP + 1
START = (GRID // 2, GRID // 2)
"""Place from which the first step goes."""


class DrawingCodec(Codec[Drawing]):
    """A fixed vocabulary of steps, and the boundary between drawings if there are several.

    Args:
        has_boundary: whether there is a boundary.

    Attributes:
        num_symbols: number of ids without the boundary.
    """

    payload_type = Drawing
    unit = "point"
    num_symbols: ClassVar[int]

    def __init__(self, *, has_boundary: bool) -> None:
        self.boundary = self.num_symbols if has_boundary else None

    @classmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """Return the codec, which is the same for all corpora; the first document is read to check its kind."""
        if vocabulary is not None:
            raise ConfigError(
                f"`vocabulary` got {vocabulary}, and the steps of a drawing are always the same: leave it out"
            )
        first = next(iter(corpus), None)
        if first is not None:
            first.payload_as(Drawing)
        return cls(has_boundary=corpus.has_separate_documents)

    def extend(self, corpus: Corpus) -> Self:
        """Return this codec, with a boundary if the corpus needs one."""
        return type(self)(has_boundary=self.boundary is not None or corpus.has_separate_documents)

    def __len__(self) -> int:
        return self.num_symbols + (self.boundary is not None)

    def to_json(self) -> dict[str, Any]:
        """Return the size of the grid, and whether there is a boundary."""
        return {"level": self.level, "grid": GRID, "boundary": self.boundary is not None}

    @classmethod
    def from_json(cls, stored: JsonObject) -> Self:
        """Return the codec described by `to_json`."""
        if stored.get("grid") != GRID or not isinstance(stored.get("boundary"), bool):
            raise CodecError("the stored codec of drawings is damaged: restore codec.json from a copy")
        return cls(has_boundary=stored["boundary"])
