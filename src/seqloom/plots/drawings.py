"""Pictures of drawings: one alone, and a sheet of many by temperature."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqloom.corpora.drawings import GRID, Drawing
from seqloom.plots.style import add_title, saved_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_sheet", "write_drawing_png"]

_INK = "#222222"
_MARGIN = 6
_LINE_WIDTH, _SMALL_LINE_WIDTH = 3.0, 1.2
_CELL_INCHES, _TITLE_INCHES, _PICTURE_INCHES = 0.95, 0.8, 5.0


def write_drawing_png(drawing: Drawing, path: Path) -> None:
    """Write a picture of a drawing.

    Raises:
        SeqloomError: the file is not writable.
    """
    with saved_figure(path, width_inches=_PICTURE_INCHES, height_inches=_PICTURE_INCHES) as figure:
        _draw(figure.add_subplot(), drawing, _LINE_WIDTH)


def draw_sheet(rows: Sequence[tuple[str, Sequence[Drawing]]], path: Path, *, title: str, subtitle: str) -> Path:
    """Draw a sheet: each row has a label, such as its temperature, and drawings.

    Args:
        rows: label and drawings of each row; all have the same number.
        path: path of the PNG.
        title: title of the sheet.
        subtitle: what the drawings show.

    Raises:
        SeqloomError: the file is not writable.
    """
    num_columns = max(len(drawings) for _, drawings in rows)
    with saved_figure(path, height_inches=_CELL_INCHES * len(rows) + _TITLE_INCHES) as figure:
        cells = figure.subplots(len(rows), num_columns, squeeze=False)
        for (label, drawings), row in zip(rows, cells, strict=True):
            for drawing, axes in zip(drawings, row, strict=True):
                _draw(axes, drawing, _SMALL_LINE_WIDTH)
            row[0].text(-0.25, 0.5, label, transform=row[0].transAxes, ha="right", va="center")
        add_title(figure, title, subtitle)
    return path


def _draw(axes: "Axes", drawing: Drawing, line_width: float) -> None:
    for stroke in drawing.centred.strokes:
        x, y = zip(*stroke, strict=True)
        axes.plot(
            x, y, color=_INK, linewidth=line_width, solid_capstyle="round", marker="." if len(stroke) == 1 else ""
        )
    axes.set(xlim=(-_MARGIN, GRID + _MARGIN), ylim=(GRID + _MARGIN, -_MARGIN), aspect="equal")
    axes.axis("off")
