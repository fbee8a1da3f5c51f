"""Wanted against judged ratings, a panel for each way of writing."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from seqloom.plots.style import BLUE, GREY, INK, ORANGE, drawn, headed, plain_axes
from seqloom.plots.token_labels import drawable

__all__ = ["rating_control"]

_ACROSS = 4

_MOST_MARKS = 7
"""Ratings that have room for a mark each."""

_FEW = 10
"""Texts below which a box would say more than is known: they are dots."""


def rating_control(
    path: Path,
    judged: Mapping[str, Mapping[float, Float[np.ndarray, " texts"]]],
    *,
    real: str,
    title: str,
    subtitle: str = "",
    along: Callable[[Float[np.ndarray, " ratings"]], Float[np.ndarray, " ratings"]] | None = None,
) -> Path:
    """Draw what a judge says of the texts of every way of writing, by the rating that was wanted.

    A box is the middle half of the texts, its line the median, the whiskers nine tenths of them. Where there are fewer
    than ten texts, each is a dot.

    Args:
        path: the PNG to write.
        judged: by name of the way and by wanted rating.
        real: which of the names is that of real texts.
        title: said over the plot.
        subtitle: said under the title.
        along: where ratings stand on both axes, such as their ranks; None is in proportion.

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
        ratings = np.array(sorted({rating for by_rating in judged.values() for rating in by_rating}))
        places = ratings if along is None else along(ratings)
        place_of = dict(zip(ratings.tolist(), places.tolist(), strict=True))
        step = min(np.diff(places), default=1.0)
        labels = [f"{rating:g}" for rating in ratings]
        marked = slice(None) if len(ratings) <= _MOST_MARKS else slice(None, None, len(ratings) - 1)
        for axes, (name, by_rating) in zip(panels.flat, judged.items(), strict=False):
            color = ORANGE if name == real else BLUE
            axes.plot(places, places, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
            for rating, texts in by_rating.items():
                heights, place = texts if along is None else along(texts), place_of[rating]
                if len(texts) < _FEW:
                    axes.plot([place] * len(texts), heights, "o", color=color, markersize=4, alpha=0.7)
                    continue
                box = axes.boxplot(
                    [heights], positions=[place], widths=0.6 * step, whis=(5, 95), showfliers=False,
                    patch_artist=True, manage_ticks=False, medianprops={"color": INK, "linewidth": 1.6},
                )  # fmt: skip
                box["boxes"][0].set(facecolor=color, alpha=0.55, linewidth=0.6)
            axes.set_title(drawable(name), loc="left", fontsize=9)
            axes.set_xticks(places[marked], labels[marked])
            if along is not None:
                axes.set_yticks(places[marked], labels[marked])
            plain_axes(axes)
        for axes in panels.flat[max(0, len(judged) - panels.shape[1]) : len(judged)]:
            axes.set_xlabel("wanted")
            axes.xaxis.set_tick_params(labelbottom=True)
        for axes in panels[:, 0]:
            axes.set_ylabel("judged")
        headed(figure, drawable(title), subtitle)
    return path
