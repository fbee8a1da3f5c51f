"""A constraint against copying: reject tokens that would make a copied run too long.

Any window of at least 2b - 1 characters that occurs in the corpus contains one of the corpus's blocks of b characters
that start at a multiple of b. So the constraint keeps one hash per block, sorted, and looks up the few blocks of a new
window; the characters of the corpus are compared only where a hash is known.

With b = (max_copy + 2) // 2 the table takes 16 bytes per block, twice that during construction: 0.6 bytes per character
of the corpus for a `max_copy` of 50, 4 for 6. A call takes about 20 microseconds, more while the text is being copied,
and more below about 8 characters, where much of any text occurs somewhere.
"""

import codecs

import numpy as np
from jaxtyping import Int, Integer, UInt64
from numpy.lib.stride_tricks import sliding_window_view

from seqloom.config import validate
from seqloom.evaluation.encoded_corpus import SymbolText
from seqloom.evaluation.rolling_hash import RollingHash

__all__ = ["CopyConstraint"]

_PIECE = 1 << 16
_MAX_COMPARED = 1 << 20
_MAX_CHARACTER_BYTES = 4


class CopyConstraint:
    """Reject tokens that would complete a run of more than `max_copy` characters that occurs in the corpus.

    Args:
        corpus: corpus to search for copies.
        max_copy: longest run of copied characters that is allowed.

    Raises:
        ConfigError: `max_copy` is below 1.
    """

    def __init__(self, corpus: SymbolText, max_copy: int) -> None:
        validate((max_copy >= 1, f"`max_copy` got {max_copy}: it must be 1 or more (50 is usual)"))
        self._corpus = corpus
        self._max_copy = max_copy
        self._window = max_copy + 1
        self._block = (max_copy + 2) // 2
        self._tail_bytes = _MAX_CHARACTER_BYTES * (max_copy + 2)
        self._rolling = RollingHash(corpus.num_symbols)
        self._hashes, self._starts = self._table()

    def __call__(self, written: bytes, candidate: bytes) -> bool:
        """Return whether `candidate` may follow `written`.

        Characters count once they are complete: bytes that only begin a character are always allowed. Invalid UTF-8
        counts as U+FFFD.

        Args:
            written: UTF-8 bytes generated so far; only the end is read.
            candidate: bytes of the next token.

        Returns:
            False if a run that ends inside `candidate` would have more than `max_copy` characters and occur in the
            corpus.
        """
        tail = written[-self._tail_bytes :]
        before, _ = codecs.utf_8_decode(tail, "replace", False)
        after, _ = codecs.utf_8_decode(tail + candidate, "replace", False)
        new = len(after) - len(before)
        text = after[-(self._max_copy + new) :]
        if new < 1 or len(text) < self._window or not len(self._hashes):
            return True
        symbols = self._corpus.encode(text)
        hashes = self._rolling(symbols, self._block)
        rows = self._hashes.searchsorted(hashes)
        (hits,) = (self._hashes.take(rows, mode="clip") == hashes).nonzero()
        if not len(hits):
            return True
        shifts = self._shifts(hits, rows[hits], hashes[hits])
        if new <= self._window:
            shifts = self._agreeing(shifts, symbols, len(symbols) - new)
        rows_at_once = max(1, _MAX_COMPARED // len(symbols))
        return not any(
            self._copied(symbols, shifts[row : row + rows_at_once]) for row in range(0, len(shifts), rows_at_once)
        )

    def _shifts(
        self,
        starts: Int[np.ndarray, " hits"],
        firsts: Int[np.ndarray, " hits"],
        hashes: UInt64[np.ndarray, " hits"],
    ) -> Int[np.ndarray, " shifts"]:
        """Return the distinct offsets from the text to matching blocks of the corpus.

        Args:
            starts: starts of the text's blocks whose hash is in the table.
            firsts: first row of the table for each.
            hashes: hash of each.
        """
        lasts = self._hashes.searchsorted(hashes, "right")
        known = zip(starts.tolist(), firsts.tolist(), lasts.tolist(), strict=True)
        return np.unique(np.concatenate([self._starts[first:last] - start for start, first, last in known]))

    def _agreeing(
        self, shifts: Int[np.ndarray, " shifts"], symbols: Integer[np.ndarray, " n"], position: int
    ) -> Int[np.ndarray, " agreeing"]:
        """Return the shifts at which the corpus has the same symbol at `position`, which every window contains."""
        corpus_symbols = self._corpus.symbols.take(shifts + position, mode="clip")
        return shifts.compress(corpus_symbols == symbols[position])

    def _copied(self, symbols: Integer[np.ndarray, " n"], shifts: Int[np.ndarray, " shifts"]) -> bool:
        """Return whether a window of `symbols` occurs in the corpus at one of `shifts`."""
        corpus = self._corpus.symbols
        positions = shifts[:, None] + np.arange(len(symbols))
        same = corpus.take(positions, mode="clip") == symbols
        same &= (positions >= 0) & (positions < len(corpus))
        return bool(sliding_window_view(same, self._window, axis=1).all(axis=2).any())

    def _table(self) -> tuple[UInt64[np.ndarray, " blocks"], Int[np.ndarray, " blocks"]]:
        """Return the sorted hashes of the corpus's blocks, and the start of each block."""
        corpus, block = self._corpus.symbols, self._block
        step = max(1, _PIECE // block) * block
        pieces = [
            self._rolling(corpus[start : start + step], block)[::block].copy() for start in range(0, len(corpus), step)
        ]
        hashes = np.concatenate([np.zeros(0, np.uint64), *pieces])
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order * block
