"""The common style of all plots, without the global state of pyplot."""

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqloom.files import replacing_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["BLUE", "DASHED", "GREY", "INK", "ORANGE", "PALE", "SILVER", "add_title", "saved_figure", "style_axes"]

# The palette of Okabe and Ito can be distinguished with any kind of colour vision.
BLUE, ORANGE = "#0072B2", "#D55E00"
INK, GREY, SILVER, PALE = "#222222", "#6B6B6B", "#C4C4C4", "#E6E6E6"

DASHED = (0, (4, 3))
"""Line style of reference lines: no offset, dashes of 4 line widths, gaps of 3."""

_WIDTH_INCHES, _HEIGHT_INCHES = 8.0, 4.5
_MARGIN_INCHES = 0.14
_DOTS_PER_INCH = 150
_SUBTITLE_TOP_INCHES = 0.4
"""Distance from the top of the figure to the subtitle."""

_MATPLOTLIB_SETTINGS: Any = {
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
def saved_figure(
    path: Path, *, height_inches: float = _HEIGHT_INCHES, width_inches: float = _WIDTH_INCHES
) -> Iterator["Figure"]:
    """Yield an empty figure, and write it as a PNG file at the end of the `with` block.

    Args:
        path: PNG file; a missing folder is created.
        height_inches: height of the figure; its resolution is 150 dots per inch.
        width_inches: width of the figure.

    Raises:
        SeqloomError: the file cannot be written.
    """
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with matplotlib.rc_context(_MATPLOTLIB_SETTINGS):
        layout = ConstrainedLayoutEngine(w_pad=_MARGIN_INCHES, h_pad=_MARGIN_INCHES / 2)
        figure = Figure(figsize=(width_inches, height_inches), layout=layout)
        FigureCanvasAgg(figure)
        yield figure
        image = BytesIO()
        figure.savefig(image, format="png", dpi=_DOTS_PER_INCH)
        with replacing_file(path) as file:
            file.write(image.getbuffer())


def style_axes(axes: "Axes") -> None:
    """Keep only the left and bottom spine, and draw pale horizontal grid lines behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=PALE, linewidth=0.8)
    axes.tick_params(length=3, width=0.8)


def add_title(figure: "Figure", title: str, subtitle: str = "") -> None:
    """Add a title at the top left, and a subtitle in grey below."""
    left = _MARGIN_INCHES / figure.get_figwidth()
    # An empty second line of the title reserves the space of the subtitle.
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
        figure.text(left, 1 - _SUBTITLE_TOP_INCHES / figure.get_figheight(), subtitle, va="top", color=GREY)
