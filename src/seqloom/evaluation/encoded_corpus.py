"""A corpus as an array of small integers, one per character, for the search for copies."""

from collections.abc import Iterable, Iterator

import numpy as np
from jaxtyping import Integer

__all__ = ["MAX_CHARACTERS", "SymbolText"]

MAX_CHARACTERS = 1 << 30
"""Default maximum length of a corpus; only the beginning of a longer corpus is kept."""

_BATCH_CHARACTERS = 1 << 20
_GAP = "\ud800"
"""Separator between documents. No corpus contains it, because decoded files have no lone surrogates."""

_NO_CHARACTER = "\udbff"
"""Another lone surrogate, which matches nothing in a corpus; it replaces `_GAP` in a text that is searched."""

_UNSEEN, _GAP_SYMBOL = 0, 1


class SymbolText:
    """The characters of a corpus as numbers, the symbols.

    Symbol 0 stands for every character that the corpus lacks, symbol 1 for the gap between two documents. The
    characters get higher symbols in the order of the batches of text that contain them first, and within a batch in the
    order of their code points.

    Args:
        documents: the text of each document, in chunks.
        limit: maximum number of characters.

    Attributes:
        symbols: corpus in the smallest unsigned type that fits its alphabet.
        num_symbols: number of distinct symbols, the symbols 0 and 1 included.
        num_skipped: number of characters beyond the limit.
    """

    symbols: Integer[np.ndarray, " characters"]

    def __init__(self, documents: Iterable[Iterable[str]], *, limit: int = MAX_CHARACTERS) -> None:
        self._symbol_of = np.zeros(0x110000, np.uint32)
        self._symbol_of[ord(_GAP)] = _GAP_SYMBOL
        self.num_symbols = 2
        self.num_skipped = 0
        num_kept = 0
        pieces = [np.zeros(0, np.uint8)]
        for batch in _batches(documents):
            room = limit - num_kept
            self.num_skipped += max(0, len(batch) - room)
            if room > 0:
                pieces.append(self._encode_new(batch[:room]))
                num_kept += len(pieces[-1])
        self.symbols = np.concatenate(pieces)

    def encode(self, text: str) -> Integer[np.ndarray, " characters"]:
        """Return the symbols of another text; a character that the corpus lacks matches nothing."""
        symbols = self._symbol_of[_code_points(text.replace(_GAP, _NO_CHARACTER))]
        return np.asarray(symbols, self.symbols.dtype)

    def _encode_new(self, text: str) -> Integer[np.ndarray, " characters"]:
        """Return the symbols of a part of the corpus, after numbering the characters that have no symbol yet."""
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
    """Yield the documents, with a gap between any two, in batches of bounded length."""
    pending: list[str] = []
    length = 0
    for number, document in enumerate(documents):
        if number:
            pending.append(_GAP)
        for chunk in document:
            for start in range(0, len(chunk), _BATCH_CHARACTERS):
                pending.append(chunk[start : start + _BATCH_CHARACTERS])
                length += len(pending[-1])
                if length >= _BATCH_CHARACTERS:
                    yield "".join(pending)
                    pending, length = [], 0
    yield "".join(pending)
