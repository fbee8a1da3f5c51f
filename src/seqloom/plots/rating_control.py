"""Plot judged against requested ratings, with one panel per method of generation.

The requested rating is the one that a text was generated for; the judged rating is the prediction of a judge, a model
that took no part in the generation.
"""

import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from seqloom.plots.style import BLUE, DASHED, GREY, INK, ORANGE, add_title, saved_figure, style_axes
from seqloom.plots.token_labels import displayable

__all__ = ["plot_rating_control"]

_PANELS_PER_ROW = 4

_TITLE_CHARACTERS = 24
"""Largest number of characters in a line of a panel's title."""

_MAX_TICKS = 7
"""Maximal number of ratings that get a tick each; of more ratings, only the lowest and the highest get a tick."""

_MIN_TEXTS_FOR_BOX = 10
"""Minimal number of texts that are drawn as a box; fewer texts are drawn as dots."""


def plot_rating_control(
    path: Path,
    judged: Mapping[str, Mapping[float, Float[np.ndarray, " texts"]]],
    *,
    real: str,
    title: str,
    subtitle: str = "",
    positions_of: Callable[[Float[np.ndarray, " ratings"]], Float[np.ndarray, " ratings"]] | None = None,
) -> Path:
    """Plot the judged ratings of texts by their requested rating, in one panel per method.

    A box covers the middle half of the judged ratings, its line is their median, and the whiskers cover the
    middle 90 %. Fewer than ten texts are drawn as dots.

    Args:
        path: PNG file.
        judged: judged ratings of the texts, by method and requested rating.
        real: key of the real texts in `judged`, in place of a method; they are drawn in another colour.
        title: title of the plot.
        subtitle: subtitle of the plot.
        positions_of: function from ratings to positions on both axes, such as ranks; None for the ratings themselves.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file is not writable.
    """
    num_rows = -(-len(judged) // _PANELS_PER_ROW)  # rounded up
    with saved_figure(path, height_inches=1.2 + 2.6 * num_rows) as figure:
        panels = figure.subplots(num_rows, min(len(judged), _PANELS_PER_ROW), squeeze=False, sharex=True, sharey=True)
        for axes in panels.flat[len(judged) :]:
            axes.set_visible(False)
        ratings = np.array(sorted({rating for by_rating in judged.values() for rating in by_rating}))
        positions = ratings if positions_of is None else positions_of(ratings)
        position_of = dict(zip(ratings.tolist(), positions.tolist(), strict=True))
        spacing = min(np.diff(positions), default=1.0)
        labels = [f"{rating:g}" for rating in ratings]
        ticks = slice(None) if len(ratings) <= _MAX_TICKS else slice(None, None, len(ratings) - 1)
        for axes, (method, by_rating) in zip(panels.flat, judged.items(), strict=False):
            color = ORANGE if method == real else BLUE
            axes.plot(positions, positions, color=GREY, linewidth=0.8, linestyle=DASHED)
            for rating, judged_ratings in by_rating.items():
                judged_positions = judged_ratings if positions_of is None else positions_of(judged_ratings)
                position = position_of[rating]
                if len(judged_positions) < _MIN_TEXTS_FOR_BOX:
                    requested_positions = [position] * len(judged_positions)
                    axes.plot(requested_positions, judged_positions, "o", color=color, markersize=4, alpha=0.7)
                    continue
                box = axes.boxplot(
                    [judged_positions], positions=[position], widths=0.6 * spacing, whis=(5, 95), showfliers=False,
                    patch_artist=True, manage_ticks=False, medianprops={"color": INK, "linewidth": 1.6},
                )  # fmt: skip
                box["boxes"][0].set(facecolor=color, alpha=0.55, linewidth=0.6)
            axes.set_title(textwrap.fill(displayable(method), _TITLE_CHARACTERS), loc="left", fontsize=9)
            axes.set_xticks(positions[ticks], labels[ticks])
            if positions_of is not None:
                axes.set_yticks(positions[ticks], labels[ticks])
            style_axes(axes)
        # The lowest panel of each column has the labels of its axis.
        for axes in panels.flat[max(0, len(judged) - panels.shape[1]) : len(judged)]:
            axes.set_xlabel("requested rating")
            axes.xaxis.set_tick_params(labelbottom=True)
        for axes in panels[:, 0]:
            axes.set_ylabel("judged rating")
        add_title(figure, displayable(title), subtitle)
    return path
