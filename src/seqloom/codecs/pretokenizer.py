"""Cuts text into pieces (words, marks, spaces) that join to the same text; the cuts do not depend on the chunks.

A text comes in chunks of any length. A mark is a character of punctuation, or a symbol.
"""

import re
import unicodedata
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
from jaxtyping import Int

from seqloom.codecs.text import TextCodec
from seqloom.codecs.unknown_symbols import UnknownSymbol
from seqloom.codecs.utf8 import check_surrogates, lone_surrogates

__all__ = ["PieceCodec", "blocks", "split_pieces", "subword_pattern", "word_pattern"]

_BLOCK_CHARACTERS = 1 << 15
"""Number of characters cut at once: few enough for their pieces to stay in the processor's second-level cache."""

_LOOKAHEAD = 2
"""Number of characters after a piece that a pattern may inspect (an apostrophe and a letter)."""

_MAX_CACHED_PIECES = 1 << 18
"""Number of pieces whose ids are cached; a full cache is cleared."""

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\U00020000-\U0003ffff"  # rare Han
    "\u3031-\u3035\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f\U0001aff0-\U0001b16f"  # kana
)
"""Scripts without spaces between words: each of their letters is a word."""

_PLAIN_LETTERS = "a-zA-Z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0400-\u0481\u048a-\u052f"
"""Latin and Cyrillic letters."""

_REPEATED_MARKS = ".-!?=*~#"
"""Marks that are often repeated: a run of the same mark is one piece."""


class PieceCodec(TextCodec):
    """A codec that encodes a text piece by piece and caches the ids of the pieces.

    Subclasses define the pieces (`_pattern`) and their ids (`_encode_pieces`).
    """

    def __init__(self) -> None:
        self._cache: dict[str, bytes] = {}  # ids of each piece, as the bytes of an int32 array

    @classmethod
    @abstractmethod
    def _pattern(cls) -> re.Pattern[str]:
        """Return the pattern of a piece."""

    @abstractmethod
    def _encode_pieces(self, pieces: list[str]) -> Iterable[Sequence[int]]:
        """Return the ids of each piece."""

    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Int[np.ndarray, " tokens"]]:
        """Encode one text; the ids do not depend on the chunks.

        Raises:
            CodecError: the text has a lone surrogate.
        """
        for pieces in split_pieces(check_surrogates(chunks), self._pattern()):
            try:  # most blocks consist of cached pieces only
                id_bytes = b"".join(map(self._cache.__getitem__, pieces))
            except KeyError:
                id_bytes = b"".join(map(self._filled_cache(pieces).__getitem__, pieces))
            yield np.frombuffer(id_bytes, np.int32)

    def unknown_symbols(self, text: str) -> list[UnknownSymbol]:
        """Return the lone surrogates of `text`; everything else can be encoded."""
        return lone_surrogates(text)

    def pending_space(self, text: str) -> str:
        """Return the last space of `text`, which belongs to the word after it."""
        return " " if text.endswith(" ") else ""

    def _filled_cache(self, pieces: list[str]) -> Mapping[str, bytes]:
        """Add the ids of all `pieces` to the cache, and return the cache."""
        if len(self._cache) > _MAX_CACHED_PIECES:
            self._cache = {}
        cache = self._cache
        new_pieces = [piece for piece in set(pieces) if piece not in cache]
        for piece, ids in zip(new_pieces, self._encode_pieces(new_pieces), strict=True):
            cache[piece] = np.array(ids, np.int32).tobytes()
        return cache


def split_pieces(chunks: Iterable[str], pattern: re.Pattern[str]) -> Iterator[list[str]]:
    """Cut a text that comes in chunks into the same pieces as the whole text; yield lists of pieces.

    The last pieces of a block could still change with the text after the block. They are kept back until that text has
    been read. The pattern keeps pieces short, so that little text is kept back.

    Args:
        chunks: the text in order.
        pattern: pattern of a piece: `word_pattern()` or `subword_pattern()`.
    """
    rest = ""
    for block in blocks(chunks, _BLOCK_CHARACTERS):
        pieces = pattern.findall(rest + block)
        kept_back: list[str] = []
        while pieces and sum(map(len, kept_back)) < _LOOKAHEAD:
            kept_back.insert(0, pieces.pop())
        rest = "".join(kept_back)
        if pieces:
            yield pieces
    if rest:
        yield pattern.findall(rest)


def blocks(chunks: Iterable[str], max_characters: int) -> Iterator[str]:
    """Yield the chunks cut into blocks of at most `max_characters`."""
    for chunk in chunks:
        for start in range(0, len(chunk), max_characters):
            yield chunk[start : start + max_characters]


@cache
def word_pattern() -> re.Pattern[str]:
    """Return the pattern of a word, a mark or a run of one mark, each with at most one space before it; or white space.

    Combining marks and inner apostrophes belong to words; a letter of a script without spaces is a word. A run of
    letters is cut after every 64 letters, and no piece is longer than about 1,200 characters.
    """
    letter = rf"[^\W{_UNSPACED}]"
    unspaced = rf"[{_UNSPACED}][{_combining_marks()}]{{0,8}}"
    return _piece_pattern(f"{_word_regex(letter)}|{unspaced}")


@cache
def subword_pattern() -> re.Pattern[str]:
    """Return `word_pattern` without the rule for scripts without spaces, so that subwords can join their letters."""
    return _piece_pattern(_word_regex(r"\w"))


def _word_regex(letter: str) -> str:
    """Return a pattern of up to 64 letters, then up to 16 times a joint (apostrophe, combining marks) and letters."""
    joint = rf"(?:['’](?={letter})|[{_combining_marks()}]{{1,8}})"
    return rf"{letter}{{1,64}}(?:{joint}{letter}{{0,64}}){{0,16}}"


def _piece_pattern(word: str) -> re.Pattern[str]:
    """Return the pattern of a piece: a word that matches `word`, a mark, a run of one mark, or white space."""
    runs = "|".join(f"{re.escape(mark)}{{1,16}}" for mark in _REPEATED_MARKS)
    # The last of several spaces belongs to the piece after it, unless that is white space too.
    spaces = r" {1,63}(?=\s|\Z)|\n{1,16}|\t{1,16}|(?:\r\n){1,16}|\s"
    # The shortcut is redundant, but faster for plain words, which are the most frequent pieces.
    shortcut = rf" ?[{_PLAIN_LETTERS}]{{1,64}}(?=[ ,.;:\n\"!?)])"
    return re.compile(rf"{shortcut}| ?(?:{word}|{runs}|[^\s\w])|{spaces}")


@cache
def _combining_marks() -> str:
    """Return the inside of a character class: the combining marks of the basic plane, and the zero-width joiners.

    `re` does not count these as word characters.
    """
    joiners = (0x200C, 0x200D)
    ranges: list[list[int]] = []  # first and last code point of each range
    for code in range(0x10000):
        if unicodedata.category(chr(code))[0] == "M" or code in joiners:
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges)
