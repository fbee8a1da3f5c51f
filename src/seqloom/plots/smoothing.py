"""A calmer line through numbers that jump."""

import numpy as np
from jaxtyping import Float

__all__ = ["smoothed"]


def smoothed(values: Float[np.ndarray, " n"], parts: int = 60) -> Float[np.ndarray, " n"]:
    """A centred running mean over one of so many parts of all values; over fewer of them near the ends."""
    if not len(values):
        return values
    half = max(1, len(values) // parts // 2)
    sums = np.concatenate([[0.0], values.cumsum()])
    at = np.arange(len(values))
    reach = np.minimum(half, np.minimum(at, len(values) - 1 - at))
    return np.asarray(np.divide(sums[at + reach + 1] - sums[at - reach], 2 * reach + 1))
