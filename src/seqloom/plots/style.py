"""How every plot looks, and how it gets onto disk. No global figure is touched."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.files import replaced

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["BLUE", "GREY", "INK", "ORANGE", "PALE", "SILVER", "drawn", "headed", "plain_axes"]

# Okabe and Ito's palette: told apart with any kind of colour vision.
BLUE, ORANGE = "#0072B2", "#D55E00"
INK, GREY, SILVER, PALE = "#222222", "#6B6B6B", "#C4C4C4", "#E6E6E6"

_INCHES = (8.0, 4.5)
_MARGIN_INCHES = 0.14
_DOTS_PER_INCH = 150

_SETTINGS: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 10,
    "text.usetex": False,
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.labelsize": 10,
    "axes.titlesize": 10,
    "axes.unicode_minus": True,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
    "lines.solid_capstyle": "round",
}


@contextmanager
def drawn(path: Path, *, height_inches: float = _INCHES[1]) -> Iterator["Figure"]:
    """Give an empty figure; write it to `path` as PNG when the block ends well, whole or not at all.

    Args:
        path: the file; its folder is made where it is missing.
        height_inches: the width is 8 inches, and 150 dots make an inch.

    Raises:
        SeqloomError: the file cannot be written.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with matplotlib.rc_context(_SETTINGS):
        layout = ConstrainedLayoutEngine(w_pad=_MARGIN_INCHES, h_pad=_MARGIN_INCHES / 2)
        figure = Figure(figsize=(_INCHES[0], height_inches), layout=layout)
        FigureCanvasAgg(figure)
        yield figure
        with replaced(path) as temporary:
            figure.savefig(temporary, format="png", dpi=_DOTS_PER_INCH)


def plain_axes(axes: "Axes") -> None:
    """Leave the frame's left and bottom, and a pale grid behind what is drawn."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=PALE, linewidth=0.8)
    axes.tick_params(length=3, width=0.8)


def headed(figure: "Figure", title: str, subtitle: str = "") -> None:
    """Put a title over the figure, left, and a line in grey under it."""
    left = _MARGIN_INCHES / figure.get_figwidth()
    # An empty second line of the title keeps the room that the subtitle is set into.
    heading = figure.suptitle(
        title + ("\n" if subtitle else ""),
        x=left,
        ha="left",
        fontsize=13,
        fontweight="bold",
        linespacing=1.25,
    )
    heading.set_y(1 - _MARGIN_INCHES / figure.get_figheight())
    if subtitle:
        figure.text(left, 1 - 0.4 / figure.get_figheight(), subtitle, va="top", color=GREY)
