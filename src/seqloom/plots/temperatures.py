"""Plot the effect of the softmax temperature on the distribution of the next token."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from seqloom.percent import format_percent
from seqloom.plots.style import BLUE, GREY, ORANGE, SILVER, add_title, saved_figure, style_axes
from seqloom.plots.token_labels import displayable, token_label

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_entropy", "plot_temperatures"]

_MAX_TOKENS = 20
"""Maximal number of tokens that get a bar each; all other tokens share one bar."""

_MAX_UPRIGHT_CHARACTERS = 3
"""Maximal length of the labels; if one is longer, all labels are slanted."""


def plot_temperatures(
    path: Path,
    tokens: Sequence[str],
    probabilities: Float[np.ndarray, "temperatures vocab"],
    temperatures: Sequence[float],
    *,
    prompt: str,
) -> Path:
    """Plot the distribution of the next token at several temperatures, with one row of bars per temperature.

    The bars show the twenty tokens that are most likely at the temperature nearest 1, most likely first. The last bar
    shows all other tokens together.

    Args:
        path: PNG file.
        tokens: text of each token id.
        probabilities: distribution over the token ids at each temperature.
        temperatures: temperatures of the rows, preferably ascending.
        prompt: text before the token.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file is not writable.
    """
    nearest = int(np.argmin([abs(temperature - 1) for temperature in temperatures]))
    shown_ids = np.argsort(-probabilities[nearest], kind="stable")[:_MAX_TOKENS]
    shares = probabilities[:, shown_ids]
    labels = [token_label(tokens[token_id]) for token_id in shown_ids]
    slanted = max(map(len, labels)) > _MAX_UPRIGHT_CHARACTERS
    if len(tokens) > len(shown_ids):
        shares = np.concatenate([shares, 1 - shares.sum(1, keepdims=True)], 1)
        labels.append(f"{len(tokens) - len(shown_ids)}\nmore")
    max_height = min(1.0, 1.1 * float(shares.max()))
    with saved_figure(path, height_inches=1.3 + 0.8 * len(temperatures)) as figure:
        rows = figure.subplots(len(temperatures), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, temperature, bars, distribution in zip(rows, temperatures, shares, probabilities, strict=True):
            _draw_row(axes, temperature, bars, _entropy_bits(distribution), len(shown_ids), max_height)
        rows[0].set_ylim(0, max_height)
        rows[0].set_xlim(-0.7, len(labels) - 0.3)
        rotation: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
        rows[-1].set_xticks(range(len(labels)), labels, **rotation)
        rows[-1].tick_params(axis="x", labelsize=9 if slanted else 11)
        if len(labels) > len(shown_ids):  # the label of all other tokens has two lines
            rows[-1].get_xticklabels()[-1].set_fontsize(8)
        after = f" after “{displayable(prompt)}”" if prompt else " at the start of a text, without a prompt"
        add_title(figure, "The next token at each temperature", f"probability{after}, on a square-root scale")
    return path


def plot_entropy(
    path: Path,
    temperatures: Sequence[float],
    entropies: Sequence[float],
    *,
    vocabulary: int,
    prompt: str = "",
) -> Path:
    """Plot the entropy of the next token against the temperature, and the entropy of the uniform distribution.

    Args:
        path: PNG file.
        temperatures: temperatures, ascending.
        entropies: entropy at each temperature, in bits.
        vocabulary: number of token ids.
        prompt: text before the token.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file is not writable.
    """
    max_entropy = math.log2(vocabulary)
    with saved_figure(path) as figure:
        axes = figure.add_subplot()
        style_axes(axes)
        axes.fill_between(temperatures, entropies, color=BLUE, alpha=0.08, linewidth=0)
        axes.plot(temperatures, entropies, color=BLUE, linewidth=2.2)
        axes.axhline(max_entropy, color=GREY, linewidth=1.2, linestyle=(0, (5, 3)))
        axes.annotate(
            f"uniform over {vocabulary:,} tokens: {max_entropy:.2f} bits",
            (temperatures[0], max_entropy),
            xytext=(6, 6),
            textcoords="offset points",
            color=GREY,
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )
        if temperatures[0] <= 1 <= temperatures[-1]:
            _mark_unit_temperature(axes, float(np.interp(1, temperatures, entropies)))
        axes.set_xlim(temperatures[0], temperatures[-1])
        axes.set_ylim(0, 1.12 * max_entropy)
        axes.set_xlabel("temperature")
        axes.set_ylabel("entropy of the next token (bits)")
        after = f"after “{displayable(prompt)}”" if prompt else "at the start of a text, without a prompt"
        add_title(figure, "Entropy by temperature", after)
    return path


def _draw_row(
    axes: "Axes",
    temperature: float,
    shares: Float[np.ndarray, " bars"],
    entropy_bits: float,
    num_tokens: int,
    max_height: float,
) -> None:
    """Draw the bars of one temperature.

    Args:
        axes: axes of the row.
        temperature: temperature.
        shares: probability of each bar.
        entropy_bits: entropy of the distribution, in bits.
        num_tokens: number of bars that show one token; a further bar shows all other tokens.
        max_height: upper end of the axis of probabilities.
    """
    from matplotlib.ticker import FixedLocator

    colors = [_color(temperature)] * num_tokens + [SILVER] * (len(shares) - num_tokens)
    style_axes(axes)
    axes.bar(range(len(shares)), shares, width=0.78, color=colors)
    axes.tick_params(axis="x", length=0)
    axes.tick_params(axis="y", labelsize=8)
    # On a square-root scale, improbable tokens are visible, and ticks at 1, 4 and 9 units are equally far apart.
    axes.set_yscale("function", functions=(lambda share: np.sqrt(np.maximum(share, 0)), np.square))
    unit = next((unit for unit in (0.1, 0.05, 0.02, 0.01) if 9 * unit <= max_height), 0.005)
    axes.yaxis.set_major_locator(FixedLocator([0, unit, 4 * unit, 9 * unit]))
    axes.yaxis.set_major_formatter(lambda share, _: format_percent(round(share, 9)))
    name = "greedy" if temperature == 0 else f"T = {temperature:g}".replace("inf", "∞")
    offset: dict[str, Any] = {"xycoords": "axes fraction", "xytext": (8, 0), "textcoords": "offset points"}
    axes.annotate(name, (1, 0.62), **offset, color=_color(temperature), fontweight="bold")
    axes.annotate(f"{entropy_bits:.2f} bits", (1, 0.3), **offset, color=GREY, fontsize=9)


def _color(temperature: float) -> tuple[float, float, float, float]:
    """Return a colour from blue (cold) to orange (hot), distinguishable with any kind of colour vision."""
    import matplotlib

    heat = temperature / (1 + temperature) if math.isfinite(temperature) else 1.0
    red, green, blue, alpha = matplotlib.colormaps["plasma"](0.05 + 0.7 * heat)
    return red, green, blue, alpha


def _mark_unit_temperature(axes: "Axes", bits: float) -> None:
    axes.plot([1, 1], [0, bits], color=ORANGE, linewidth=1.2, linestyle=":")
    axes.plot(1, bits, marker="o", markersize=7, color=ORANGE, markeredgecolor="white")
    axes.annotate(
        f"unchanged (T = 1): {bits:.2f} bits",
        (1, bits),
        xytext=(10, -12),
        textcoords="offset points",
        color=ORANGE,
        fontweight="bold",
        fontsize=9,
    )


def _entropy_bits(probabilities: Float[np.ndarray, " vocab"]) -> float:
    positive = probabilities[probabilities > 0]
    return float(-(positive * np.log2(positive)).sum())
