"""Smooth noisy series."""

import numpy as np
from jaxtyping import Float

__all__ = ["smooth"]


def smooth(values: Float[np.ndarray, " n"], num_windows: int = 60) -> Float[np.ndarray, " n"]:
    """Return the running mean of a series, with as many values as the series; each value is the centre of its window.

    Args:
        values: series.
        num_windows: number of windows that together cover the series. Near both ends, the windows are shorter, so that
            they stay centred.
    """
    if not len(values):
        return values
    half_width = max(1, len(values) // num_windows // 2)
    sums = np.concatenate([[0.0], values.cumsum()])
    index = np.arange(len(values))
    # Number of values on each side of the centre of a window.
    reach = np.minimum(half_width, np.minimum(index, len(values) - 1 - index))
    return np.asarray(np.divide(sums[index + reach + 1] - sums[index - reach], 2 * reach + 1))
