"""Smooth noisy series."""

import numpy as np
from jaxtyping import Float

__all__ = ["smooth"]


def smooth(values: Float[np.ndarray, " n"], parts: int = 60) -> Float[np.ndarray, " n"]:
    """Return a centred running mean.

    Args:
        values: series.
        parts: number of windows that would fill the series; windows shrink near both ends.
    """
    if not len(values):
        return values
    half_width = max(1, len(values) // parts // 2)
    sums = np.concatenate([[0.0], values.cumsum()])
    index = np.arange(len(values))
    reach = np.minimum(half_width, np.minimum(index, len(values) - 1 - index))
    return np.asarray(np.divide(sums[index + reach + 1] - sums[index - reach], 2 * reach + 1))
