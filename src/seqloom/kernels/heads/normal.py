"""Probabilities of the standard normal distribution, as logarithms that stay finite far from the mean."""

import math

import numpy as np
from jaxtyping import Float64

__all__ = ["log_cdf", "log_interval_mass"]

_TAIL = -20.0
"""Below it, the series of the tail is exact to the last digits of float64."""

_erfc = np.vectorize(math.erfc, otypes=[np.float64])

Values = Float64[np.ndarray, "*axes"]


def log_cdf(z: Values) -> Values:
    """Return the logarithm of the cumulative distribution."""
    root = math.sqrt(2)
    central = np.maximum(z, _TAIL)
    result: Values = np.where(
        z > 0, np.log1p(-0.5 * _erfc(np.abs(central) / root)), np.log(0.5 * _erfc(np.minimum(-central, -_TAIL) / root))
    )
    tail = np.minimum(z, _TAIL)
    inverse_square = 1 / (tail * tail)
    # The asymptotic series (Abramowitz, Stegun 1964, 26.2.12).
    series = 1 - inverse_square * (1 - 3 * inverse_square * (1 - 5 * inverse_square))
    in_tail = -tail * tail / 2 - 0.5 * math.log(2 * math.pi) - np.log(-tail) + np.log(series)
    return np.where(z < _TAIL, in_tail, result)


def log_interval_mass(low: Values, high: Values) -> Values:
    """Return the logarithm of the mass between two numbers, of which the second is larger."""
    # An interval on the right is mirrored, since the two values of the distribution would both be near 1 there.
    is_right = low + high > 0
    left, right = np.where(is_right, -high, low), np.where(is_right, -low, high)
    log_left, log_right = log_cdf(left), log_cdf(right)
    return np.asarray(log_right + np.log(-np.expm1(log_left - log_right)))
