"""Plot the training of a GAN over the adversarial rounds.

An adversarial round updates the generator and the discriminator. The updates before the first round train each network
alone: the generator in pretraining, the discriminator in its warm-up.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqloom.plots.smoothing import smooth
from seqloom.plots.style import BLUE, GREY, ORANGE, PALE, add_title, saved_figure, style_axes
from seqloom.plots.token_labels import displayable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_gan_training"]

_HEIGHT_INCHES = 8.0
_SMOOTHING_WINDOWS = 12
"""Number of smoothing windows that together cover a series; a series with fewer points is drawn with markers."""


def plot_gan_training(
    path: Path,
    log: Sequence[Mapping[str, float]],
    accuracy_band: tuple[float, float],
    updates_before_rounds: int,
    *,
    title: str,
    subtitle: str = "",
) -> Path:
    """Plot accuracy, losses and diversity over the rounds, and the likelihood over all updates, in four panels.

    Args:
        path: PNG file.
        log: log lines; each has "step", the number of updates (a round counts as one), and some of the measurements
            that are keys in `_plot_panels`.
        accuracy_band: target range of the discriminator's accuracy.
        updates_before_rounds: number of updates before the first adversarial round.
        title: title of the plot.
        subtitle: subtitle of the plot.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file is not writable.
    """
    with saved_figure(path, height_inches=_HEIGHT_INCHES) as figure:
        _plot_panels(figure, log, accuracy_band, updates_before_rounds)
        add_title(figure, displayable(title), displayable(subtitle))
    return path


def _plot_panels(
    figure: "Figure", log: Sequence[Mapping[str, float]], accuracy_band: tuple[float, float], updates_before_rounds: int
) -> None:
    """Draw the four panels; the arguments are those of `plot_gan_training`."""
    round_lines = [line for line in log if line["step"] > updates_before_rounds]
    rounds = [{**line, "step": line["step"] - updates_before_rounds} for line in round_lines]  # counted from 1
    ((accuracy_axes, loss_axes), (diversity_axes, nats_axes)) = figure.subplots(2, 2)
    low, high = accuracy_band
    accuracy_axes.axhspan(low, high, color=PALE, label=f"target range, {low:g} to {high:g}")
    _plot_series(
        accuracy_axes,
        rounds,
        {"mean_accuracy": "accuracy of the discriminator", "noise": "noise on the discriminator's input"},
    )
    accuracy_axes.set_ylim(0, 1.02)
    _plot_series(
        loss_axes, rounds, {"generator": "loss of the generator", "discriminator": "loss of the discriminator"}
    )
    _plot_series(
        diversity_axes,
        rounds,
        {
            "distinct": "distinct token pairs (share)",
            "self_bleu": "self-BLEU",
            "rating": "correlation of requested and predicted rating",
        },
    )
    diversity_axes.set_ylim(-0.1, 1.02)
    _plot_series(
        nats_axes,
        log,
        # Here the noise is the input of the generator.
        {"nats": "nats per text, given the noise", "information": "nats per text, information in the noise"},
    )
    for axes in (accuracy_axes, loss_axes, diversity_axes):
        axes.set_xlabel("round")
    nats_axes.set_xlabel("update, including pretraining")


def _plot_series(axes: "Axes", log: Sequence[Mapping[str, float]], labels: Mapping[str, str]) -> None:
    """Plot some measurements of the log, raw and smoothed; `labels` maps the keys of the measurements to labels."""
    from matplotlib.ticker import MaxNLocator

    for (key, label), color in zip(labels.items(), (BLUE, ORANGE, GREY), strict=False):
        points = np.array([(line["step"], line[key]) for line in log if key in line]).reshape(-1, 2)
        axes.plot(*points.T, color=color, linewidth=0.8, alpha=0.35)
        marker = "o" if len(points) < _SMOOTHING_WINDOWS else None
        smoothed = smooth(points[:, 1], _SMOOTHING_WINDOWS)
        axes.plot(points[:, 0], smoothed, color=color, linewidth=1.8, marker=marker, markersize=3, label=label)
    style_axes(axes)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, (low + high) / 2 - 1), max(high, (low + high) / 2 + 1))  # one point needs whole ticks, too
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, labelcolor=GREY)
