"""Codecs of music with the tokenisations of the field, one stream of tokens each, as the package miditok defines them.

MIDI-like (Oore et al. 2018): notes go on and off, and time shifts lie between. TSD: a note has a duration. REMI (Huang
and Yang 2020): bars and positions in place of time shifts. miditok writes the tokens; seqloom stores those that the
corpus has, and reads them back by itself, in any order. A velocity is left out while it stays the same, as miditok does
with the program.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Int

from seqloom.codecs.base import Codec, Encoded, JsonObject, TokenIds
from seqloom.codecs.vocabulary import Vocabulary
from seqloom.corpora.document import Corpus
from seqloom.corpora.formats.midi import symusic_score
from seqloom.corpora.music import (
    DEFAULT_TEMPO,
    DRUMS,
    MAX_DURATION,
    MAX_TEMPO,
    MIN_TEMPO,
    STEPS_PER_QUARTER,
    MusicPayload,
    Note,
    Tempo,
    normalized_music,
)
from seqloom.errors import CodecError, ConfigError, SeqloomError

__all__ = ["MidiLikeCodec", "RemiCodec", "TsdCodec"]

_STEPS_PER_BAR = 4 * STEPS_PER_QUARTER  # miditok counts bars of 4/4 where it writes no time signatures
_NOTES = ("Pitch", "PitchDrum", "NoteOn", "DrumOn")
"""Types of the tokens that begin a note."""

_USUAL_VELOCITY = 90


class _MidiTokens(Codec[MusicPayload]):
    """Tokens by their names in miditok, such as Pitch_60; the last one is the boundary between pieces.

    Args:
        vocabulary: names of the tokens.
    """

    payload_type = MusicPayload
    unit = "note"
    _tokenizer_class: ClassVar[str]

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.boundary = vocabulary.boundary

    @classmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """Collect the tokens of all pieces, the most frequent first."""
        counts = cls._count(corpus)
        names = [name for name, _ in counts.most_common()]
        needed = len(names) + corpus.has_separate_documents
        if vocabulary is not None and vocabulary < needed:
            raise ConfigError(f"`vocabulary` got {vocabulary}, and the music has {needed} tokens: leave it out")
        return cls(Vocabulary.build(names, byte_fallback=False, has_boundary=corpus.has_separate_documents))

    def extend(self, corpus: Corpus) -> Self:
        """Append the tokens that this codec lacks."""
        new = [name for name, _ in self._count(corpus).most_common() if name not in self.vocabulary.ids]
        return type(self)(self.vocabulary.extend(new, has_boundary=corpus.has_separate_documents))

    @classmethod
    def _count(cls, corpus: Corpus) -> Counter[str]:
        counts: Counter[str] = Counter()
        for document in corpus:
            counts.update(cls._names(document.payload_as(MusicPayload)))
        return counts

    def encode(self, payload: MusicPayload) -> Iterator[Encoded]:
        """Yield the tokens of a piece."""
        names = self._names(payload)
        ids = self.vocabulary.ids
        if unknown := next((name for name in names if name not in ids), None):
            raise CodecError(f"not in the vocabulary: {unknown}; train on music that has it")
        yield Encoded(np.array([ids[name] for name in names], np.int64), sum(map(_begins_note, names)))

    def decode(self, ids: TokenIds) -> MusicPayload:
        """Return the music of tokens in any order; a token that makes no sense where it stands is left out."""
        tokens = self.vocabulary.tokens
        numbers = [int(token) for token in ids]
        if unknown := next((number for number in numbers if not 0 <= number < len(tokens)), None):
            raise CodecError(f"token {unknown} is outside 0..{len(tokens) - 1}")
        return _music_of(name for number in numbers if isinstance(name := tokens[number], str))

    def token_label(self, token: int) -> str:
        """Return the name of a token."""
        return str(self.vocabulary.tokens[token])

    def __len__(self) -> int:
        return len(self.vocabulary.tokens)

    @cached_property
    def units_per_token(self) -> Int[np.ndarray, " vocab"]:
        """1 for the tokens that begin a note."""
        return np.array([isinstance(name, str) and _begins_note(name) for name in self.vocabulary.tokens], np.int64)

    def to_json(self) -> dict[str, Any]:
        """Return the names of all tokens."""
        return {"level": self.level, "tokens": list(self.vocabulary.tokens)}

    @classmethod
    def from_json(cls, stored: JsonObject) -> Self:
        """Return the codec described by `to_json`."""
        return cls(Vocabulary.from_json(stored.get("tokens")))

    @classmethod
    def _names(cls, payload: MusicPayload) -> list[str]:
        """Return the names of the tokens of a piece."""
        tokenizer = _tokenizer(cls._tokenizer_class)
        return list(_without_repeats(tokenizer(symusic_score(payload, longest=MAX_DURATION)).tokens))


class TsdCodec(_MidiTokens):
    """Time shifts, pitches, velocities and durations."""

    level = "tsd"
    _tokenizer_class = "TSD"


class RemiCodec(_MidiTokens):
    """Bars, positions, pitches, velocities and durations."""

    level = "remi"
    _tokenizer_class = "REMI"


class MidiLikeCodec(_MidiTokens):
    """Time shifts, notes that go on, and notes that go off."""

    level = "midi-like"
    _tokenizer_class = "MIDILike"


@cache
def _tokenizer(name: str) -> Any:
    """Return a tokenizer of miditok that rounds nothing of a payload.

    Raises:
        SeqloomError: miditok is not installed.
    """
    try:
        import miditok
    except ImportError:
        raise SeqloomError("music needs the package miditok: pip install 'seqloom[music]'") from None
    config = miditok.TokenizerConfig(
        pitch_range=(0, 127),
        drums_pitch_range=(0, 127),
        beat_res={(0, MAX_DURATION // STEPS_PER_QUARTER): STEPS_PER_QUARTER},
        num_velocities=127,
        special_tokens=[],
        use_programs=True,
        program_changes=True,
        use_tempos=True,
        num_tempos=MAX_TEMPO - MIN_TEMPO + 1,
        tempo_range=(MIN_TEMPO, MAX_TEMPO),
        use_time_signatures=False,
        encode_ids_split="no",
        remove_duplicated_notes=False,
    )
    return getattr(miditok, name)(config)


def _begins_note(name: str) -> bool:
    return name.rpartition("_")[0] in _NOTES


def _without_repeats(names: Sequence[str]) -> Iterator[str]:
    """Yield names without the velocities that are those of the note before."""
    velocity = ""
    for name in names:
        if not name.startswith("Velocity_"):
            yield name
        elif name != velocity:
            velocity = name
            yield name


def _music_of(names: Iterable[str]) -> MusicPayload:
    """Return the music that names of tokens describe."""
    reader = _Reader()
    for name in names:
        kind, _, value = name.rpartition("_")
        reader.read(kind, value)
    return reader.music()


class _Reader:
    """Reads tokens in any order: each changes the state, and a note begins with its pitch."""

    def __init__(self) -> None:
        self._time, self._bar = 0, -1  # before the first bar
        self._program, self._velocity = 0, _USUAL_VELOCITY
        self._notes: list[Note] = []
        self._tempos: list[Tempo] = []
        self._sounding: dict[tuple[int, int], list[int]] = {}  # indices of the notes that are still on
        self._is_new = False  # whether the last note has just begun, and may get its velocity and duration

    def read(self, kind: str, value: str) -> None:
        """Read a token."""
        if kind in _NOTES:
            program = DRUMS if "Drum" in kind else self._program
            self._notes.append(Note(self._time, int(value), STEPS_PER_QUARTER // 2, self._velocity, program))
            if kind.endswith("On"):
                self._sounding.setdefault((program, int(value)), []).append(len(self._notes) - 1)
            self._is_new = True
        elif kind == "Velocity":
            self._velocity = int(value)
            if self._is_new:
                self._notes[-1] = self._notes[-1]._replace(velocity=self._velocity)
        elif kind == "Duration":
            if self._is_new:
                self._notes[-1] = self._notes[-1]._replace(duration=max(1, _steps(value)))
            self._is_new = False
        elif kind in ("NoteOff", "DrumOff"):
            self._end(DRUMS if kind == "DrumOff" else self._program, int(value))
        elif kind == "TimeShift":
            self._time += _steps(value)
        elif kind == "Bar":
            self._bar += 1
            self._time = self._bar * _STEPS_PER_BAR
        elif kind == "Position":
            self._time = max(0, self._bar) * _STEPS_PER_BAR + int(value)
        elif kind == "Program":
            self._program = int(value)
        elif kind == "Tempo":
            self._tempos.append(Tempo(self._time, round(float(value))))

    def _end(self, program: int, pitch: int) -> None:
        """End the note of a pitch that has sounded for the longest time."""
        sounding = self._sounding.get((program, pitch))
        if sounding:
            index = sounding.pop(0)
            self._notes[index] = self._notes[index]._replace(duration=max(1, self._time - self._notes[index].start))

    def music(self) -> MusicPayload:
        """Return the music that was read; notes that are still on end with the last token."""
        for indices in self._sounding.values():
            for index in indices:
                duration = min(MAX_DURATION, max(1, self._time - self._notes[index].start))
                self._notes[index] = self._notes[index]._replace(duration=duration)
        return normalized_music(self._notes, self._tempos or [Tempo(0, DEFAULT_TEMPO)])


def _steps(value: str) -> int:
    """Return the steps of a duration of miditok: quarters, steps and steps per quarter, with full stops between."""
    quarters, steps, _ = value.split(".")
    return int(quarters) * STEPS_PER_QUARTER + int(steps)
