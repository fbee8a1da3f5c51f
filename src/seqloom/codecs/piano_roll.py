"""Codec of music as a piano roll: the keys that are down in each eighth note, in ascending order, then an end of step.

The 88 keys of a piano have a token each, so that the likelihood of a step is that of the whole chord, as in the field's
comparison of polyphonic models (Boulanger-Lewandowski, Bengio and Vincent 2012). A piano roll has no velocities, tempos
and instruments, and a repeated note is one long note.
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import Any, Self

import numpy as np
from jaxtyping import Int

from seqloom.codecs.base import Codec, Encoded, JsonObject, TokenIds
from seqloom.corpora.document import Corpus
from seqloom.corpora.music import (
    DEFAULT_TEMPO,
    DRUMS,
    STEPS_PER_QUARTER,
    MusicPayload,
    Note,
    Tempo,
    normalized_music,
    pitch_name,
)
from seqloom.errors import CodecError, ConfigError

__all__ = ["PianoRollCodec"]

_LOWEST_KEY, _NUM_KEYS = 21, 88
_END_OF_STEP = _NUM_KEYS
_NUM_TOKENS = _NUM_KEYS + 1
_STEP = STEPS_PER_QUARTER // 2
"""Length of a step on the grid of music."""


class PianoRollCodec(Codec[MusicPayload]):
    """Keys from the lowest to the highest, the end of a step, and the boundary between pieces if there are several.

    Args:
        has_boundary: whether there is a boundary.
    """

    level = "pianoroll"
    payload_type = MusicPayload
    unit = "time step"

    def __init__(self, *, has_boundary: bool) -> None:
        self.boundary = _NUM_TOKENS if has_boundary else None

    @classmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """Return the codec, which is the same for all corpora; the pieces are read to check that they are music."""
        if vocabulary is not None:
            raise ConfigError(f"`vocabulary` got {vocabulary}, and a piano roll always has 88 keys: leave it out")
        for document in corpus:
            document.payload_as(MusicPayload)
        return cls(has_boundary=corpus.has_separate_documents)

    def extend(self, corpus: Corpus) -> Self:
        """Return this codec, with a boundary if the corpus needs one."""
        return type(self)(has_boundary=self.boundary is not None or corpus.has_separate_documents)

    def encode(self, payload: MusicPayload) -> Iterator[Encoded]:
        """Yield the tokens of a piece; notes outside of the keyboard and percussion are left out."""
        steps: dict[int, set[int]] = defaultdict(set)
        for note in payload.notes:
            key = note.pitch - _LOWEST_KEY
            if note.program != DRUMS and 0 <= key < _NUM_KEYS:
                first = round(note.start / _STEP)
                for step in range(first, max(first + 1, round(note.end / _STEP))):
                    steps[step].add(key)
        num_steps = max(steps, default=-1) + 1
        ids = [token for step in range(num_steps) for token in (*sorted(steps[step]), _END_OF_STEP)]
        yield Encoded(np.array(ids, np.int64), num_steps)

    def decode(self, ids: TokenIds) -> MusicPayload:
        """Return the music of tokens; the keys of a step may have any order."""
        notes: list[Note] = []
        sounding: dict[int, int] = {}  # start of each note that is still on, by key
        keys: set[int] = set()
        step = 0
        for token in map(int, ids):
            if not 0 <= token < len(self):
                raise CodecError(f"token {token} is outside 0..{len(self) - 1}")
            if token < _NUM_KEYS:
                keys.add(token)
            elif token == _END_OF_STEP:
                notes += _ended(sounding, keys, step)
                sounding |= {key: step for key in keys - sounding.keys()}
                keys = set()
                step += 1
        notes += _ended(sounding, set(), step)
        return normalized_music(notes, [Tempo(0, DEFAULT_TEMPO)])

    def token_label(self, token: int) -> str:
        """Return the name of a key, such as C4, or "|" for the end of a step."""
        return pitch_name(_LOWEST_KEY + token) if token < _NUM_KEYS else "|" if token == _END_OF_STEP else "end"

    def __len__(self) -> int:
        return _NUM_TOKENS + (self.boundary is not None)

    @cached_property
    def units_per_token(self) -> Int[np.ndarray, " vocab"]:
        """1 for the end of a step."""
        units = np.zeros(len(self), np.int64)
        units[_END_OF_STEP] = 1
        return units

    def to_json(self) -> dict[str, Any]:
        """Return whether there is a boundary."""
        return {"level": self.level, "boundary": self.boundary is not None}

    @classmethod
    def from_json(cls, stored: JsonObject) -> Self:
        """Return the codec described by `to_json`."""
        if not isinstance(stored.get("boundary"), bool):
            raise CodecError("the stored codec of a piano roll is damaged: restore codec.json from a copy")
        return cls(has_boundary=stored["boundary"])


def _ended(sounding: dict[int, int], keys: set[int], step: int) -> list[Note]:
    """Return the notes that end at a step, because their keys are up, and remove them from those that are on."""
    up = [key for key in sounding if key not in keys]
    return [
        Note(start * _STEP, _LOWEST_KEY + key, (step - start) * _STEP)
        for key, start in ((key, sounding.pop(key)) for key in up)
    ]
