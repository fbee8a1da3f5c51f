"""Codecs of music with the tokenisations of the field, one stream of tokens each, as the package miditok defines them.

MIDI-like (Oore et al. 2018): notes go on and off, and time shifts lie between. TSD: a note has a duration. REMI (Huang
and Yang 2020): bars and positions in place of time shifts. miditok writes the tokens; seqloom stores those that the
corpus has, and reads them back by itself, in any order. A velocity is left out while it stays the same, as miditok does
with the program.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, ClassVar

from seqloom.codecs.named_tokens import NamedTokens
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
from seqloom.errors import MissingExtraError

__all__ = ["MidiLikeCodec", "RemiCodec", "TsdCodec"]

_STEPS_PER_BAR = 4 * STEPS_PER_QUARTER  # miditok counts bars of 4/4 where it writes no time signatures
_NOTES = ("Pitch", "PitchDrum", "NoteOn", "DrumOn")
"""Types of the tokens that begin a note."""

_PITCHES = ("Pitch", "NoteOn", "NoteOff")
"""Types of the tokens of pitches, without those of percussion."""

_TEMPO = "Tempo_"

_USUAL_VELOCITY = 90


class _MidiTokens(NamedTokens[MusicPayload]):
    """Tokens by their names in miditok, such as Pitch_60."""

    payload_type = MusicPayload
    unit = "note"
    _tokenizer_class: ClassVar[str]

    @classmethod
    def names_of(cls, payload: MusicPayload) -> Sequence[str]:
        """Return the names of the tokens of a piece."""
        lowest = min((note.pitch for note in payload.notes if note.program != DRUMS), default=0)
        shape = _shape(payload, lowest)
        names = [_raised(name, lowest) for name in _names_of(cls._tokenizer_class, shape)]
        places = [index for index, name in enumerate(names) if name.startswith(_TEMPO)]
        if len(places) != len(payload.tempos):  # not every tempo has a token
            return list(_names_of(cls._tokenizer_class, payload))
        tempo_names = _tempo_names(cls._tokenizer_class)
        for place, tempo in zip(places, payload.tempos, strict=True):
            names[place] = tempo_names[tempo.bpm]
        return names

    @classmethod
    def payload_of(cls, names: Iterable[str]) -> MusicPayload:
        """Return the music of tokens in any order."""
        reader = _Reader()
        for name in names:
            kind, _, value = name.rpartition("_")
            reader.read(kind, value)
        return reader.music()

    @classmethod
    def is_unit(cls, name: str) -> bool:
        """Return whether a token begins a note."""
        return name.rpartition("_")[0] in _NOTES


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


def _shape(music: MusicPayload, lowest: int) -> MusicPayload:
    """Return the form that all transpositions of a piece have in common, at any tempo."""
    notes = (note if note.program == DRUMS else note._replace(pitch=note.pitch - lowest) for note in music.notes)
    tempos = (tempo._replace(bpm=MIN_TEMPO + index % 2) for index, tempo in enumerate(music.tempos))
    return MusicPayload(tuple(notes), tuple(tempos))


@lru_cache(maxsize=2)
def _names_of(tokenizer_class: str, music: MusicPayload) -> tuple[str, ...]:
    """Return the names of the tokens; the cache serves the altered copies of a piece, which follow it."""
    tokens = _tokenizer(tokenizer_class)(symusic_score(music, longest=MAX_DURATION)).tokens
    return tuple(_without_repeats(tokens))


@cache
def _tempo_names(tokenizer_class: str) -> Mapping[int, str]:
    """Return the name of the token of each tempo."""
    names = (name for name in _tokenizer(tokenizer_class).vocab if name.startswith(_TEMPO))
    return {round(float(name.removeprefix(_TEMPO))): name for name in names}


@cache
def _raised_names(steps: int) -> dict[str, str]:
    """Return a table of the names of tokens that are raised by a number of semitones; it fills as it is used."""
    return {}


def _raised(name: str, steps: int) -> str:
    """Return the name of a token, raised by a number of semitones if it is that of a pitch."""
    table = _raised_names(steps)
    raised = table.get(name)
    if raised is None:
        kind, _, value = name.rpartition("_")
        raised = table[name] = f"{kind}_{int(value) + steps}" if kind in _PITCHES else name
    return raised


@cache
def _tokenizer(name: str) -> Any:
    """Return a tokenizer of miditok that rounds nothing of a payload.

    Raises:
        MissingExtraError: miditok is not installed.
    """
    try:
        import miditok
    except ImportError:
        raise MissingExtraError("music needs the package miditok: pip install 'seqloom[music]'") from None
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


def _without_repeats(names: Sequence[str]) -> Iterator[str]:
    """Yield names without the velocities that are those of the note before."""
    velocity = ""
    for name in names:
        if not name.startswith("Velocity_"):
            yield name
        elif name != velocity:
            velocity = name
            yield name


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
