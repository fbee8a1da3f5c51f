"""Plots of a detector: ROC curves, calibration, and a histogram of the scores."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.percent import format_percent
from seqloom.plots.style import BLUE, DASHED, GREY, INK, ORANGE, add_title, saved_figure, style_axes
from seqloom.plots.token_labels import displayable

__all__ = ["plot_calibration", "plot_roc_curves", "plot_score_histogram"]

_COLORS = (BLUE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", ORANGE, "#7D4F9E", GREY)
"""Colours of the ROC curves; all further curves have the last colour."""

_MIN_FALSE_POSITIVE_RATE = 1e-3
"""Lower end of the logarithmic axis, unless more than 500 real texts allow a lower one."""

_BIN_EDGES = np.linspace(0, 1, 26)
"""Edges of the bins of the histogram."""


def plot_roc_curves(
    path: Path, scores: Mapping[str, Float[np.ndarray, " texts"]], generated: Bool[np.ndarray, " texts"]
) -> Path:
    """Plot ROC curves, once on a linear axis and once on a logarithmic axis, which shows low false positive rates.

    Args:
        path: PNG file.
        scores: scores of the texts by method of detection; the first method's curve is thicker and drawn on top.
        generated: whether each text was generated.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file is not writable.
    """
    from sklearn.metrics import roc_curve

    num_real = int((~generated).sum())
    min_rate = min(_MIN_FALSE_POSITIVE_RATE, 0.5 / num_real)
    with saved_figure(path, height_inches=4.2) as figure:
        linear_axes, log_axes = figure.subplots(1, 2, sharey=True)
        for index, (method, method_scores) in reversed(list(enumerate(scores.items()))):
            false_positive_rates, true_positive_rates, _ = roc_curve(generated, method_scores, drop_intermediate=False)
            style = {
                "color": _COLORS[min(index, len(_COLORS) - 1)],
                "linewidth": 1.4 if index else 2.4,
                "drawstyle": "steps-post",
            }
            linear_axes.plot(false_positive_rates, true_positive_rates, label=displayable(method), **style)
            log_axes.plot(false_positive_rates.clip(min_rate), true_positive_rates, **style)
        linear_axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=DASHED)
        diagonal = np.geomspace(min_rate, 1, 50)
        log_axes.plot(diagonal, diagonal, color=GREY, linewidth=0.8, linestyle=DASHED)
        log_axes.set_xscale("log")
        log_axes.set_xlim(min_rate, 1)
        log_axes.xaxis.set_major_formatter(lambda share, _: format_percent(round(share, 9)))
        linear_axes.xaxis.set_major_formatter(lambda share, _: format_percent(round(share, 9)))
        linear_axes.yaxis.set_major_formatter(lambda share, _: format_percent(round(share, 9)))
        linear_axes.set_ylabel("generated texts found")
        for axes in (linear_axes, log_axes):
            axes.set_xlabel("real texts flagged" + (" (logarithmic)" if axes is log_axes else ""))
            axes.set_ylim(0, 1.02)
            style_axes(axes)
        handles, labels = linear_axes.get_legend_handles_labels()
        linear_axes.legend(
            handles[::-1], labels[::-1], loc="lower right", frameon=True, framealpha=0.85, edgecolor="none"
        )
        add_title(figure, "Generated texts found against real texts flagged", "dashed: guessing")
    return path


def plot_calibration(
    path: Path,
    probabilities: Float[np.ndarray, " bins"],
    shares: Float[np.ndarray, "3 bins"],
    num_texts: Int[np.ndarray, " bins"],
) -> Path:
    """Plot the share of generated texts by predicted probability; a larger dot stands for more texts.

    Args:
        path: PNG file.
        probabilities: mean probability of each bin.
        shares: share of generated texts in each bin, and the lower and upper end of its 95 % confidence interval.
        num_texts: number of texts in each bin.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file is not writable.
    """
    with saved_figure(path, height_inches=4.2) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=DASHED)
        share_generated, lowest, highest = shares
        axes.vlines(probabilities, lowest, highest, color=BLUE, linewidth=1.2, alpha=0.6)
        dot_areas = 20 + 300 * num_texts / num_texts.sum()
        axes.scatter(probabilities, share_generated, dot_areas, color=BLUE, zorder=3, clip_on=False)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda share, _: format_percent(round(share, 9)))
        axes.set_xlabel("predicted probability")
        axes.set_ylabel("share of generated texts")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        style_axes(axes)
        add_title(
            figure, "Calibration of the probabilities", "dashed: perfect calibration; lines: 95 % confidence intervals"
        )
    return path


def plot_score_histogram(
    path: Path, probabilities: Float[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"] | None
) -> Path:
    """Plot a histogram of the probabilities, with one panel per label (real, generated) if the labels are known.

    Args:
        path: PNG file.
        probabilities: probability that each text was generated.
        generated: whether each text was generated; None if unknown.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file is not writable.
    """
    panels = (
        {"texts": (INK, probabilities)}
        if generated is None
        else {"real": (ORANGE, probabilities[~generated]), "generated": (BLUE, probabilities[generated])}
    )
    with saved_figure(path, height_inches=1.2 + 1.5 * len(panels)) as figure:
        panel_axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (label, (color, panel_probabilities)) in zip(panel_axes, panels.items(), strict=True):
            axes.hist(panel_probabilities, bins=_BIN_EDGES.tolist(), color=color, alpha=0.8)
            axes.set_ylabel(f"{label} texts" if generated is not None else "texts")
            style_axes(axes)
        panel_axes[-1].set_xlim(0, 1)
        panel_axes[-1].xaxis.set_major_formatter(lambda share, _: format_percent(round(share, 9)))
        panel_axes[-1].set_xlabel("probability that the text was generated")
        add_title(figure, "Distribution of the scores")
    return path
