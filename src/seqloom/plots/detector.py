"""Plots of a detector for an HTML page: ROC curves, calibration, and a histogram of the scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.plots.page_colors import LIGHT_COLORS
from seqloom.plots.style import DASHED
from seqloom.plots.svg import draw_svg, label_percent

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LineStyle", "plot_calibration", "plot_roc_curves", "plot_score_histograms"]

_MIN_FALSE_POSITIVE_RATE = 1e-3
"""Lower end of the logarithmic axis, unless more than 500 real texts allow a lower one."""

_MAX_POINTS = 250
"""Largest number of points of a curve on one axis."""

_BIN_EDGES = np.linspace(0, 1, 26)
"""Edges of the bins of the histogram."""


@dataclass(frozen=True)
class LineStyle:
    """How the curve of a method is drawn.

    Attributes:
        color: name of a colour of the page.
        dashes: lengths of dashes and gaps in points; empty for a solid line.
        width: width in points.
    """

    color: str
    dashes: tuple[float, ...] = ()
    width: float = 1.5


def plot_roc_curves(
    scores: Mapping[str, Float[np.ndarray, " texts"]],
    generated: Bool[np.ndarray, " texts"],
    styles: Mapping[str, LineStyle],
) -> tuple[str, str]:
    """Plot ROC curves, once on a linear axis and once on a logarithmic axis, which shows low false positive rates.

    Args:
        scores: scores of the texts by method of detection.
        generated: whether each text was generated.
        styles: style of each method.

    Returns:
        Both plots as SVG.
    """
    from sklearn.metrics import roc_curve

    num_real = int((~generated).sum())
    min_rate = min(_MIN_FALSE_POSITIVE_RATE, 0.5 / num_real)
    curves = {name: roc_curve(generated, method_scores)[:2] for name, method_scores in scores.items()}

    def draw(axes: "Axes", grid: Float[np.ndarray, " points"], label: str) -> None:
        for name, (false_rates, true_rates) in reversed(curves.items()):
            style = styles[name]
            line_style = (0, tuple(length / style.width for length in style.dashes)) if style.dashes else "-"
            # The curve is a flight of steps; at each rate of the grid stands the height that it has reached.
            heights = true_rates[np.searchsorted(false_rates, grid, side="right") - 1]
            axes.plot(grid, heights, color=LIGHT_COLORS[style.color], linewidth=style.width, linestyle=line_style)
        axes.plot(grid, grid, color=LIGHT_COLORS["grey"], linewidth=0.7, linestyle=DASHED)
        axes.set(xlabel=label, ylabel="generated texts found", ylim=(0, 1.02), xlim=(grid[0], 1))
        label_percent(axes.xaxis, axes.yaxis)

    def draw_linear(axes: "Axes") -> None:
        draw(axes, np.linspace(0, 1, _MAX_POINTS), "real texts flagged")

    def draw_logarithmic(axes: "Axes") -> None:
        axes.set_xscale("log")
        draw(axes, np.geomspace(min_rate, 1, _MAX_POINTS), "real texts flagged (logarithmic)")
        axes.minorticks_off()

    description = "ROC curves: share of the generated texts found against share of the real texts flagged"
    return (
        draw_svg(draw_linear, f"{description}."),
        draw_svg(draw_logarithmic, f"{description}, on a logarithmic axis."),
    )


def plot_calibration(
    probabilities: Float[np.ndarray, " bins"],
    shares: Float[np.ndarray, "3 bins"],
    num_texts: Int[np.ndarray, " bins"],
) -> str:
    """Plot the share of generated texts by predicted probability; a larger dot stands for more texts.

    Args:
        probabilities: mean probability of each bin.
        shares: share of generated texts in each bin, and the lower and upper end of its 95 % confidence interval.
        num_texts: number of texts in each bin.

    Returns:
        The plot as SVG.
    """
    color = LIGHT_COLORS["detector"]

    def draw(axes: "Axes") -> None:
        axes.plot([0, 1], [0, 1], color=LIGHT_COLORS["grey"], linewidth=0.7, linestyle=DASHED)
        share_generated, lowest, highest = shares
        axes.vlines(probabilities, lowest, highest, color=color, linewidth=1.2)
        dot_areas = 15 + 200 * num_texts / num_texts.sum()
        axes.scatter(probabilities, share_generated, dot_areas, color=color, zorder=3, clip_on=False)
        axes.set(xlabel="predicted probability", ylabel="share of generated texts", xlim=(0, 1), ylim=(0, 1.02))
        label_percent(axes.xaxis, axes.yaxis)

    return draw_svg(draw, "Share of generated texts by predicted probability.")


def plot_score_histograms(
    probabilities: Float[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"] | None
) -> tuple[str, ...]:
    """Plot histograms of the probabilities, one per label (real, generated) if the labels are known.

    The bars are shares of the texts with that label, and all histograms have the same scale.

    Args:
        probabilities: probability that each text was generated.
        generated: whether each text was generated; None if unknown.

    Returns:
        The plots as SVG.
    """
    panels = (
        {"texts": ("detector", probabilities)}
        if generated is None
        else {
            "real texts": ("ink", probabilities[~generated]),
            "generated texts": ("generated", probabilities[generated]),
        }
    )
    heights = {
        label: np.histogram(chosen, bins=_BIN_EDGES)[0] / max(1, len(chosen)) for label, (_, chosen) in panels.items()
    }
    highest = max(float(shares.max()) for shares in heights.values())

    def panel(label: str, color: str) -> str:
        def draw(axes: "Axes") -> None:
            axes.stairs(heights[label], _BIN_EDGES, color=LIGHT_COLORS[color], fill=True)
            axes.set(
                xlabel="probability that the text was generated",
                ylabel=f"share of the {label}",
                xlim=(0, 1),
                ylim=(0, 1.05 * highest),
            )
            label_percent(axes.xaxis, axes.yaxis)

        return draw_svg(draw, f"Share of the {label} by probability.", height_inches=2.4)

    return tuple(panel(label, color) for label, (color, _) in panels.items())
