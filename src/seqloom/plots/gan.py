"""How a generator and a discriminator fared against each other, round by round."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqloom.plots.smoothing import smoothed
from seqloom.plots.style import BLUE, GREY, ORANGE, PALE, drawn, headed, plain_axes
from seqloom.plots.token_labels import drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["game_curves"]

_HEIGHT = 8.0
_PARTS = 12
"""Of a line, each of which is smoothed to its mean."""


def game_curves(
    path: Path,
    log: Sequence[Mapping[str, float]],
    band: tuple[float, float],
    before: int,
    *,
    title: str,
    subtitle: str = "",
) -> Path:
    """Draw four panels: over the rounds accuracy in its band, both losses, and variety; and likelihood over all steps.

    Args:
        path: the PNG to write.
        log: a line for some of the steps: "step", and whatever is known of "mean_accuracy", "noise", "generator",
            "discriminator", "distinct", "self_bleu", "rating", "nats" and "information".
        band: that the accuracy is held in.
        before: steps before the first round.
        title: said over the plot.
        subtitle: said under it.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file cannot be written.
    """
    with drawn(path, height_inches=_HEIGHT) as figure:
        _panels(figure, log, band, before)
        headed(figure, drawable(title), drawable(subtitle))
    return path


def _panels(figure: "Figure", log: Sequence[Mapping[str, float]], band: tuple[float, float], before: int) -> None:
    rounds = [{**line, "step": line["step"] - before} for line in log if line["step"] > before]
    ((accuracy, losses), (variety, nats)) = figure.subplots(2, 2)
    accuracy.axhspan(*band, color=PALE, label=f"band, {band[0]:g} to {band[1]:g}")
    _lines(accuracy, rounds, {"mean_accuracy": "the discriminator is right", "noise": "noise on what it sees"})
    accuracy.set_ylim(0, 1.02)
    _lines(losses, rounds, {"generator": "the generator's loss", "discriminator": "the discriminator's"})
    _lines(
        variety,
        rounds,
        {
            "distinct": "pairs of tokens that are distinct",
            "self_bleu": "self-BLEU",
            "rating": "wanted and read rating, r",
        },
    )
    variety.set_ylim(-0.1, 1.02)
    _lines(nats, log, {"nats": "nats of a text, given its noise", "information": "nats that the noise tells"})
    for axes in (accuracy, losses, variety):
        axes.set_xlabel("round")
    nats.set_xlabel("update, those before the rounds too")


def _lines(axes: "Axes", log: Sequence[Mapping[str, float]], names: Mapping[str, str]) -> None:
    from matplotlib.ticker import MaxNLocator

    for (name, label), color in zip(names.items(), (BLUE, ORANGE, GREY), strict=False):
        known = np.array([(line["step"], line[name]) for line in log if name in line]).reshape(-1, 2)
        axes.plot(*known.T, color=color, linewidth=0.8, alpha=0.35)
        marker = "o" if len(known) < _PARTS else None
        calm = smoothed(known[:, 1], _PARTS)
        axes.plot(known[:, 0], calm, color=color, linewidth=1.8, marker=marker, markersize=3, label=label)
    plain_axes(axes)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0, labelcolor=GREY)
