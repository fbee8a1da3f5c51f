"""Plot the loss of a training run over the steps."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from seqloom.plots.smoothing import smooth
from seqloom.plots.style import BLUE, INK, ORANGE, add_title, saved_figure, style_axes
from seqloom.plots.token_labels import displayable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_losses"]

_MAX_POINTS = 2000
"""Approximate number of points to which the training losses are thinned out."""

_MAX_MARKERS = 60
"""Maximal number of validation losses that are drawn with markers."""


def plot_losses(
    path: Path,
    steps: Sequence[int],
    train_losses: Sequence[float],
    validation: tuple[Sequence[int], Sequence[float]] = ((), ()),
    *,
    title: str,
) -> Path:
    """Plot the training loss, raw and smoothed, and the validation loss with its minimum.

    Args:
        path: PNG file.
        steps: step of each training loss.
        train_losses: training losses in nats per token; values that are not finite are left out.
        validation: steps and validation losses in nats per token.
        title: title of the plot.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file is not writable.
    """
    train_steps, raw = _finite(steps, train_losses)
    validation_steps, validation_losses = _finite(*validation)
    smoothed = smooth(raw, weights=np.maximum(np.diff(train_steps, prepend=0.0), 1.0))
    with saved_figure(path) as figure:
        axes = figure.add_subplot()
        if len(raw):
            thinned = slice(None, None, max(1, len(raw) // _MAX_POINTS))
            axes.plot(train_steps[thinned], raw[thinned], color=BLUE, alpha=0.22, linewidth=0.8)
            axes.plot(train_steps[thinned], smoothed[thinned], color=BLUE, linewidth=2, label="training, smoothed")
        if len(validation_losses):
            _plot_validation(axes, validation_steps, validation_losses)
        _style(axes, np.concatenate([train_steps, validation_steps]), raw, smoothed, validation_losses)
        add_title(figure, displayable(title))
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="upper right")
    return path


def _plot_validation(axes: "Axes", steps: Float[np.ndarray, " n"], losses: Float[np.ndarray, " n"]) -> None:
    marker = "o" if len(losses) <= _MAX_MARKERS else ""
    axes.plot(steps, losses, color=ORANGE, linewidth=1.8, marker=marker, markersize=3.5, label="validation")
    best = int(losses.argmin())
    axes.plot(
        steps[best],
        losses[best],
        color=ORANGE,
        linestyle="",
        marker="*",
        markersize=14,
        markeredgecolor="white",
        clip_on=False,
        zorder=3,
        label=f"best: {losses[best]:.3f} at step {int(steps[best]):,}",
    )


def _style(
    axes: "Axes",
    steps: Float[np.ndarray, " n"],
    raw: Float[np.ndarray, " m"],
    smoothed: Float[np.ndarray, " m"],
    validation_losses: Float[np.ndarray, " k"],
) -> None:
    style_axes(axes)
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats per token)")
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    if len(steps):
        axes.set_xlim(0, 1.01 * max(steps.max(), 1))
    if len(raw) or len(validation_losses):
        lowest = min([*raw, *validation_losses])
        # The range leaves out the steep first 5 % of the steps, so that the rest of the curve uses the whole height.
        highest = max([*smoothed[len(smoothed) // 20 :], *validation_losses])
        height = max(highest - lowest, 0.02)
        axes.set_ylim(lowest - 0.08 * height, highest + 0.25 * height)
    bits_axis = axes.secondary_yaxis("right", functions=(_to_bits, _to_nats))
    bits_axis.set_ylabel("bits per token", color=INK)
    bits_axis.spines["right"].set_visible(False)
    bits_axis.tick_params(length=3, width=0.8)


def _to_bits(nats: Any) -> Any:
    return nats / math.log(2)


def _to_nats(bits: Any) -> Any:
    return bits * math.log(2)


def _finite(steps: Sequence[int], losses: Sequence[float]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Return the steps and losses where the loss is finite."""
    step_values, loss_values = np.asarray(steps, np.float64), np.asarray(losses, np.float64)
    finite = np.isfinite(loss_values)
    return step_values[finite], loss_values[finite]
