"""How much of a text is copied from the corpus.

Knows characters only: tokens, models and files are others' business. Every answer is exact: windows are
found by a rolling hash (Karp, Rabin 1987), and each hit is compared with the corpus before it counts.

Memory: the corpus takes one byte a character where it has at most 254 distinct characters, two up to 65,534.
Looking a text up reads the corpus from end to end, in small pieces, for each length that is tried (some 10
to 20 nanoseconds a character). What a guard adds is said in `copy_guard`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Integer, UInt64
from numpy.lib.stride_tricks import sliding_window_view

from seqloom.corpora.document import Document
from seqloom.evaluation.copy_constraint import CopyConstraint
from seqloom.evaluation.encoded_corpus import LIMIT_CHARACTERS, SymbolText
from seqloom.evaluation.rolling_hash import RollingHash

__all__ = ["Copy", "CopyIndex"]

_PIECE = 1 << 16
_MOST_COMPARED = 1 << 20
_FIRST_PROBE = 16
_DIAGONALS = 64


@dataclass(frozen=True)
class Copy:
    """A stretch of text that stands word for word in the corpus.

    Attributes:
        text: what was copied; empty where not even one character was.
        at: where it stands in the corpus, in characters from 0 (a gap between documents counts as one); None
            for an empty copy.
    """

    text: str
    at: int | None

    def __len__(self) -> int:
        return len(self.text)


class CopyIndex:
    """Finds what a text has copied from one corpus. Built once, asked often.

    Attributes:
        left_out: characters beyond `limit`, which are not looked in.
    """

    def __init__(self, chunks: Iterable[str], *, limit: int = LIMIT_CHARACTERS) -> None:
        """Read one running text.

        Args:
            chunks: the text in pieces; copies run across them.
            limit: characters that are kept at most.
        """
        self._read([chunks], limit)

    @classmethod
    def over(cls, corpus: Iterable[Document], *, limit: int = LIMIT_CHARACTERS) -> "CopyIndex":
        """Read the documents of a corpus; no copy runs from one, or from a passage of it, into the next."""
        index = cls.__new__(cls)
        index._read((passage for document in corpus for passage in document.text.passages()), limit)
        return index

    def _read(self, documents: Iterable[Iterable[str]], limit: int) -> None:
        self._corpus = SymbolText(documents, limit=limit)
        self.left_out = self._corpus.left_out

    def constraint(self, max_copy: int) -> CopyConstraint:
        """A check for generation: of what was written and a candidate, False where too much is copied.

        Args:
            max_copy: characters that may stand word for word in the corpus, one after the other.

        Raises:
            ConfigError: `max_copy` is below 1.
        """
        return CopyConstraint(self._corpus, max_copy)

    def copied_share(self, text: str, n: int = 50) -> float | None:
        """Share of the windows of `n` characters of `text` that occur in the corpus.

        Returns:
            0 to 1, or None where `text` is shorter than `n`.
        """
        if len(text) < n:
            return None
        return float(np.mean(self._locate(self._corpus.of(text), n) >= 0))

    def longest_copy(self, text: str) -> Copy:
        """The longest stretch of `text` that occurs in the corpus; one of them where several are as long."""
        query = self._corpus.of(text)
        found, start, at = 0, 0, None
        too_long = len(query) + 1
        step = _FIRST_PROBE
        while too_long - found > 1:
            probe = found + step if found + step < too_long else (found + too_long) // 2
            positions = self._locate(query, probe)
            if (positions >= 0).any():
                found, start, at = max(self._runs(query, positions), key=lambda run: run[0])
                step = 1 if step == _FIRST_PROBE else 2 * step
            else:
                too_long, step = probe, 1
        return Copy(text[start : start + found], at)

    def _runs(
        self, query: Integer[np.ndarray, " n"], positions: Int[np.ndarray, " windows"]
    ) -> Iterator[tuple[int, int, int]]:
        """The longest common run at each of the shifts at which most windows were found.

        Gives its length, where it starts in the query, and where in the corpus.

        The longest copy may lie at another shift; the caller then finds it by asking for longer windows.
        """
        corpus = self._corpus.symbols
        starts = np.flatnonzero(positions >= 0)
        shifts, counts = np.unique(positions[starts] - starts, return_counts=True)
        for shift in shifts[np.argsort(-counts, kind="stable")[:_DIAGONALS]].tolist():
            first = max(0, -shift)
            last = min(len(query), len(corpus) - shift)
            differs = np.flatnonzero(query[first:last] != corpus[first + shift : last + shift])
            edges = np.concatenate(([-1], differs, [last - first]))
            lengths = np.diff(edges) - 1
            longest = int(lengths.argmax())
            start = first + int(edges[longest]) + 1
            yield int(lengths[longest]), start, start + shift

    def _locate(self, query: Integer[np.ndarray, " n"], length: int) -> Int[np.ndarray, " windows"]:
        """For each window of `length` symbols of `query`, a place in the corpus where it occurs, or -1."""
        if not len(query) >= length <= len(self._corpus.symbols):
            return np.full(max(0, len(query) - length + 1), -1)
        rolling = RollingHash(self._corpus.num_symbols)
        hashes, firsts, group = np.unique(rolling(query, length), return_index=True, return_inverse=True)
        places = self._search(rolling, hashes, query, firsts, length)
        # Windows of one hash share its answer; should their symbols differ, each is looked up alone.
        others = np.flatnonzero(firsts[group] != np.arange(len(group)))
        alone = others[~_same(query, others, query, firsts[group[others]], length)]
        located = places[group]
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
        """For each of the sorted `hashes`, a place of the query's window at `firsts` in the corpus, or -1."""
        corpus = self._corpus.symbols
        places = np.full(len(hashes), -1)
        bits = min(22, 4 + len(hashes).bit_length())
        shift = np.uint64(64 - bits)
        likely = np.zeros(1 << bits, bool)
        likely[hashes >> shift] = True
        for offset in range(0, len(corpus) - length + 1, _PIECE):
            piece = rolling(corpus[offset : offset + _PIECE + length - 1], length)
            at = np.flatnonzero(likely[piece >> shift])
            which = np.searchsorted(hashes, piece[at])
            which[which == len(hashes)] = 0
            hit = (hashes[which] == piece[at]) & (places[which] < 0)
            at, which = at[hit] + offset, which[hit]
            while len(at):
                distinct, chosen = np.unique(which, return_index=True)
                same = _same(query, firsts[distinct], corpus, at[chosen], length)
                places[distinct[same]] = at[chosen[same]]
                left = places[which] < 0
                left[chosen] = False
                at, which = at[left], which[left]
        return places


def _same(
    one: Integer[np.ndarray, " n"],
    starts: Int[np.ndarray, " pairs"],
    other: Integer[np.ndarray, " m"],
    other_starts: Int[np.ndarray, " pairs"],
    length: int,
) -> Bool[np.ndarray, " pairs"]:
    """Whether the window of `one` at each start equals the window of `other` at the start beside it."""
    if not len(starts):
        return np.zeros(0, bool)
    windows = sliding_window_view(one, length)
    other_windows = sliding_window_view(other, length)
    rows = max(1, _MOST_COMPARED // length)
    return np.concatenate(
        [
            (windows[starts[row : row + rows]] == other_windows[other_starts[row : row + rows]]).all(axis=1)
            for row in range(0, len(starts), rows)
        ]
    )
