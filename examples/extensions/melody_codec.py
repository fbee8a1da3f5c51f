"""A codec: one token per note.

Register it as `"melody": "examples.extensions.melody_codec:MelodyCodec"`.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Self

import numpy as np
from examples.extensions.melody_format import NUM_PITCHES, MelodyPayload

from seqloom.codecs.base import Codec, Encoded, JsonObject, TokenIds
from seqloom.corpora import Corpus
from seqloom.errors import CodecError

__all__ = ["MelodyCodec"]

PITCH_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")


class MelodyCodec(Codec[MelodyPayload]):
    """Pitches as tokens; the token after the last pitch is the boundary between melodies."""

    level = "melody"
    payload_type = MelodyPayload
    unit = "note"

    def __init__(self, boundary: int | None) -> None:
        self.boundary = boundary

    @classmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        for document in corpus:
            document.payload_as(MelodyPayload)  # raises SourceError for another kind of sequence
        return cls(NUM_PITCHES if corpus.has_separate_documents else None)

    def extend(self, corpus: Corpus) -> Self:
        return self

    def encode(self, payload: MelodyPayload) -> Iterator[Encoded]:
        yield Encoded(np.array(payload.pitches), len(payload.pitches))

    def decode(self, ids: TokenIds) -> MelodyPayload:
        tokens = [int(token) for token in ids]
        unknown = [token for token in tokens if not 0 <= token < len(self)]
        if unknown:
            raise CodecError(f"token {unknown[0]} is outside 0..{len(self) - 1}")
        return MelodyPayload(tuple(token for token in tokens if token != self.boundary))

    def token_label(self, token: int) -> str:
        return f"{PITCH_NAMES[token % 12]}{token // 12 - 1}"

    def __len__(self) -> int:
        return NUM_PITCHES + (self.boundary is not None)

    @cached_property
    def units_per_token(self) -> np.ndarray:
        return (np.arange(len(self)) < NUM_PITCHES).astype(np.int64)

    def to_json(self) -> dict[str, Any]:
        return {"level": self.level, "boundary": self.boundary}

    @classmethod
    def from_json(cls, stored: JsonObject) -> Self:
        if stored.get("boundary") not in (None, NUM_PITCHES):
            raise CodecError(f"the boundary is {stored.get('boundary')!r}, but must be {NUM_PITCHES} or null")
        return cls(stored["boundary"])
