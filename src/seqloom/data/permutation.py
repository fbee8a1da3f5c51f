"""A random permutation of many numbers that takes hardly any memory.

It is a Feistel network: a number is written as row and column of a table, and a hash of the one is added to the other,
in alternation. Each of these rounds can be undone, so that different numbers stay different. A number that leaves the
range of the permutation goes through the network again until it is back inside (Black and Rogaway 2002, "cycle
walking").
"""

import math

import numpy as np
from jaxtyping import Int, UInt64

__all__ = ["Permutation"]

_NUM_ROUNDS = 16
"""Eight rounds suffice for long permutations; those of a few numbers need more until all orders are equally likely."""


class Permutation:
    """A permutation of the numbers from 0 to `size - 1`.

    Args:
        size: how many numbers there are, 1 or more.
        seed: number below 2**64; `seed` and `stream` determine the permutation.
        stream: number below 2**64.
    """

    def __init__(self, size: int, seed: int, stream: int = 0) -> None:
        self._size = size
        self._num_rows = math.isqrt(size - 1) + 1  # the table has at least `size` cells, and hardly more
        self._num_columns = -(-size // self._num_rows)
        random = np.random.Generator(np.random.Philox(key=np.array([seed, stream], np.uint64)))
        self._keys = random.integers(2**64, size=_NUM_ROUNDS, dtype=np.uint64)

    def __call__(self, numbers: Int[np.ndarray, " count"]) -> Int[np.ndarray, " count"]:
        """Return the place of each number in the permutation; the numbers lie between 0 and `size - 1`."""
        places = self._encrypted(numbers)
        while (outside := places >= self._size).any():
            places[outside] = self._encrypted(places[outside])
        return places

    def _encrypted(self, numbers: Int[np.ndarray, " count"]) -> Int[np.ndarray, " count"]:
        """Return the cell of the table to which the network sends each cell."""
        rows, columns = np.divmod(numbers.astype(np.uint64), np.uint64(self._num_columns))
        for row_key, column_key in self._keys.reshape(-1, 2):
            rows = (rows + _hash(columns + row_key) % self._num_rows) % self._num_rows
            columns = (columns + _hash(rows + column_key) % self._num_columns) % self._num_columns
        cells: Int[np.ndarray, " count"] = (rows * self._num_columns + columns).astype(np.int64)
        return cells


def _hash(values: UInt64[np.ndarray, " count"]) -> UInt64[np.ndarray, " count"]:
    """Return the SplitMix64 hash of each value (Steele, Lea and Flood 2014); products wrap around on purpose."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: UInt64[np.ndarray, " count"] = values ^ (values >> np.uint64(31))
    return mixed
