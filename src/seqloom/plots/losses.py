"""The loss of a training run over its steps."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from seqloom.plots.smoothing import smoothed
from seqloom.plots.style import BLUE, INK, ORANGE, drawn, headed, plain_axes
from seqloom.plots.token_labels import drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["loss_curve"]

_MOST_POINTS = 2000


def loss_curve(
    path: Path,
    steps: Sequence[int],
    train_losses: Sequence[float],
    validation: tuple[Sequence[int], Sequence[float]] = ((), ()),
    *,
    title: str,
) -> Path:
    """Draw the training loss, faint and smoothed, and the validation loss with its best.

    Args:
        path: the PNG to write.
        steps: updates done at each training loss.
        train_losses: nats a token; what is not finite is left out.
        validation: steps, and the loss at each in nats a token.
        title: said over the plot.

    Returns:
        `path`.

    Raises:
        SeqloomError: the file cannot be written.
    """
    seen, raw = _finite(steps, train_losses)
    checked, scored = _finite(*validation)
    smooth = smoothed(raw)
    with drawn(path) as figure:
        axes = figure.add_subplot()
        if len(raw):
            thin = slice(None, None, max(1, len(raw) // _MOST_POINTS))
            axes.plot(seen[thin], raw[thin], color=BLUE, alpha=0.22, linewidth=0.8)
            axes.plot(seen[thin], smooth[thin], color=BLUE, linewidth=2, label="training, smoothed")
        if len(scored):
            _draw_validation(axes, checked, scored)
        _frame(axes, np.concatenate([seen, checked]), raw, smooth, scored)
        headed(figure, drawable(title))
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="upper right")
    return path


def _draw_validation(axes: "Axes", steps: Float[np.ndarray, " n"], losses: Float[np.ndarray, " n"]) -> None:
    marker = "o" if len(losses) <= 60 else ""
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


def _frame(
    axes: "Axes",
    steps: Float[np.ndarray, " n"],
    raw: Float[np.ndarray, " m"],
    smooth: Float[np.ndarray, " m"],
    scored: Float[np.ndarray, " k"],
) -> None:
    plain_axes(axes)
    axes.set_xlabel("step")
    axes.set_ylabel("loss (nats a token)")
    axes.xaxis.set_major_formatter(lambda step, _: f"{step:,.0f}")
    if len(steps):
        axes.set_xlim(0, 1.01 * max(steps.max(), 1))
    if len(raw) or len(scored):
        lowest = min([*raw, *scored])
        # The fall of the first steps would press the rest of the curve flat.
        highest = max([*smooth[len(smooth) // 20 :], *scored])
        room = max(highest - lowest, 0.02)
        axes.set_ylim(lowest - 0.08 * room, highest + 0.25 * room)
    bits = axes.secondary_yaxis("right", functions=(_bits, _nats))
    bits.set_ylabel("bits a token", color=INK)
    bits.spines["right"].set_visible(False)
    bits.tick_params(length=3, width=0.8)


def _bits(nats: Any) -> Any:
    return nats / math.log(2)


def _nats(bits: Any) -> Any:
    return bits * math.log(2)


def _finite(steps: Sequence[int], losses: Sequence[float]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    at, values = np.asarray(steps, np.float64), np.asarray(losses, np.float64)
    kept = np.isfinite(values)
    return at[kept], values[kept]
