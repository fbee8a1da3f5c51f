"""Hashes of all windows of one length over an array of symbols, in one pass (Karp, Rabin 1987)."""

import numpy as np
from jaxtyping import Integer, UInt64

__all__ = ["RollingHash"]

_BASE = 0x9E3779B97F4A7C15
_MODULUS = 1 << 64


class RollingHash:
    """Polynomial hash modulo 2**64 over a random number for each symbol.

    The prefix sums of `value[s_i] * base**i` give every window's sum as one difference. The base is odd, so it has an
    inverse, whose powers remove the window's position. Equal windows have equal hashes at any position.

    Args:
        num_symbols: number of symbols, which start at 0.
    """

    def __init__(self, num_symbols: int) -> None:
        generator = np.random.default_rng(0)
        self._values = generator.integers(0, _MODULUS - 1, num_symbols, np.uint64, endpoint=True)
        self._powers = self._inverses = _powers(1, 0)

    def __call__(self, symbols: Integer[np.ndarray, " n"], length: int) -> UInt64[np.ndarray, " windows"]:
        """Return the hashes of the windows that start at 0 to n - length; none if `symbols` is too short."""
        count = len(symbols)
        if count < length:
            return np.zeros(0, np.uint64)
        if count > len(self._powers):
            self._powers = _powers(_BASE, 2 * count)
            self._inverses = _powers(pow(_BASE, -1, _MODULUS), 2 * count)
        sums = np.zeros(count + 1, np.uint64)
        (self._values[symbols] * self._powers[:count]).cumsum(out=sums[1:])
        hashes: UInt64[np.ndarray, " windows"] = sums[length:] - sums[:-length]
        hashes *= self._inverses[: count - length + 1]
        return hashes


def _powers(base: int, count: int) -> UInt64[np.ndarray, " count"]:
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors)
