"""Copies of a corpus in a text.

A window is a stretch of consecutive characters of the text (the query). Every result is exact: a rolling hash (Karp,
Rabin 1987) finds candidate positions of a window in the corpus, and its characters are compared there before it counts
as a copy. The shift of a copy is its position in the corpus minus its position in the query.

Memory: the corpus takes one byte per character if it has at most 254 distinct characters, two up to 65,534. A search
reads the whole corpus, in small pieces, for each length that it tries (about 10 to 20 nanoseconds per character). For
the memory of a constraint see `copy_constraint`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, Integer, UInt64
from numpy.lib.stride_tricks import sliding_window_view

from seqloom.corpora.document import Document
from seqloom.evaluation.copy_constraint import CopyConstraint
from seqloom.evaluation.encoded_corpus import MAX_CHARACTERS, SymbolText
from seqloom.evaluation.rolling_hash import RollingHash

__all__ = ["Copy", "CopyIndex"]

_WINDOWS_AT_ONCE = 1 << 16
"""Number of windows of the corpus that are hashed at once."""

_MAX_COMPARED_CHARACTERS = 1 << 20
"""Number of characters that are compared at once."""

_FIRST_PROBE = 16
"""First length in the search for the longest copy, and largest step from a copy's length to the next length."""

_MAX_SHIFTS = 64
"""Maximum number of shifts at which one step of the search extends copies."""


class _LocatedCopy(NamedTuple):
    """A copy in a query: its length, its start in the query, and its position in the corpus."""

    length: int
    start: int
    position: int


@dataclass(frozen=True)
class Copy:
    """A stretch of text that occurs verbatim in the corpus.

    Attributes:
        text: copied characters; empty if not even one was copied.
        position: start in the corpus, in characters from 0 (a gap between documents counts as one); None for an empty
            copy.
    """

    text: str
    position: int | None

    def __len__(self) -> int:
        return len(self.text)


