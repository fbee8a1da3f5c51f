"""Music as a payload: notes and tempos on a grid of 24 steps per quarter note.

The grid holds triplets and thirty-second notes exactly. Instruments are the programs of General MIDI; percussion is a
program of its own.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

__all__ = [
    "DEFAULT_TEMPO", "DRUMS", "MAX_DURATION", "MAX_TEMPO", "MIN_TEMPO", "STEPS_PER_QUARTER", "MusicPayload", "Note",
    "Tempo", "normalized_music", "pitch_name",
]  # fmt: skip

STEPS_PER_QUARTER = 24

DRUMS = -1
"""Program of the percussion, whose pitches are drums."""

MAX_DURATION = 16 * STEPS_PER_QUARTER
"""Steps after which a long note is tied to another one of the same pitch."""

_MAX_PITCH = 127
_PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MIN_TEMPO, MAX_TEMPO, DEFAULT_TEMPO = 20, 300, 120


class Note(NamedTuple):
    """A note.

    Attributes:
        start: first step.
        pitch: MIDI pitch, 0 to 127; 60 is middle C.
        duration: number of steps.
        velocity: MIDI velocity, 1 to 127.
        program: General MIDI program, 0 to 127, or `DRUMS`.
    """

    start: int
    pitch: int
    duration: int
    velocity: int = 90
    program: int = 0

    @property
    def end(self) -> int:
        """First step after the note."""
        return self.start + self.duration


class Tempo(NamedTuple):
    """A tempo, which holds until the next one.

    Attributes:
        start: first step.
        bpm: quarter notes per minute, `MIN_TEMPO` to `MAX_TEMPO`.
    """

    start: int
    bpm: int


@dataclass(frozen=True)
class MusicPayload:
    """A piece of music; see `normalized_music`.

    Attributes:
        notes: notes in the order of start, program, pitch and duration.
        tempos: tempos in the order of their starts, each unlike the one before; the first one starts at 0.
    """

    kind: ClassVar[str] = "music"
    default_level: ClassVar[str] = "tsd"

    notes: tuple[Note, ...]
    tempos: tuple[Tempo, ...] = (Tempo(0, DEFAULT_TEMPO),)

    def altered(self, semitones: int, tempo_factor: float) -> "MusicPayload | None":
        """Return a copy in another key and tempo; None if a pitch would leave the range of MIDI."""
        pitches = [note.pitch for note in self.notes if note.program != DRUMS]
        if pitches and not 0 <= min(pitches) + semitones <= max(pitches) + semitones <= _MAX_PITCH:
            return None
        notes = tuple(
            note if note.program == DRUMS else note._replace(pitch=note.pitch + semitones) for note in self.notes
        )
        tempos = (
            tempo._replace(bpm=min(MAX_TEMPO, max(MIN_TEMPO, round(tempo.bpm * tempo_factor)))) for tempo in self.tempos
        )
        return MusicPayload(notes, _distinct_tempos(tempos))

    @property
    def num_steps(self) -> int:
        """Number of steps until the last note ends."""
        return max((note.end for note in self.notes), default=0)


def pitch_name(pitch: int) -> str:
    """Return the name of a MIDI pitch, such as "C4" for 60."""
    return f"{_PITCH_CLASSES[pitch % 12]}{pitch // 12 - 1}"


def normalized_music(notes: Iterable[Note], tempos: Iterable[Tempo]) -> MusicPayload:
    """Return music in the one form that all codecs give back exactly.

    An instrument sounds a pitch once at a time, as a key of a piano does: a note ends where the next one of its pitch
    and program begins, and of notes that begin together the longest stays. A note of `MAX_DURATION` steps that another
    one follows at once, with the same velocity, becomes one long note.
    """
    voices: dict[tuple[int, int], list[Note]] = defaultdict(list)
    for note in notes:
        voices[note.program, note.pitch].append(note)
    joined = [note for voice in voices.values() for note in _tied(_one_at_a_time(voice))]
    by_start = {tempo.start: tempo.bpm for tempo in sorted(tempos, key=lambda tempo: tempo.start)}
    chosen = itertools.starmap(Tempo, sorted({0: DEFAULT_TEMPO, **by_start}.items()))
    ordered = sorted(joined, key=lambda note: (note.start, note.program, note.pitch, note.duration, note.velocity))
    return MusicPayload(tuple(ordered), _distinct_tempos(chosen))


def _distinct_tempos(tempos: Iterable[Tempo]) -> tuple[Tempo, ...]:
    """Return tempos without those that repeat the one before."""
    chosen: list[Tempo] = []
    for tempo in tempos:
        if not chosen or chosen[-1].bpm != tempo.bpm:
            chosen.append(tempo)
    return tuple(chosen)


def _one_at_a_time(voice: list[Note]) -> list[Note]:
    """Return notes of one pitch, each of which ends where the next one begins or before."""
    longest = {note.start: note for note in sorted(voice, key=lambda note: (note.start, note.duration, note.velocity))}
    kept = list(longest.values())
    ends = [*(note.start for note in kept[1:]), max(note.end for note in kept)]
    return [note._replace(duration=min(note.duration, end - note.start)) for note, end in zip(kept, ends, strict=True)]


def _tied(voice: list[Note]) -> Iterator[Note]:
    """Yield the notes of one pitch, with those that are tied joined."""
    current = voice[0]
    for note in voice[1:]:
        is_tied = note.start == current.end and note.velocity == current.velocity
        if is_tied and current.duration % MAX_DURATION == 0:
            current = current._replace(duration=current.duration + note.duration)
        else:
            yield current
            current = note
    yield current
