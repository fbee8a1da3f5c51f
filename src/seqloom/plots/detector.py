"""How a detector tells texts apart: ROC curves, calibration, and where its scores lie."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.plots.style import BLUE, GREY, INK, ORANGE, drawn, headed, plain_axes
from seqloom.plots.token_labels import drawable

__all__ = ["calibration", "roc_curves", "score_histogram"]

_COLOURS = (BLUE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", ORANGE, "#7D4F9E", GREY)
_LEAST_ALARMS = 1e-3
_BARS = np.linspace(0, 1, 26)


def roc_curves(
    path: Path, scores: Mapping[str, Float[np.ndarray, " texts"]], generated: Bool[np.ndarray, " texts"]
) -> Path:
    """Draw what is found against what is flagged wrongly, and again with a logarithmic axis, with room for few alarms.

    Args:
        path: the PNG to write.
        scores: of each way of scoring; the first is drawn over the others.
        generated: the truth.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file cannot be written.
    """
    from sklearn.metrics import roc_curve

    real = int((~generated).sum())
    least = min(_LEAST_ALARMS, 0.5 / real)
    with drawn(path, height_inches=4.2) as figure:
        whole, few = figure.subplots(1, 2, sharey=True)
        for place, (name, some) in reversed(list(enumerate(scores.items()))):
            alarms, found, _ = roc_curve(generated, some, drop_intermediate=False)
            style = {
                "color": _COLOURS[min(place, len(_COLOURS) - 1)],
                "linewidth": 1.4 if place else 2.4,
                "drawstyle": "steps-post",
            }
            whole.plot(alarms, found, label=drawable(name), **style)
            few.plot(alarms.clip(least), found, **style)
        whole.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        along = np.geomspace(least, 1, 50)
        few.plot(along, along, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        few.set_xscale("log")
        few.set_xlim(least, 1)
        few.xaxis.set_major_formatter(lambda share, _: f"{100 * share:g} %")
        whole.xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        whole.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        whole.set_ylabel("generated texts found")
        for axes in (whole, few):
            axes.set_xlabel("real texts flagged" + (" (logarithmic)" if axes is few else ""))
            axes.set_ylim(0, 1.02)
            plain_axes(axes)
        handles, labels = whole.get_legend_handles_labels()
        whole.legend(handles[::-1], labels[::-1], loc="lower right", frameon=True, framealpha=0.85, edgecolor="none")
        headed(figure, "What is found, and at what price", "dashed: guessing")
    return path


def calibration(
    path: Path,
    said: Float[np.ndarray, " bins"],
    held: Float[np.ndarray, "3 bins"],
    texts: Int[np.ndarray, " bins"],
) -> Path:
    """Draw the share of generated texts among those of like probability; larger dots stand for more texts.

    Args:
        path: the PNG to write.
        said: mean probability of each bin.
        held: share of generated texts in each, and the ends of its interval.
        texts: in each.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file cannot be written.
    """
    with drawn(path, height_inches=4.2) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.vlines(said, held[1], held[2], color=BLUE, linewidth=1.2, alpha=0.6)
        axes.scatter(said, held[0], 20 + 300 * texts / texts.sum(), color=BLUE, zorder=3, clip_on=False)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        axes.set_xlabel("probability that the detector gives")
        axes.set_ylabel("share that was generated")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        plain_axes(axes)
        headed(figure, "What its probabilities are worth", "dashed: as said; lines: 95 of 100 samples")
    return path


def score_histogram(
    path: Path, probabilities: Float[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"] | None
) -> Path:
    """Draw how many texts have which probability, one side under the other where the truth is known.

    Args:
        path: the PNG to write.
        probabilities: that each text was generated.
        generated: the truth, or None.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file cannot be written.
    """
    sides = (
        {"texts": (INK, probabilities)}
        if generated is None
        else {"real": (ORANGE, probabilities[~generated]), "generated": (BLUE, probabilities[generated])}
    )
    with drawn(path, height_inches=1.2 + 1.5 * len(sides)) as figure:
        rows = figure.subplots(len(sides), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, (colour, some)) in zip(rows, sides.items(), strict=True):
            axes.hist(some, bins=_BARS.tolist(), color=colour, alpha=0.8)
            axes.set_ylabel(f"{name} texts" if generated is not None else "texts")
            plain_axes(axes)
        rows[-1].set_xlim(0, 1)
        rows[-1].xaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        rows[-1].set_xlabel("probability that it was generated")
        headed(figure, "Where the scores lie")
    return path
