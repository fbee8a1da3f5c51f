"""Plots inside an HTML page: SVG whose colours and font are those of the page, in its light and its dark scheme."""

import re
from collections.abc import Callable
from hashlib import sha256
from html import escape
from io import StringIO
from typing import TYPE_CHECKING, Any

from seqloom.percent import format_percent
from seqloom.plots.page_colors import LIGHT_COLORS, color_variable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

__all__ = ["draw_svg", "label_percent"]

_WIDTH_INCHES = 4.0
"""Width of a plot. A page shows it at about this width, on a phone and on a desktop, so that its labels are legible."""

_SETTINGS: Any = {
    "svg.fonttype": "none",  # text stays text, in the font of the page
    "svg.hashsalt": "seqloom",
    "font.size": 9.5,
    "text.parse_math": False,
    "text.color": LIGHT_COLORS["ink"],
    "axes.labelcolor": LIGHT_COLORS["ink"],
    "axes.edgecolor": LIGHT_COLORS["grey"],
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": LIGHT_COLORS["line"],
    "grid.linewidth": 0.8,
    "xtick.color": LIGHT_COLORS["grey"],
    "ytick.color": LIGHT_COLORS["grey"],
    "xtick.labelcolor": LIGHT_COLORS["ink"],
    "ytick.labelcolor": LIGHT_COLORS["ink"],
    "xtick.major.size": 3,
    "ytick.major.size": 3,
}


def draw_svg(draw: Callable[["Axes"], None], description: str, *, height_inches: float = 3.0) -> str:
    """Return a plot as an SVG element that can stand in an HTML page.

    Args:
        draw: function that draws on empty axes; its colours are those of `LIGHT_COLORS`.
        description: alternative text.
        height_inches: height of the plot; the width is 4 inches.
    """
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_SETTINGS):
        figure = Figure(figsize=(_WIDTH_INCHES, height_inches), layout="constrained")
        FigureCanvasSVG(figure)
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        draw(axes)
        written = StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _for_page(written.getvalue(), description)


def _with_own_ids(content: str, prefix: str) -> str:
    """Return SVG whose ids begin with a prefix, since several plots stand in one page; unused ids are left out."""
    used = set(re.findall(r"#([\w.-]+)", content))
    content = re.sub(r' id="([\w.-]+)"', lambda one: f' id="{prefix}-{one[1]}"' if one[1] in used else "", content)
    return re.sub(r"#([\w.-]+)", rf"#{prefix}-\1", content)


def label_percent(*axis: "Axis") -> None:
    """Write the numbers of axes in percent."""
    for one in axis:
        one.set_major_formatter(lambda share, _: format_percent(round(share, 9)))


def _for_page(svg: str, description: str) -> str:
    """Return the SVG of matplotlib without its header and size, and with the colours and the font of the page."""
    content = svg[svg.index("<svg") :].partition(">")[2]
    content = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", content, flags=re.DOTALL)
    content = re.sub(r"font-family: [^;\"]*;? ?", "", content)  # that of the page
    for name, color in LIGHT_COLORS.items():
        content = content.replace(color, color_variable(name))
    content = re.sub(r"(\d+\.\d\d)\d+", r"\1", content)
    content = _with_own_ids(content, f"plot-{sha256(content.encode()).hexdigest()[:8]}")
    view_box = re.search(r'viewBox="[^"]*"', svg)
    assert view_box is not None
    content = re.sub(r"\s*\n\s*", "\n", content)
    return f'<svg role="img" aria-label="{escape(description)}" {view_box[0]}>{content.strip()}'
