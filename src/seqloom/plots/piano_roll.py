"""Plot of music as a piano roll: time from left to right, pitch from bottom to top."""

from pathlib import Path

from seqloom.corpora.music import DRUMS, STEPS_PER_QUARTER, MusicPayload
from seqloom.plots.style import BLUE, GREY, ORANGE, add_title, saved_figure, style_axes
from seqloom.plural import counted

__all__ = ["write_piano_roll"]

_COLORS = (BLUE, "#009E73", "#CC79A7", "#56B4E9", "#E69F00", ORANGE)
_OCTAVE = 12
_MARGIN = 3
"""Free pitches above the highest and below the lowest note."""


def write_piano_roll(music: MusicPayload, path: Path) -> None:
    """Draw a piano roll; each program has a colour, percussion is grey, and a louder note is darker.

    Raises:
        SeqloomError: the file is not writable.
    """
    programs = sorted({note.program for note in music.notes} - {DRUMS})
    colors = {program: _COLORS[index % len(_COLORS)] for index, program in enumerate(programs)} | {DRUMS: GREY}
    with saved_figure(path) as figure:
        axes = figure.add_subplot()
        for note in music.notes:
            axes.barh(
                note.pitch,
                note.duration / STEPS_PER_QUARTER,
                left=note.start / STEPS_PER_QUARTER,
                height=0.8,
                color=colors[note.program],
                alpha=0.35 + 0.65 * note.velocity / 127,
                linewidth=0,
            )
        pitches = [note.pitch for note in music.notes] or [60]
        low, high = max(0, min(pitches) - _MARGIN), min(127, max(pitches) + _MARGIN)
        octaves = [pitch for pitch in range(0, 128, _OCTAVE) if low <= pitch <= high]
        axes.set_yticks(octaves, [f"C{pitch // _OCTAVE - 1}" for pitch in octaves])
        axes.set(xlim=(0, max(1, music.num_steps / STEPS_PER_QUARTER)), ylim=(low, high), xlabel="quarter notes")
        style_axes(axes)
        tempo = ", then ".join(f"{tempo.bpm}" for tempo in music.tempos[:3])
        add_title(figure, "Piano roll", f"{counted(len(music.notes), 'note')}; quarter notes per minute: {tempo}")
