"""Plots of music as a piano roll: time from left to right, pitch from bottom to top."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqloom.corpora.music import DRUMS, STEPS_PER_QUARTER, MusicPayload
from seqloom.plots.style import BLUE, GREY, ORANGE, add_title, saved_figure, style_axes
from seqloom.plural import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_rolls", "write_piano_roll"]

_COLORS = (BLUE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00", ORANGE)
_OCTAVE = 12
_MARGIN = 3
"""Free pitches above the highest and below the lowest note."""

_ROW_QUARTERS, _MAX_ROWS = 64, 8
"""Quarter notes in a row of a long piece, and the number of rows from which on they grow longer."""

_ROW_INCHES, _SINGLE_ROW_INCHES, _TITLE_INCHES = 1.9, 3.7, 0.8


def write_piano_roll(music: MusicPayload, path: Path) -> None:
    """Draw a piano roll, in several rows if it is long.

    Each program has a colour, percussion is grey, and a louder note is darker.

    Raises:
        SeqloomError: the file is not writable.
    """
    quarters = max(1.0, music.num_steps / STEPS_PER_QUARTER)
    num_rows = min(_MAX_ROWS, math.ceil(quarters / _ROW_QUARTERS))
    length = quarters / num_rows if num_rows in (1, _MAX_ROWS) else _ROW_QUARTERS
    colors = _colors([music])
    row_inches = _SINGLE_ROW_INCHES if num_rows == 1 else _ROW_INCHES
    with saved_figure(path, height_inches=row_inches * num_rows + _TITLE_INCHES) as figure:
        rows = figure.subplots(num_rows, squeeze=False)[:, 0]
        for index, axes in enumerate(rows):
            _draw(axes, music, colors, index * length, (index + 1) * length)
        rows[-1].set_xlabel("quarter notes")
        tempo = ", then ".join(f"{tempo.bpm}" for tempo in music.tempos[:3])
        add_title(figure, "Piano roll", f"{counted(len(music.notes), 'note')}; quarter notes per minute: {tempo}")


def draw_rolls(rows: Sequence[tuple[str, MusicPayload]], path: Path, *, title: str, subtitle: str) -> Path:
    """Draw the beginnings of pieces below each other.

    Args:
        rows: label, such as a temperature, and music.
        path: path of the PNG.
        title: title of the sheet.
        subtitle: what the rolls show.

    Raises:
        SeqloomError: the file is not writable.
    """
    colors = _colors([music for _, music in rows])
    with saved_figure(path, height_inches=_ROW_INCHES * len(rows) + _TITLE_INCHES) as figure:
        cells = figure.subplots(len(rows), squeeze=False, sharex=True)[:, 0]
        for axes, (label, music) in zip(cells, rows, strict=True):
            _draw(axes, music, colors, 0, _ROW_QUARTERS)
            axes.set_title(label, loc="left")
        cells[-1].set_xlabel("quarter notes")
        add_title(figure, title, subtitle)
    return path


def _colors(pieces: Sequence[MusicPayload]) -> dict[int, str]:
    """Return the colour of each program of some pieces."""
    programs = sorted({note.program for music in pieces for note in music.notes} - {DRUMS})
    return {program: _COLORS[index % len(_COLORS)] for index, program in enumerate(programs)} | {DRUMS: GREY}


def _draw(axes: "Axes", music: MusicPayload, colors: Mapping[int, str], begin: float, end: float) -> None:
    """Draw what sounds between two times in quarter notes; the pitches are those of the whole piece."""
    for note in music.notes:
        start, duration = note.start / STEPS_PER_QUARTER, note.duration / STEPS_PER_QUARTER
        if start < end and start + duration > begin:
            axes.barh(
                note.pitch,
                duration,
                left=start,
                height=0.8,
                color=colors[note.program],
                alpha=0.35 + 0.65 * note.velocity / 127,
                linewidth=0,
            )
    pitches = [note.pitch for note in music.notes] or [60]
    low, high = max(0, min(pitches) - _MARGIN), min(127, max(pitches) + _MARGIN)
    octaves = [pitch for pitch in range(0, 128, _OCTAVE) if low <= pitch <= high]
    axes.set_yticks(octaves, [f"C{pitch // _OCTAVE - 1}" for pitch in octaves])
    axes.set(xlim=(begin, end), ylim=(low, high))
    style_axes(axes)
