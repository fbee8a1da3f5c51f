"""Copies of a corpus in a text.

Every result is exact: a rolling hash (Karp, Rabin 1987) finds candidate windows, and each candidate is compared with
the corpus before it counts.

Memory: the corpus takes one byte per character if it has at most 254 distinct characters, two up to 65,534. A search
reads the whole corpus, in small pieces, for each length that it tries (about 10 to 20 nanoseconds per character). For
the memory of a constraint see `copy_constraint`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Integer, UInt64
from numpy.lib.stride_tricks import sliding_window_view

from seqloom.corpora.document import Document
from seqloom.evaluation.copy_constraint import CopyConstraint
from seqloom.evaluation.encoded_corpus import MAX_CHARACTERS, SymbolText
from seqloom.evaluation.rolling_hash import RollingHash

__all__ = ["Copy", "CopyIndex"]

_PIECE = 1 << 16
_MAX_COMPARED = 1 << 20
_FIRST_PROBE = 16
_MAX_SHIFTS = 64


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
    """Search for copies of one corpus.

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
        """Return the index of a corpus; a copy does not run from one passage of a document into the next."""
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
        step = _FIRST_PROBE
        while too_long - length > 1:
            probe = length + step if length + step < too_long else (length + too_long) // 2
            positions = self._locate(query, probe)
            if (positions >= 0).any():
                length, start, position = max(self._runs(query, positions), key=lambda run: run[0])
                step = 1 if step == _FIRST_PROBE else 2 * step
            else:
                too_long, step = probe, 1
        return Copy(text[start : start + length], position)

    def _runs(
        self, query: Integer[np.ndarray, " n"], positions: Int[np.ndarray, " windows"]
    ) -> Iterator[tuple[int, int, int]]:
        """Yield the longest common run at each of the shifts with the most matching windows.

        Each item is the length of the run, its start in the query and its start in the corpus. The longest copy may
        be at another shift; the caller then finds it by a search for longer windows.
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
            yield int(lengths[longest]), start, start + shift

    def _locate(self, query: Integer[np.ndarray, " n"], length: int) -> Int[np.ndarray, " windows"]:
        """Return the position in the corpus of each window of `length` symbols of `query`, or -1."""
        if not len(query) >= length <= len(self._corpus.symbols):
            return np.full(max(0, len(query) - length + 1), -1)
        rolling = RollingHash(self._corpus.num_symbols)
        hashes, firsts, group = np.unique(rolling(query, length), return_index=True, return_inverse=True)
        positions = self._search(rolling, hashes, query, firsts, length)
        # Windows with one hash share a position; windows whose symbols differ are searched one by one.
        others = np.flatnonzero(firsts[group] != np.arange(len(group)))
        alone = others[~_same(query, others, query, firsts[group[others]], length)]
        located = positions[group]
        for start in alone.tolist():
            located[start] = self._locate(query[start : start + length], length)[0]
        return located

    def _search(
        self,
        rolling: RollingHash,
        hashes: UInt64[np.ndarray, " distinct"],
        query: Integer[np.ndarray, " n"],
        firsts: Int[np.ndarray, " distinct"],
        length: int,
    ) -> Int[np.ndarray, " distinct"]:
        """Return the position in the corpus of the query's window at each of `firsts`, or -1; `hashes` are sorted."""
        corpus = self._corpus.symbols
        positions = np.full(len(hashes), -1)
        bits = min(22, 4 + len(hashes).bit_length())
        shift = np.uint64(64 - bits)
        likely = np.zeros(1 << bits, bool)
        likely[hashes >> shift] = True
        for offset in range(0, len(corpus) - length + 1, _PIECE):
            piece = rolling(corpus[offset : offset + _PIECE + length - 1], length)
            at = np.flatnonzero(likely[piece >> shift])
            which = np.searchsorted(hashes, piece[at])
            which[which == len(hashes)] = 0
            hit = (hashes[which] == piece[at]) & (positions[which] < 0)
            at, which = at[hit] + offset, which[hit]
            while len(at):
                distinct, chosen = np.unique(which, return_index=True)
                same = _same(query, firsts[distinct], corpus, at[chosen], length)
                positions[distinct[same]] = at[chosen[same]]
                left = positions[which] < 0
                left[chosen] = False
                at, which = at[left], which[left]
        return positions


def _same(
    one: Integer[np.ndarray, " n"],
    starts: Int[np.ndarray, " pairs"],
    other: Integer[np.ndarray, " m"],
    other_starts: Int[np.ndarray, " pairs"],
    length: int,
) -> Bool[np.ndarray, " pairs"]:
    """Return whether the windows of `one` and `other` at each pair of starts are equal."""
    if not len(starts):
        return np.zeros(0, bool)
    windows = sliding_window_view(one, length)
    other_windows = sliding_window_view(other, length)
    rows = max(1, _MAX_COMPARED // length)
    return np.concatenate(
        [
            (windows[starts[row : row + rows]] == other_windows[other_starts[row : row + rows]]).all(axis=1)
            for row in range(0, len(starts), rows)
        ]
    )
