"""How a tune in ABC notation sounds: repeats played, ties joined, times on the grid of music."""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction

from seqloom.corpora.abc.parser import Bar, ParsedTune
from seqloom.corpora.music import (
    DEFAULT_TEMPO,
    MAX_TEMPO,
    MIN_TEMPO,
    STEPS_PER_QUARTER,
    MusicPayload,
    Note,
    Tempo,
    normalized_music,
)

__all__ = ["music_of"]

_STEPS_PER_WHOLE = 4 * STEPS_PER_QUARTER
_ROUNDING = 1e-6
"""Makes sure that sums of fractions, such as of thirds, are rounded alike in every bar."""

_MAX_BARS = 10_000
_TEMPO = re.compile(r"(?:(\d+)/(\d+)\s*=\s*)?(\d+)")


def music_of(tune: ParsedTune) -> MusicPayload:
    """Return the music of a tune."""
    notes: list[Note] = []
    tied: dict[int, int] = {}  # index in `notes` of each note that is tied to the next one, by pitch
    timed_bars = [_in_steps(bar) for bar in tune.bars]  # once, because bars are repeated and fractions are slow
    time = 0.0
    for bar_index in _played(tune.bars):
        timed_notes, length = timed_bars[bar_index]
        for first, last, pitch, is_tied in timed_notes:
            start, end = round(time + first), round(time + last)
            index = tied.pop(pitch, None)
            if index is not None and notes[index].end == start:
                notes[index] = notes[index]._replace(duration=end - notes[index].start)
            else:
                index = len(notes)
                notes.append(Note(start, pitch, max(1, end - start)))
            if is_tied:
                tied[pitch] = index
        time += length
    return normalized_music(notes, [Tempo(0, _tempo(tune.fields.get("Q", "")))])


def _in_steps(bar: Bar) -> tuple[list[tuple[float, float, int, bool]], float]:
    """Return start, end, pitch and tie of each note, and the length of the bar, all times in steps of the grid."""
    notes = [
        (
            float(note.start * _STEPS_PER_WHOLE) + _ROUNDING,
            float((note.start + note.duration) * _STEPS_PER_WHOLE) + _ROUNDING,
            note.pitch,
            note.is_tied,
        )
        for note in bar.notes
    ]
    return notes, float(bar.length * _STEPS_PER_WHOLE)


def _tempo(field: str) -> int:
    """Return quarter notes per minute; a field without a number, such as "Allegro", leaves the tempo as usual."""
    match = _TEMPO.search(field)
    if match is None:
        return DEFAULT_TEMPO
    beat = Fraction(int(match[1]), int(match[2])) if match[1] and int(match[2]) else Fraction(1, 4)
    return min(MAX_TEMPO, max(MIN_TEMPO, round(float(beat * 4 * int(match[3])))))


def _played(bars: Sequence[Bar]) -> Iterator[int]:
    """Yield the indices of the bars in the order in which they are played; every repeat is played twice."""
    endings = list(_endings(bars))
    index = start = num_played = 0
    turn = 1
    while index < len(bars) and num_played < _MAX_BARS:
        bar = bars[index]
        if bar.opens.endswith(":") and turn == 1:
            start = index
        if not endings[index] or turn in endings[index]:
            yield index
            num_played += 1
            is_repeated = bar.closes.startswith(":")
            if is_repeated and turn == 1:
                index, turn = start, 2
                continue
            is_last_ending = bool(endings[index]) and (index + 1 == len(bars) or not endings[index + 1])
            if is_repeated or (turn == 2 and is_last_ending):
                start, turn = index + 1, 1
        index += 1


def _endings(bars: Sequence[Bar]) -> Iterator[tuple[int, ...]]:
    """Yield the numbers of the repeats that play each bar; empty for all."""
    current: tuple[int, ...] = ()
    for index, bar in enumerate(bars):
        before = bars[index - 1].closes if index else ""
        if bar.endings or ":" in before or before in ("||", "|]"):
            current = bar.endings
        yield current
