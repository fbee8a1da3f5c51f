"""Write a drawing as a numpy archive with one array of stroke-3."""

from pathlib import Path

import numpy as np

from seqloom.corpora.drawings import Drawing
from seqloom.files import replacing_file

__all__ = ["write_stroke_arrays"]


def write_stroke_arrays(drawing: Drawing, path: Path) -> None:
    """Write an archive whose array `drawing` [points, 3] holds steps right and down, and 1 where the pen is lifted.

    Raises:
        SeqloomError: the file cannot be written.
    """
    rows = [(x, y, index == len(stroke) - 1) for stroke in drawing.strokes for index, (x, y) in enumerate(stroke)]
    steps = np.array(rows, np.int16).reshape(-1, 3)
    steps[1:, :2] = np.diff(steps[:, :2], axis=0)
    with replacing_file(path) as file:
        np.savez_compressed(file, drawing=steps)
