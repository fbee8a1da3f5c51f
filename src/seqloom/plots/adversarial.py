"""How a generator and a detector fared against one another, round by round."""

from collections.abc import Sequence
from pathlib import Path

from seqloom.plots.style import BLUE, GREY, ORANGE, drawn, headed, plain_axes

__all__ = ["duel_curve"]


def duel_curve(
    path: Path, escaped: Sequence[float], learned: Sequence[float], plain: Sequence[float], *, title: str
) -> Path:
    """Draw areas under the detector's curve over the rounds.

    Args:
        path: the PNG to write.
        escaped: of each round's detector, on texts that the generator chose against it.
        learned: of the next detector, which has learned from such texts.
        plain: of each round's detector, on texts that were not chosen.
        title: said over the plot.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file cannot be written.
    """
    rounds = range(1, len(escaped) + 1)
    with drawn(path) as figure:
        axes = figure.add_subplot()
        for values, color, name in (
            (plain, GREY, "texts as they are written"),
            (learned, BLUE, "chosen texts, once the detector has learned from such"),
            (escaped, ORANGE, "texts chosen against the detector"),
        ):
            axes.plot(rounds, values, color=color, linewidth=2, marker="o", markersize=5, label=name)
        axes.axhline(0.5, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.set_xticks(list(rounds))
        axes.set_ylim(min(0.45, *escaped, *learned, *plain) - 0.02, 1.02)
        axes.set_xlabel("round")
        axes.set_ylabel("area under the detector's curve")
        plain_axes(axes)
        headed(figure, title, "1 finds every generated text, 0.5 guesses")
        axes.legend(loc="best")
    return path
