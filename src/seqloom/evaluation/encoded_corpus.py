"""A corpus as an array of small integers, one a character, to look for copies with array arithmetic."""

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Integer

__all__ = ["LIMIT_CHARACTERS", "SymbolText"]

LIMIT_CHARACTERS = 1 << 30
"""Of a longer corpus only the first so many characters are kept, unless the caller says otherwise."""

_BATCH_CHARACTERS = 1 << 20
_GAP = "\ud800"
_NOTHING = "\udbff"
"""The first stands between documents, the second nowhere: no decoder gives the first half of a pair alone."""

_UNSEEN, _GAP_SYMBOL = 0, 1


class SymbolText:
    """The characters of a corpus, numbered in the order in which they were first met.

    Symbol 0 is every character that the corpus lacks, symbol 1 the gap between two documents.

    Attributes:
        symbols: the corpus, in the smallest unsigned type that holds its alphabet.
        num_symbols: one more than the highest symbol.
        left_out: characters beyond the limit, which were not kept.
    """

    symbols: Integer[np.ndarray, " characters"]

    def __init__(self, documents: Iterable[Iterable[str]], *, limit: int = LIMIT_CHARACTERS) -> None:
        self._symbol_of = np.zeros(0x110000, np.uint32)
        self._symbol_of[ord(_GAP)] = _GAP_SYMBOL
        self.num_symbols = 2
        self.left_out = 0
        kept = 0
        pieces = [np.zeros(0, np.uint8)]
        for batch in _batches(documents):
            room = limit - kept
            self.left_out += max(0, len(batch) - room)
            if room > 0:
                pieces.append(self._learn(batch[:room]))
                kept += len(pieces[-1])
        self.symbols = np.concatenate(pieces)

    def of(self, text: str) -> Integer[np.ndarray, " characters"]:
        """The symbols of another text; a character that the corpus lacks matches nothing."""
        symbols = self._symbol_of[_code_points(text.replace(_GAP, _NOTHING))]
        return np.asarray(symbols, self.symbols.dtype)

    def _learn(self, text: str) -> Integer[np.ndarray, " characters"]:
        codes = _code_points(text)
        symbols = self._symbol_of[codes]
        new = np.unique(codes[symbols == _UNSEEN])
        if len(new):
            self._symbol_of[new] = np.arange(self.num_symbols, self.num_symbols + len(new))
            self.num_symbols += len(new)
            symbols = self._symbol_of[codes]
        return np.asarray(symbols, np.min_scalar_type(self.num_symbols - 1))


def _code_points(text: str) -> Integer[np.ndarray, " characters"]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _batches(documents: Iterable[Iterable[str]]) -> Iterator[str]:
    """Pieces of bounded length, however long or short the chunks are."""
    waiting: list[str] = []
    length = 0
    for number, document in enumerate(documents):
        if number:
            waiting.append(_GAP)
        for chunk in document:
            for start in range(0, len(chunk), _BATCH_CHARACTERS):
                waiting.append(chunk[start : start + _BATCH_CHARACTERS])
                length += len(waiting[-1])
                if length >= _BATCH_CHARACTERS:
                    yield "".join(waiting)
                    waiting, length = [], 0
    yield "".join(waiting)
