"""Hashes of all windows of one length over an array of symbols, in one pass (Karp, Rabin 1987)."""

import numpy as np
from jaxtyping import Integer, UInt64

__all__ = ["RollingHash"]

_BASE = 0x9E3779B97F4A7C15
_MODULUS = 1 << 64


class RollingHash:
    """Polynomial hash modulo 2**64, in which a random number `value[s]` stands for each symbol s.

        hash of the window at i = (value[s_i] * base**i + ... + value[s_(i+n-1)] * base**(i+n-1)) * base**-i

    The sum is a difference of two prefix sums. The last factor makes the hash independent of the position, so equal
    windows have equal hashes. The base is odd, and therefore has an inverse modulo 2**64.

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
            # Twice as many powers as needed, so that growing texts seldom need new ones.
            self._powers = _powers(_BASE, 2 * count)
            self._inverses = _powers(pow(_BASE, -1, _MODULUS), 2 * count)
        sums = np.zeros(count + 1, np.uint64)
        (self._values[symbols] * self._powers[:count]).cumsum(out=sums[1:])
        hashes: UInt64[np.ndarray, " windows"] = sums[length:] - sums[:-length]
        hashes *= self._inverses[: count - length + 1]
        return hashes


def _powers(base: int, count: int) -> UInt64[np.ndarray, " count"]:
    """Return the powers 0 to count - 1 of the base."""
    factors = np.full(count, base, np.uint64)
    factors[:1] = 1
    return np.cumprod(factors)
