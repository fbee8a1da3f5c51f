"""A codec: one token per note.

Register it as `"melody": "examples.extensions.melody_codec:MelodyCodec"`.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Self

import numpy as np
from examples.extensions.melody_format import MelodyPayload

from seqloom.codecs.base import Codec, Encoded, JsonObject, TokenIds
from seqloom.corpora import Corpus

__all__ = ["MelodyCodec"]

NUM_PITCHES = 128


class MelodyCodec(Codec[MelodyPayload]):
    """Pitches as tokens; the token after the last pitch is the boundary between melodies."""

    level = "melody"
    payload_type = MelodyPayload
    unit = "note"

    def __init__(self, boundary: int | None) -> None:
        self.boundary = boundary

    @classmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        return cls(NUM_PITCHES if corpus.has_documents else None)

    def extend(self, corpus: Corpus) -> Self:
        return self

    def encode(self, payload: MelodyPayload) -> Iterator[Encoded]:
        yield Encoded(np.array(payload.pitches), len(payload.pitches))

    def decode(self, ids: TokenIds) -> MelodyPayload:
        return MelodyPayload(tuple(int(token) for token in ids if token != self.boundary))

    def __len__(self) -> int:
        return NUM_PITCHES + (self.boundary is not None)

    @cached_property
    def units_per_token(self) -> np.ndarray:
        return (np.arange(len(self)) < NUM_PITCHES).astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        return {"level": self.level, "boundary": self.boundary}

    @classmethod
    def from_json(cls, stored: JsonObject) -> Self:
        return cls(stored["boundary"])
