"""A constraint against copying: reject tokens that would make a copied run too long.

Any window of at least 2b - 1 characters that occurs in the corpus contains one of the corpus's blocks of b characters
that start at a multiple of b. Therefore the constraint keeps a sorted table with one hash per block, and looks up the
hash of every stretch of b characters at the end of the generated text. The characters themselves are compared only
where a hash is in the table.

With b = (max_copy + 2) // 2 the table takes 16 bytes per block: 0.6 bytes per character of the corpus for a `max_copy`
of 50, 4 for a `max_copy` of 6. Its construction takes twice that. A call takes about 20 microseconds. A call takes more
while the generated text copies the corpus, and if `max_copy` is below about 8, because many short stretches of any text
occur somewhere in the corpus.
"""

import codecs

import numpy as np
from jaxtyping import Int, Integer, UInt64
from numpy.lib.stride_tricks import sliding_window_view

from seqloom.config import validate
from seqloom.evaluation.encoded_corpus import SymbolText
from seqloom.evaluation.rolling_hash import RollingHash

__all__ = ["CopyConstraint"]

_CHARACTERS_AT_ONCE = 1 << 16
"""Number of characters of the corpus that are hashed at once."""

_MAX_COMPARED_CHARACTERS = 1 << 20
"""Number of characters that are compared at once."""

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
        self._window_length = max_copy + 1  # the shortest forbidden copy
        self._block_length = (max_copy + 2) // 2
        self._tail_bytes = _MAX_CHARACTER_BYTES * (max_copy + 2)
        self._rolling = RollingHash(corpus.num_symbols)
        self._hashes, self._starts = self._make_table()

    def __call__(self, written: bytes, candidate: bytes) -> bool:
        """Return whether `candidate` may follow `written`.

        Only complete characters count, so bytes that only begin a character are always allowed. Invalid UTF-8 counts as
        U+FFFD.

        Args:
            written: UTF-8 bytes generated so far; only the end is read.
            candidate: bytes of the next token.

        Returns:
            False if a run that ends inside `candidate` would have more than `max_copy` characters and occur in the
            corpus.
        """
        tail = written[-self._tail_bytes :]
        is_end = False  # an incomplete character at the end is left out
        before, _ = codecs.utf_8_decode(tail, "replace", is_end)
        after, _ = codecs.utf_8_decode(tail + candidate, "replace", is_end)
        num_new = len(after) - len(before)
        text = after[-(self._max_copy + num_new) :]  # all windows that contain a new character
        if num_new < 1 or len(text) < self._window_length or not len(self._hashes):
            return True
        symbols = self._corpus.encode(text)
        hashes = self._rolling(symbols, self._block_length)
        table_rows = self._hashes.searchsorted(hashes)
        (hits,) = (self._hashes.take(table_rows, mode="clip") == hashes).nonzero()
        if not len(hits):
            return True
        shifts = self._shifts(hits, table_rows[hits], hashes[hits])
        if num_new <= self._window_length:  # then every window contains the first new character
            shifts = self._shifts_that_agree(shifts, symbols, position=len(symbols) - num_new)
        shifts_at_once = max(1, _MAX_COMPARED_CHARACTERS // len(symbols))
        return not any(
            self._is_copied(symbols, shifts[first : first + shifts_at_once])
            for first in range(0, len(shifts), shifts_at_once)
        )

    def _shifts(
        self,
        starts: Int[np.ndarray, " hits"],
        firsts: Int[np.ndarray, " hits"],
        hashes: UInt64[np.ndarray, " hits"],
    ) -> Int[np.ndarray, " shifts"]:
        """Return the distinct shifts: position of a matching block in the corpus minus its position in the text.

        Args:
            starts: starts of the stretches of the text whose hash is in the table.
            firsts: first row of the table with the hash of each stretch.
            hashes: hash of each stretch.
        """
        lasts = self._hashes.searchsorted(hashes, "right")
        table_rows = zip(starts.tolist(), firsts.tolist(), lasts.tolist(), strict=True)
        return np.unique(np.concatenate([self._starts[first:last] - start for start, first, last in table_rows]))

    def _shifts_that_agree(
        self, shifts: Int[np.ndarray, " shifts"], symbols: Integer[np.ndarray, " n"], position: int
    ) -> Int[np.ndarray, " agreeing"]:
        """Return the shifts at which the corpus has the same symbol as the text at `position`."""
        corpus_symbols = self._corpus.symbols.take(shifts + position, mode="clip")
        return shifts.compress(corpus_symbols == symbols[position])

    def _is_copied(self, symbols: Integer[np.ndarray, " n"], shifts: Int[np.ndarray, " shifts"]) -> bool:
        """Return whether a window of `symbols` occurs in the corpus at one of `shifts`."""
        corpus = self._corpus.symbols
        positions = shifts[:, None] + np.arange(len(symbols))
        same = corpus.take(positions, mode="clip") == symbols
        same &= (positions >= 0) & (positions < len(corpus))
        return bool(sliding_window_view(same, self._window_length, axis=1).all(axis=2).any())

    def _make_table(self) -> tuple[UInt64[np.ndarray, " blocks"], Int[np.ndarray, " blocks"]]:
        """Return the sorted hashes of the corpus's blocks, and the start of each block."""
        corpus, block = self._corpus.symbols, self._block_length
        step = max(1, _CHARACTERS_AT_ONCE // block) * block  # a multiple of the block, so that no block is cut
        pieces = [
            self._rolling(corpus[start : start + step], block)[::block].copy() for start in range(0, len(corpus), step)
        ]
        hashes = np.concatenate([np.zeros(0, np.uint64), *pieces])
        order = np.argsort(hashes, kind="stable")
        return hashes[order], order * block
