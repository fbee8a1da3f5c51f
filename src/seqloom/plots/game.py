"""How a generator and a discriminator fared against each other, round by round."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from seqloom.plots.glyphs import drawable
from seqloom.plots.style import BLUE, GREY, ORANGE, PALE, drawn, headed, plain_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["game_curves"]

_HEIGHT = 7.0


def game_curves(
    path: Path, log: Sequence[Mapping[str, float]], band: tuple[float, float], *, title: str, subtitle: str = ""
) -> Path:
    """Draw four panels over the rounds: accuracy in its band, both losses, variety, and likelihood.

    Args:
        path: the PNG to write.
        log: a line for some of the rounds: "step", and whatever is known of "mean_accuracy", "noise", "generator",
            "discriminator", "distinct", "self_bleu", "rating", "nats" and "information".
        band: that the accuracy is held in.
        title: said over the plot.
        subtitle: said under it.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file cannot be written.
    """
    with drawn(path, height_inches=_HEIGHT) as figure:
        ((accuracy, losses), (variety, nats)) = figure.subplots(2, 2, sharex=True)
        accuracy.axhspan(*band, color=PALE, label=f"band, {band[0]:g} to {band[1]:g}")
        _lines(accuracy, log, {"mean_accuracy": "the discriminator is right", "noise": "noise on what it sees"})
        accuracy.set_ylim(0, 1.02)
        _lines(losses, log, {"generator": "the generator's loss", "discriminator": "the discriminator's"})
        _lines(
            variety,
            log,
            {
                "distinct": "pairs of tokens that are distinct",
                "self_bleu": "self-BLEU",
                "rating": "wanted and read rating, r",
            },
        )
        variety.set_ylim(-0.1, 1.02)
        _lines(nats, log, {"nats": "nats of a text, given its noise", "information": "nats that the noise tells"})
        for axes in (variety, nats):
            axes.set_xlabel("step")
        headed(figure, drawable(title), drawable(subtitle))
    return path


def _lines(axes: "Axes", log: Sequence[Mapping[str, float]], names: Mapping[str, str]) -> None:
    for (name, label), color in zip(names.items(), (BLUE, ORANGE, GREY), strict=False):
        known = [(line["step"], line[name]) for line in log if name in line]
        axes.plot(*np.array(known).reshape(-1, 2).T, color=color, linewidth=1.5, label=label)
    plain_axes(axes)
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    axes.legend(loc="best", labelcolor=GREY)
