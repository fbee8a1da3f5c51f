"""Write music as a file in ABC notation.

Every note keeps its pitch and duration. A voice is a line of notes and chords of one program, without overlaps; melody
and accompaniment of a piano, for example, become two voices. Notes are divided at bar lines and tied. The metre is 4/4
and the key that of C, with accidentals, since a piece of music says neither. Velocities are lost. The directives
`%%MIDI` are those of abcmidi.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from seqloom.corpora.music import DRUMS, STEPS_PER_QUARTER, MusicPayload, Note, Tempo
from seqloom.files import write_text

__all__ = ["music_as_abc", "write_music_abc"]

_STEPS_PER_BAR = 4 * STEPS_PER_QUARTER
_BARS_PER_LINE = 4
_LETTERS = ("C", "^C", "D", "^D", "E", "F", "^F", "G", "^G", "A", "^A", "B")
_MIDDLE_OCTAVE = 5
"""Octave of middle C, counted from MIDI pitch 0."""


def write_music_abc(music: MusicPayload, path: Path) -> None:
    """Write music in ABC notation.

    Raises:
        SeqloomError: the file cannot be written.
    """
    write_text(path, music_as_abc(music, path.stem.replace("-", " ").replace("_", " ")))


def music_as_abc(music: MusicPayload, title: str) -> str:
    """Return music in ABC notation."""
    notes_of_program: dict[int, list[Note]] = defaultdict(list)
    for note in music.notes:
        notes_of_program[note.program].append(note)
    voices = [(program, voice) for program, notes in sorted(notes_of_program.items()) for voice in _voices(notes)]
    first_tempo = music.tempos[0].bpm
    lines = ["X:1", f"T:{title}", "M:4/4", "L:1/4", f"Q:1/4={first_tempo}", "K:C"]
    num_bars = -(-max(music.num_steps, 1) // _STEPS_PER_BAR)
    for number, (program, notes) in enumerate(voices, 1):
        if len(voices) > 1:
            lines.append(f"V:{number}{' clef=perc' if program == DRUMS else ''}")
        if program:
            lines.append("%%MIDI channel 10" if program == DRUMS else f"%%MIDI program {program}")
        bars = _bars(notes, music.tempos[1:] if number == 1 else (), num_bars)
        for first in range(0, num_bars, _BARS_PER_LINE):
            last_line = first + _BARS_PER_LINE >= num_bars
            lines.append(" | ".join(bars[first : first + _BARS_PER_LINE]) + (" |]" if last_line else " |"))
    return "\n".join(lines) + "\n"


def _voices(notes: Sequence[Note]) -> list[list[Note]]:
    """Return the notes of a program in voices, each of which sounds one chord at a time.

    A chord goes to the voice whose last chord has ended, and is nearest in pitch.
    """
    chords: dict[tuple[int, int], list[Note]] = defaultdict(list)
    for note in notes:
        chords[note.start, note.end].append(note)
    voices: list[list[Note]] = []
    for (start, _), chord in sorted(chords.items()):
        free = [voice for voice in voices if voice[-1].end <= start]
        if not free:
            free = [[]]
            voices += free
        min(free, key=lambda voice: abs(voice[-1].pitch - chord[-1].pitch) if voice else 0).extend(chord)
    return sorted(voices, key=lambda voice: -sum(note.pitch for note in voice) / len(voice))


def _bars(notes: Sequence[Note], tempos: Sequence[Tempo], num_bars: int) -> list[str]:
    """Return the bars of a voice."""
    ends = {0, *(bar * _STEPS_PER_BAR for bar in range(1, num_bars + 1)), *(tempo.start for tempo in tempos)}
    ends |= {step for note in notes for step in (note.start, note.end)}
    steps = sorted(step for step in ends if step <= num_bars * _STEPS_PER_BAR)
    bpm_at = {tempo.start: tempo.bpm for tempo in tempos}
    bars: list[list[str]] = [[] for _ in range(num_bars)]
    sharpened: set[str] = set()
    for (start, end), sounding in zip(pairwise(steps), _sounding(notes, steps), strict=True):
        if start % _STEPS_PER_BAR == 0:
            sharpened = set()
        bar = bars[start // _STEPS_PER_BAR]
        if start in bpm_at:
            bar.append(f"[Q:1/4={bpm_at[start]}]")
        bar.append(_chord(sounding, start, end, sharpened))
    return [" ".join(bar) for bar in bars]


def _sounding(notes: Sequence[Note], steps: Sequence[int]) -> Iterator[list[Note]]:
    """Yield the notes that sound between each step and the next; notes are in the order of their starts."""
    position, current = 0, list[Note]()
    for start in steps[:-1]:
        current = [note for note in current if note.end > start]
        while position < len(notes) and notes[position].start <= start:
            current.append(notes[position])
            position += 1
        yield sorted(current, key=lambda note: note.pitch)


def _chord(notes: Sequence[Note], start: int, end: int, sharpened: set[str]) -> str:
    """Return a rest, a note or a chord, with ties of the notes that go on; update the sharpened letters of the bar."""
    names, length = [_name(note.pitch, sharpened) for note in notes], _length(end - start)
    ties = ["-" if note.end > end else "" for note in notes]
    if len(names) == 1:
        return names[0] + length + ties[0]
    chord = "".join(name + tie for name, tie in zip(names, ties, strict=True))
    return f"[{chord}]{length}" if names else f"z{length}"


def _name(pitch: int, sharpened: set[str]) -> str:
    """Return a pitch in ABC, and add its letter to those with a sharp in this bar.

    Programs disagree on how long an accidental holds, and in which octaves. So each sharp is written, and each natural
    of a letter that had a sharp before.
    """
    spelled, octave = _LETTERS[pitch % 12], pitch // 12 - _MIDDLE_OCTAVE
    letter = spelled[-1]
    name = (letter if octave < 1 else letter.lower()) + ("," * -octave if octave < 0 else "'" * (octave - 1))
    if len(spelled) == 2:
        sharpened.add(letter)
        return f"^{name}"
    return f"={name}" if letter in sharpened else name


def _length(steps: int) -> str:
    """Return a duration in quarter notes, which is left out for one."""
    quarters = Fraction(steps, STEPS_PER_QUARTER)
    numerator = "" if quarters.numerator == 1 else str(quarters.numerator)
    return numerator if quarters.denominator == 1 else f"{numerator}/{quarters.denominator}"
