"""Wanted against judged ratings, a panel for each way of writing."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from seqloom.plots.glyphs import drawable
from seqloom.plots.style import BLUE, GREY, INK, ORANGE, drawn, headed, plain_axes

__all__ = ["rating_control"]

_ACROSS = 4
_MOST_TICKS = 7


def rating_control(
    path: Path,
    judged: Mapping[str, Mapping[float, Float[np.ndarray, " texts"]]],
    *,
    real: str,
    level: Callable[[Float[np.ndarray, " texts"]], Float[np.ndarray, " texts"]],
    title: str,
    subtitle: str = "",
) -> Path:
    """Draw what a judge says of the texts of every way of writing, by the rating that was wanted.

    A box is the middle half of the texts, its line the median, the whiskers nine tenths of them.

    Args:
        path: the PNG to write.
        judged: by name of the way and by wanted rating.
        real: which of the names is that of real texts.
        level: how high ratings stand on both axes: a straight line, or ranks where most would lie in one corner.
        title: said over the plot.
        subtitle: said under the title.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file cannot be written.
    """
    rows = -(-len(judged) // _ACROSS)
    with drawn(path, height_inches=1.2 + 2.6 * rows) as figure:
        panels = figure.subplots(rows, min(len(judged), _ACROSS), squeeze=False, sharex=True, sharey=True)
        for axes in panels.flat[len(judged) :]:
            axes.set_visible(False)
        for axes, (name, by_rating) in zip(panels.flat, judged.items(), strict=False):
            places = level(np.array(list(by_rating), np.float64))
            step = min(np.diff(np.sort(places)), default=1.0)
            axes.plot(places, places, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
            boxes = axes.boxplot(
                [level(found) for found in by_rating.values()], positions=places, widths=0.6 * step,
                whis=(5, 95), showfliers=False, patch_artist=True, manage_ticks=False,
                medianprops={"color": INK, "linewidth": 1.6},
            )  # fmt: skip
            for box in boxes["boxes"]:
                box.set(facecolor=ORANGE if name == real else BLUE, alpha=0.55, linewidth=0.6)
            axes.set_title(drawable(name), loc="left", fontsize=9)
            plain_axes(axes)
        shown = _few(sorted({rating for by_rating in judged.values() for rating in by_rating}))
        ticks = level(np.array(shown, np.float64)), [f"{rating:g}" for rating in shown]
        panels[0, 0].set_xticks(*ticks)
        panels[0, 0].set_yticks(*ticks)
        for axes in panels[-1]:
            axes.set_xlabel("wanted")
        for axes in panels[:, 0]:
            axes.set_ylabel("judged")
        headed(figure, drawable(title), subtitle)
    return path


def _few(ratings: list[float]) -> list[float]:
    """No more of them than there is room to name: all, or the first and the last."""
    return ratings if len(ratings) <= _MOST_TICKS else [ratings[0], ratings[-1]]