class CopyIndex:
    """An index of one corpus, which finds copies of the corpus in other texts.

    Args:
        documents: chunks of text of each document; a copy can run across chunks, but not across documents.
        limit: maximum number of characters.

    Attributes:
        num_skipped: number of characters beyond `limit`, which are not searched.
    """

    def __init__(self, documents: Iterable[Iterable[str]], *, limit: int = MAX_CHARACTERS) -> None:
        self._corpus = SymbolText(documents, limit=limit)
        self.num_skipped = self._corpus.num_skipped

    @classmethod
    def from_corpus(cls, corpus: Iterable[Document], *, limit: int = MAX_CHARACTERS) -> "CopyIndex":
        """Return the index of a corpus; a copy does not extend from one passage of a document into the next."""
        return cls((passage for document in corpus for passage in document.text.passages()), limit=limit)

    def constraint(self, max_copy: int) -> CopyConstraint:
        """Return a constraint for generation.

        Args:
            max_copy: longest run of copied characters that is allowed.

        Raises:
            ConfigError: `max_copy` is below 1.
        """
        return CopyConstraint(self._corpus, max_copy)

    def copied_share(self, text: str, n: int = 50) -> float | None:
        """Return the share of windows of `n` characters of `text` that occur in the corpus.

        Returns:
            0 to 1; None if `text` is shorter than `n`.
        """
        if len(text) < n:
            return None
        return float(np.mean(self._locate(self._corpus.encode(text), n) >= 0))

    def longest_copy(self, text: str) -> Copy:
        """Return the longest stretch of `text` that occurs in the corpus, or one of several equally long ones."""
        query = self._corpus.encode(text)
        length, start, position = 0, 0, None
        too_long = len(query) + 1
        # Some stretch of `length` characters is a copy, and none of `too_long` characters is. A successful probe
        # extends the copy as far as possible. The copy is then often the longest of all, so the next probe is only one
        # character longer. Any further success doubles the step. After a step of `_FIRST_PROBE`, and after a failure,
        # the step is one character again.
        step = _FIRST_PROBE
        while too_long - length > 1:
            probe = length + step if length + step < too_long else (length + too_long) // 2
            positions = self._locate(query, probe)
            if (positions >= 0).any():
                length, start, position = max(self._longest_copies(query, positions), key=lambda copy: copy.length)
                step = 1 if step == _FIRST_PROBE else 2 * step
            else:
                too_long, step = probe, 1
        return Copy(text[start : start + length], position)

    def _longest_copies(
        self, query: Integer[np.ndarray, " n"], positions: Int[np.ndarray, " windows"]
    ) -> Iterator[_LocatedCopy]:
        """Yield the longest copy at each of the shifts with the most matching windows.

        The longest copy of all may be at another shift; the caller then finds it by a search for longer windows.

        Args:
            query: symbols of the text.
            positions: position of each window in the corpus, or -1.
        """
        corpus = self._corpus.symbols
        starts = np.flatnonzero(positions >= 0)
        shifts, counts = np.unique(positions[starts] - starts, return_counts=True)
        for shift in shifts[np.argsort(-counts, kind="stable")[:_MAX_SHIFTS]].tolist():
            first = max(0, -shift)
            last = min(len(query), len(corpus) - shift)
            differs = np.flatnonzero(query[first:last] != corpus[first + shift : last + shift])
            edges = np.concatenate(([-1], differs, [last - first]))
            lengths = np.diff(edges) - 1
            longest = int(lengths.argmax())
            start = first + int(edges[longest]) + 1
            yield _LocatedCopy(int(lengths[longest]), start, start + shift)

    def _locate(self, query: Integer[np.ndarray, " n"], length: int) -> Int[np.ndarray, " windows"]:
        """Return the position in the corpus of each window of `length` symbols of `query`, or -1."""
        if length > min(len(query), len(self._corpus.symbols)):
            return np.full(max(0, len(query) - length + 1), -1)
        rolling = RollingHash(self._corpus.num_symbols)
        hashes, query_starts, hash_index = np.unique(rolling(query, length), return_index=True, return_inverse=True)
        positions = self._search(rolling, hashes, query, query_starts, length)
        # Windows with equal hashes share the position of the first of them. A window that differs from the first (a
        # collision) is searched by itself.
        repeated = np.flatnonzero(query_starts[hash_index] != np.arange(len(hash_index)))
        collisions = repeated[~_same(query, repeated, query, query_starts[hash_index[repeated]], length)]
        located = positions[hash_index]
        for start in collisions.tolist():
            located[start] = self._locate(query[start : start + length], length)[0]
        return located

    def _search(
        self,
        rolling: RollingHash,
        hashes: UInt64[np.ndarray, " distinct"],
        query: Integer[np.ndarray, " n"],
        query_starts: Int[np.ndarray, " distinct"],
        length: int,
    ) -> Int[np.ndarray, " distinct"]:
        """Return the position in the corpus of the query's window at each of `query_starts`, or -1.

        `hashes` are the hashes of these windows, distinct and ascending.
        """
        corpus = self._corpus.symbols
        positions = np.full(len(hashes), -1)
        # The table marks the leading bits of every hash, which rules out most windows of the corpus at little cost.
        num_leading_bits = min(22, 4 + len(hashes).bit_length())
        num_dropped_bits = np.uint64(64 - num_leading_bits)
        may_occur = np.zeros(1 << num_leading_bits, bool)
        may_occur[hashes >> num_dropped_bits] = True
        for offset in range(0, len(corpus) - length + 1, _WINDOWS_AT_ONCE):
            corpus_hashes = rolling(corpus[offset : offset + _WINDOWS_AT_ONCE + length - 1], length)
            starts = np.flatnonzero(may_occur[corpus_hashes >> num_dropped_bits])
            rows = np.searchsorted(hashes, corpus_hashes[starts])
            rows[rows == len(hashes)] = 0
            is_candidate = (hashes[rows] == corpus_hashes[starts]) & (positions[rows] < 0)
            starts, rows = starts[is_candidate] + offset, rows[is_candidate]
            # Each pass compares one candidate per hash, and drops the other candidates of a hash that was located.
            while len(starts):
                distinct, compared = np.unique(rows, return_index=True)
                same = _same(query, query_starts[distinct], corpus, starts[compared], length)
                positions[distinct[same]] = starts[compared[same]]
                remains = positions[rows] < 0
                remains[compared] = False
                starts, rows = starts[remains], rows[remains]
        return positions


def _same(
    first: Integer[np.ndarray, " n"],
    first_starts: Int[np.ndarray, " pairs"],
    second: Integer[np.ndarray, " m"],
    second_starts: Int[np.ndarray, " pairs"],
    length: int,
) -> Bool[np.ndarray, " pairs"]:
    """Return whether the windows of `first` and `second` at each pair of starts are equal."""
    if not len(first_starts):
        return np.zeros(0, bool)
    first_windows = sliding_window_view(first, length)
    second_windows = sliding_window_view(second, length)
    pairs_at_once = max(1, _MAX_COMPARED_CHARACTERS // length)
    return np.concatenate(
        [
            (first_windows[first_starts[pairs]] == second_windows[second_starts[pairs]]).all(axis=1)
            for pairs in (slice(pair, pair + pairs_at_once) for pair in range(0, len(first_starts), pairs_at_once))
        ]
    )
