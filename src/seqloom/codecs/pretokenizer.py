"""How text is cut into words, marks and spaces: pieces that join to it again, however it was chunked."""

import re
import unicodedata
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
from jaxtyping import Int

from seqloom.codecs.base import Codec, Unknown
from seqloom.codecs.utf8 import spellable, unspellable

__all__ = ["PieceCodec", "blocks", "split", "subword_pattern", "word_pattern"]

_BLOCK = 1 << 15
"""Characters that are cut at once, so that their pieces stay in the second-level cache."""

_LOOKED_AHEAD = 2
"""A pattern looks at so many characters after a piece before it ends it (an apostrophe and a letter)."""

_REMEMBERED = 1 << 18
"""Pieces whose ids are kept at hand; past that, they are forgotten and asked for again."""

_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\U00020000-\U0003ffff"  # rare Han
    "\u3031-\u3035\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f\U0001aff0-\U0001b16f"  # kana
)
"""Scripts that put no space between words: each of their letters is a word of its own."""

_PLAIN = "a-zA-Z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0400-\u0481\u048a-\u052f"
"""Latin and Cyrillic letters."""

_RUNS = ".-!?=*~#"
"""Marks that are often repeated: a run of one of them is one piece."""


class PieceCodec(Codec):
    """A codec that spells a text piece by piece, and remembers how.

    Subclasses say what the pieces are (`_pattern`) and which ids spell one (`_spell`).
    """

    def __init__(self) -> None:
        self._remembered: dict[str, bytes] = {}

    @classmethod
    @abstractmethod
    def _pattern(cls) -> re.Pattern[str]:
        """What a piece is."""

    @abstractmethod
    def _spell(self, pieces: list[str]) -> Iterable[Sequence[int]]:
        """The ids of each piece."""

    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Int[np.ndarray, " tokens"]]:
        """Encode a text that comes in pieces; the ids do not depend on where it was cut.

        Raises:
            CodecError: the text holds a lone surrogate.
        """
        for pieces in split(spellable(chunks), self._pattern()):
            try:
                spelled = b"".join(map(self._remembered.__getitem__, pieces))
            except KeyError:
                spelled = b"".join(map(self._learned(pieces).__getitem__, pieces))
            yield np.frombuffer(spelled, np.int32)

    def unknown_symbols(self, text: str) -> list[Unknown]:
        """The lone surrogates of `text`: everything else can be spelled."""
        return unspellable(text)

    def pending_space(self, text: str) -> str:
        """The last space of `text`: what follows it begins with it."""
        return " " if text.endswith(" ") else ""

    def _learned(self, pieces: list[str]) -> Mapping[str, bytes]:
        """A dictionary that has the ids of all `pieces`, as the bytes of an int32 array."""
        if len(self._remembered) > _REMEMBERED:
            self._remembered = {}
        known = self._remembered
        new = [piece for piece in set(pieces) if piece not in known]
        for piece, ids in zip(new, self._spell(new), strict=True):
            known[piece] = np.array(ids, np.int32).tobytes()
        return known


def split(chunks: Iterable[str], pattern: re.Pattern[str]) -> Iterator[list[str]]:
    """Cut a text that comes in chunks into the pieces that the whole text has.

    The last pieces are held back until enough text follows them that they can no longer change; pieces are
    short by their pattern, so little is ever held back.
    """
    rest = ""
    for block in blocks(chunks, _BLOCK):
        pieces = pattern.findall(rest + block)
        held: list[str] = []
        while pieces and sum(map(len, held)) < _LOOKED_AHEAD:
            held.insert(0, pieces.pop())
        rest = "".join(held)
        if pieces:
            yield pieces
    if rest:
        yield pattern.findall(rest)


def blocks(chunks: Iterable[str], most: int) -> Iterator[str]:
    """The chunks again, none longer than `most` characters."""
    for chunk in chunks:
        for start in range(0, len(chunk), most):
            yield chunk[start : start + most]


@cache
def word_pattern() -> re.Pattern[str]:
    """A word, a mark or a run of one mark, each with at most one space before it; or other white space.

    Combining marks and inner apostrophes belong to words; a letter of a script that is written without spaces
    is a word. No piece is longer than about 1,200 characters: a longer run of letters is cut by count.
    """
    letter = rf"[^\W{_UNSPACED}]"
    alone = rf"[{_UNSPACED}][{_combining()}]{{0,8}}"
    return _pattern(f"{_word(letter)}|{alone}")


@cache
def subword_pattern() -> re.Pattern[str]:
    """As `word_pattern`, but scripts without spaces are cut like all others: their letters can be merged."""
    return _pattern(_word(r"\w"))


def _word(letter: str) -> str:
    """Up to 64 letters, then up to 16 times a joint (inner apostrophe, combining marks) and more letters."""
    joint = rf"(?:['’](?={letter})|[{_combining()}]{{1,8}})"
    return rf"{letter}{{1,64}}(?:{joint}{letter}{{0,64}}){{0,16}}"


def _pattern(word: str) -> re.Pattern[str]:
    runs = "|".join(f"{re.escape(mark)}{{1,16}}" for mark in _RUNS)
    # Of several spaces the last goes to what follows them, unless that is white space too.
    spaces = r" {1,63}(?=\s|\Z)|\n{1,16}|\t{1,16}|(?:\r\n){1,16}|\s"
    # Matches nothing that the rest would not match too: most words are so plain that this way is faster.
    shortcut = rf" ?[{_PLAIN}]{{1,64}}(?=[ ,.;:\n\"!?)])"
    return re.compile(rf"{shortcut}| ?(?:{word}|{runs}|[^\s\w])|{spaces}")


@cache
def _combining() -> str:
    """The combining marks of the basic plane and the joiners, which `re` counts as no part of a word."""
    joiners = (0x200C, 0x200D)
    ranges: list[list[int]] = []
    for code in range(0x10000):
        if unicodedata.category(chr(code))[0] == "M" or code in joiners:
            if ranges and ranges[-1][1] == code - 1:
                ranges[-1][1] = code
            else:
                ranges.append([code, code])
    return "".join(f"\\u{first:04x}-\\u{last:04x}" for first, last in ranges)
