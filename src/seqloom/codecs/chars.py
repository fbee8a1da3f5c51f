"""One token a character. All look-ups are vectorised: code points index a dense table."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Self

import numpy as np
from jaxtyping import Int, Integer, UInt32

from seqloom.codecs.base import Codec, Unknown, describe_unknown
from seqloom.codecs.utf8 import unspellable
from seqloom.codecs.vocabulary import NUM_BYTES, Vocabulary, room_for_symbols
from seqloom.corpora.document import Corpus
from seqloom.errors import CodecError, SourceError

__all__ = ["CharCodec"]

_BLOCK = 1 << 15
"""Characters that are looked up at once. The memory of arrays much larger goes back to the system each time."""

_NUM_CODE_POINTS = 0x110000


class CharCodec(Codec):
    """The distinct characters of a corpus in code point order.

    Without a cap, a character that the corpus lacks cannot be encoded. With a cap, the most frequent
    characters are kept and all others are spelled in UTF-8 bytes, so that any text can be encoded.

    Args:
        vocabulary: the characters, perhaps the bytes, perhaps the boundary.
        cap: how many ids were allowed, or None.
    """

    level = "char"

    def __init__(self, vocabulary: Vocabulary, cap: int | None = None) -> None:
        self.vocabulary = vocabulary
        self.cap = cap
        self.boundary = vocabulary.boundary

    @classmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """Learn the characters in one streaming pass.

        Args:
            corpus: what to read.
            vocabulary: at most so many ids, 256 bytes and the boundary included; None keeps all characters.

        Raises:
            ConfigError: the cap leaves no room for a character.
            SourceError: the corpus holds no text.
        """
        room = None if vocabulary is None else room_for_symbols(cls.level, vocabulary, corpus.separate)
        symbols = _distinct(corpus) if room is None else _most_frequent(_count(corpus), room)
        if not symbols:
            raise SourceError(f"{corpus.name} holds no text")
        return cls(Vocabulary.of(symbols, spelled=room is not None, boundary=corpus.separate), vocabulary)

    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Integer[np.ndarray, " tokens"]]:
        """Encode a text that comes in pieces.

        Raises:
            CodecError: a character is not in the vocabulary; says which, and where.
        """
        position = 0
        for chunk in chunks:
            for codes in _code_points(chunk):
                ids = self._table.take(codes, mode="clip")
                yield self._spelled(codes, ids, position) if ids.max() == self._missing else ids
                position += len(codes)

    def unknown_symbols(self, text: str) -> list[Unknown]:
        """The characters of `text` that are not in the vocabulary; with a cap, lone surrogates only."""
        if self.vocabulary.first_byte is not None:
            return unspellable(text)
        return [
            (number * _BLOCK + int(at), chr(codes[at]))
            for number, codes in enumerate(_code_points(text))
            for at in np.flatnonzero(self._table.take(codes, mode="clip") == self._missing)
        ]

    def extend(self, corpus: Corpus) -> Self:
        """This codec with new characters appended in code point order: all, or as many as the cap allowed."""
        known = self.vocabulary.ids
        if self.cap is None:
            symbols = [symbol for symbol in _distinct(corpus) if symbol not in known]
        else:
            counts = _count(corpus)
            counts[[ord(symbol) for symbol in known]] = 0
            symbols = _most_frequent(counts, self.cap - NUM_BYTES)
        return type(self)(self.vocabulary.extend(symbols, boundary=corpus.separate), self.cap)

    @cached_property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The UTF-8 bytes that each id stands for; the boundary's are empty."""
        return self.vocabulary.token_bytes

    def to_json(self) -> dict[str, Any]:
        """The cap, and a string (character), number (byte) or null (boundary) for every id."""
        return {"level": self.level, "cap": self.cap, "tokens": list(self.vocabulary.tokens)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The codec that `to_json` described.

        Raises:
            CodecError: the description is damaged.
        """
        vocabulary = Vocabulary.from_json(stored.get("tokens"))
        cap = stored.get("cap")
        if any(len(symbol) != 1 or unspellable(symbol) for symbol in vocabulary.ids):
            raise CodecError("the codec is damaged: its symbols are not single characters")
        spelled = isinstance(cap, int) and cap > NUM_BYTES
        if not (spelled or cap is None) or spelled != (vocabulary.first_byte is not None):
            raise CodecError(f"the codec is damaged: its cap is {cap!r}")
        return cls(vocabulary, cap)

    @property
    def _missing(self) -> int:
        """What stands in the table for "no id": one past the last id."""
        return len(self.vocabulary.tokens)

    @cached_property
    def _table(self) -> Integer[np.ndarray, " code_points"]:
        """Id by code point, or `_missing`; look-ups past its end are clipped to the last entry, which is missing.

        Its type is as narrow as can be, so that a store of such ids takes what is looked up as it is.
        """
        codes = [ord(symbol) for symbol in self.vocabulary.ids]
        table = np.full(max(codes, default=0) + 2, self._missing, np.min_scalar_type(self._missing))
        table[codes] = list(self.vocabulary.ids.values())
        return table

    def _spelled(
        self, codes: UInt32[np.ndarray, " block"], ids: Integer[np.ndarray, " block"], position: int
    ) -> Int[np.ndarray, " tokens"]:
        """`ids` with every missing one replaced by the bytes of its character."""
        missing = ids == self._missing
        symbols = codes[missing].tobytes().decode("utf-32-le", "surrogatepass")
        first_byte = self.vocabulary.first_byte
        if first_byte is None or unspellable(symbols):
            text = codes.tobytes().decode("utf-32-le", "surrogatepass")
            unknown = [(position + at, symbol) for at, symbol in self.unknown_symbols(text)]
            raise CodecError(describe_unknown(unknown, skippable=True))
        bytes_each = np.where(missing, 1 + (codes >= 0x80) + (codes >= 0x800) + (codes >= 0x10000), 1)
        spelled = np.repeat(missing, bytes_each)
        tokens = np.empty(len(spelled), np.int32)
        tokens[~spelled] = ids[~missing]
        tokens[spelled] = first_byte + np.frombuffer(symbols.encode(), np.uint8).astype(np.int32)
        return tokens


def _code_points(chunk: str) -> Iterator[UInt32[np.ndarray, " block"]]:
    for start in range(0, len(chunk), _BLOCK):
        block = chunk[start : start + _BLOCK]
        yield np.array([block], f"<U{len(block)}").view("<u4")


def _distinct(corpus: Corpus) -> list[str]:
    """The characters of the corpus, in code point order; those of ASCII are only looked for until they have come.

    Raises:
        CodecError: one of them is half of a surrogate pair.
    """
    known, found = b"", set[str]()
    for document in corpus:
        for chunk in document.chunks:
            for start in range(0, len(chunk), _BLOCK):
                new = chunk[start : start + _BLOCK].encode("utf-8", "surrogatepass").translate(None, known)
                if new:
                    found.update(new.decode("utf-8", "surrogatepass"))
                    known = bytes(ord(symbol) for symbol in found if symbol.isascii())
    _check_whole(corpus, [ord(symbol) for symbol in found])
    return sorted(found)


def _count(corpus: Corpus) -> Int[np.ndarray, " code_points"]:
    """How often each code point stands in the corpus; the error is that of `_distinct`."""
    counts = np.zeros(_NUM_CODE_POINTS, np.int64)
    for document in corpus:
        for chunk in document.chunks:
            for codes in _code_points(chunk):
                found = np.bincount(codes)
                counts[: len(found)] += found
    _check_whole(corpus, np.flatnonzero(counts).tolist())
    return counts


def _check_whole(corpus: Corpus, codes: list[int]) -> None:
    if halves := [code for code in codes if 0xD800 <= code < 0xE000]:
        raise CodecError(
            f"{corpus.name} holds U+{min(halves):04X}, half of a surrogate pair, which is no character"
            "; write the source anew as UTF-8"
        )


def _most_frequent(counts: Int[np.ndarray, " code_points"], room: int) -> list[str]:
    """The `room` characters that occur most often (ties: lower code point), in code point order."""
    found = np.flatnonzero(counts)
    return [chr(code) for code in np.sort(found[np.argsort(-counts[found], kind="stable")[:room]])]
