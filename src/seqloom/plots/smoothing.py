"""Smooth noisy series."""

import numpy as np
from jaxtyping import Float, Int

__all__ = ["smooth"]


def smooth(
    values: Float[np.ndarray, " n"], num_windows: int = 60, weights: Float[np.ndarray, " n"] | None = None
) -> Float[np.ndarray, " n"]:
    """Return the weighted running mean of a series, with as many values as the series.

    Each value is the centre of its window. At the start, where a loss falls steeply, the windows are shorter. At the
    end, the values are those of a straight line through the last three windows: a shorter window would end with a raw
    value.

    Args:
        values: series.
        num_windows: number of windows that together cover the series.
        weights: weight of each value, such as the number of steps that it is a mean of; None weighs all equally.
    """
    if not len(values):
        return values
    weights = np.ones(len(values)) if weights is None else weights
    half_width = max(1, len(values) // num_windows // 2)
    sums = np.concatenate([[0.0], (values * weights).cumsum()])
    weight_sums = np.concatenate([[0.0], weights.cumsum()])
    index = np.arange(len(values))
    # Number of values on each side of the centre of a window.
    reach = np.minimum(half_width, np.minimum(index, len(values) - 1 - index))
    lower, upper = index - reach, index + reach + 1
    smoothed = np.asarray((sums[upper] - sums[lower]) / (weight_sums[upper] - weight_sums[lower]))
    last = slice(max(0, len(values) - 6 * half_width - 1), len(values))
    if last.stop - last.start > 2:
        end = index[-half_width:]
        smoothed[end] = _line(index[last], values[last], weights[last], at=end)
    return smoothed


def _line(
    positions: Int[np.ndarray, " m"],
    values: Float[np.ndarray, " m"],
    weights: Float[np.ndarray, " m"],
    at: Int[np.ndarray, " k"],
) -> Float[np.ndarray, " k"]:
    """Return the values of the weighted least-squares line at some positions."""
    centre, mean = np.average(positions, weights=weights), np.average(values, weights=weights)
    offsets = positions - centre
    slope = (weights * offsets * (values - mean)).sum() / (weights * offsets**2).sum()
    return np.asarray(mean + slope * (at - centre))
