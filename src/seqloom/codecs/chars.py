"""One token per character. All look-ups are vectorised: code points index a dense table."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Self

import numpy as np
from jaxtyping import Int, Integer, UInt32

from seqloom.codecs.base import JsonObject
from seqloom.codecs.text import TextCodec
from seqloom.codecs.unknown_symbols import UnknownSymbol, describe_unknown
from seqloom.codecs.utf8 import lone_surrogates
from seqloom.codecs.vocabulary import NUM_BYTES, Vocabulary, symbol_capacity
from seqloom.corpora.document import Corpus
from seqloom.errors import CodecError, SourceError

__all__ = ["CharCodec"]

_BLOCK_CHARACTERS = 1 << 15
"""Number of characters looked up at once. Much larger blocks are slower: the allocator returns the memory of their
arrays to the system after each block, and must request it again for the next."""

_NUM_CODE_POINTS = 0x110000


class CharCodec(TextCodec):
    """The distinct characters of a corpus in code point order.

    Without a cap, a character that the corpus lacks cannot be encoded. With a cap, only the most frequent characters
    have an id each. All others are encoded as their UTF-8 bytes, one id per byte, so that any text can be encoded.

    Args:
        vocabulary: the characters; with a cap, also the 256 bytes; and the boundary token between documents, if the
            corpus has separate documents.
        cap: largest number of ids when the codec was fitted, or None.
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
            corpus: training corpus.
            vocabulary: largest number of ids, 256 bytes and the boundary included; None keeps all characters.

        Raises:
            ConfigError: `vocabulary` leaves no room for a character.
            SourceError: the corpus holds no text.
            CodecError: the corpus has a lone surrogate (half of a surrogate pair).
        """
        capacity = None
        if vocabulary is not None:
            capacity = symbol_capacity(cls.level, cap=vocabulary, has_boundary=corpus.has_separate_documents)
        symbols = (
            _distinct_characters(corpus) if capacity is None else _most_frequent(_count_code_points(corpus), capacity)
        )
        if not symbols:
            raise SourceError(f"{corpus.name} holds no text")
        return cls(
            Vocabulary.build(symbols, byte_fallback=capacity is not None, has_boundary=corpus.has_separate_documents),
            vocabulary,
        )

    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Integer[np.ndarray, " tokens"]]:
        """Encode one text.

        Raises:
            CodecError: a character is not in the vocabulary; the message says which, and where.
        """
        position = 0
        for chunk in chunks:
            for codes in _code_points(chunk):
                ids = self._id_table.take(codes, mode="clip")
                yield self._with_byte_fallback(codes, ids, position) if ids.max() == self._missing_id else ids
                position += len(codes)

    def unknown_symbols(self, text: str) -> list[UnknownSymbol]:
        """Return the characters of `text` outside the vocabulary; with a cap, lone surrogates only."""
        if self.vocabulary.first_byte_id is not None:
            return lone_surrogates(text)
        return [
            (block_number * _BLOCK_CHARACTERS + int(index), chr(codes[index]))
            for block_number, codes in enumerate(_code_points(text))
            for index in np.flatnonzero(self._id_table.take(codes, mode="clip") == self._missing_id)
        ]

    def extend(self, corpus: Corpus) -> Self:
        """Return this codec with new characters appended in code point order.

        With a cap, at most `cap - 256` new characters, the most frequent, are added to the old ones, so that the total
        can exceed the cap.
        """
        known_symbols = self.vocabulary.ids
        if self.cap is None:
            symbols = [symbol for symbol in _distinct_characters(corpus) if symbol not in known_symbols]
        else:
            counts = _count_code_points(corpus)
            counts[[ord(symbol) for symbol in known_symbols]] = 0
            symbols = _most_frequent(counts, self.cap - NUM_BYTES)
        return type(self)(self.vocabulary.extend(symbols, has_boundary=corpus.has_separate_documents), self.cap)

    @cached_property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The UTF-8 bytes of each id; the boundary has none."""
        return self.vocabulary.token_bytes

    def to_json(self) -> dict[str, Any]:
        """Return the cap, and a string (character), number (byte) or null (boundary) for every id."""
        return {"level": self.level, "cap": self.cap, "tokens": list(self.vocabulary.tokens)}

    @classmethod
    def from_json(cls, stored: JsonObject) -> Self:
        """Return the codec described by `to_json`.

        Raises:
            CodecError: the description is damaged.
        """
        vocabulary = Vocabulary.from_json(stored.get("tokens"))
        cap = stored.get("cap")
        if any(len(symbol) != 1 or lone_surrogates(symbol) for symbol in vocabulary.ids):
            raise CodecError("the codec is damaged: its symbols are not single characters")
        byte_fallback = isinstance(cap, int) and cap > NUM_BYTES
        if not (byte_fallback or cap is None) or byte_fallback != (vocabulary.first_byte_id is not None):
            raise CodecError(f"the codec is damaged: its cap is {cap!r}")
        return cls(vocabulary, cap)

    @property
    def _missing_id(self) -> int:
        """Entry of `_id_table` for a character without an id: one past the last id."""
        return len(self.vocabulary.tokens)

    @cached_property
    def _id_table(self) -> Integer[np.ndarray, " code_points"]:
        """Id by code point, or `_missing_id`. The last entry is `_missing_id` too, for all code points past the end.

        The integer type is as narrow as possible, so that a token store takes the ids without a conversion.
        """
        codes = [ord(symbol) for symbol in self.vocabulary.ids]
        table = np.full(max(codes, default=0) + 2, self._missing_id, np.min_scalar_type(self._missing_id))
        table[codes] = list(self.vocabulary.ids.values())
        return table

    def _with_byte_fallback(
        self, codes: UInt32[np.ndarray, " block"], ids: Integer[np.ndarray, " block"], position: int
    ) -> Int[np.ndarray, " tokens"]:
        """Return `ids` with every missing id replaced by the ids of its character's bytes.

        Args:
            codes: code points of a block of text.
            ids: id of each character, or `_missing_id`.
            position: number of characters before the block, for the error message.

        Raises:
            CodecError: a character has neither an id nor bytes.
        """
        is_missing = ids == self._missing_id
        missing_text = codes[is_missing].tobytes().decode("utf-32-le", "surrogatepass")
        first_byte_id = self.vocabulary.first_byte_id
        if first_byte_id is None or lone_surrogates(missing_text):
            text = codes.tobytes().decode("utf-32-le", "surrogatepass")
            unknown = [(position + offset, symbol) for offset, symbol in self.unknown_symbols(text)]
            raise CodecError(describe_unknown(unknown, skippable=True))
        num_bytes = 1 + (codes >= 0x80) + (codes >= 0x800) + (codes >= 0x10000)  # in UTF-8
        num_tokens = np.where(is_missing, num_bytes, 1)
        is_byte = np.repeat(is_missing, num_tokens)
        tokens = np.empty(len(is_byte), np.int32)
        tokens[~is_byte] = ids[~is_missing]
        tokens[is_byte] = first_byte_id + np.frombuffer(missing_text.encode(), np.uint8).astype(np.int32)
        return tokens


def _code_points(chunk: str) -> Iterator[UInt32[np.ndarray, " block"]]:
    for start in range(0, len(chunk), _BLOCK_CHARACTERS):
        block = chunk[start : start + _BLOCK_CHARACTERS]
        yield np.array([block], f"<U{len(block)}").view("<u4")


def _distinct_characters(corpus: Corpus) -> list[str]:
    """Return the characters of the corpus in code point order.

    Raises:
        CodecError: the corpus has a lone surrogate.
    """
    # Known ASCII characters are deleted from a block first, because adding to a set is slow.
    known_ascii, symbols = b"", set[str]()
    for document in corpus:
        for chunk in document.text.chunks:
            for start in range(0, len(chunk), _BLOCK_CHARACTERS):
                block = chunk[start : start + _BLOCK_CHARACTERS]
                new_bytes = block.encode("utf-8", "surrogatepass").translate(None, known_ascii)
                if new_bytes:
                    symbols.update(new_bytes.decode("utf-8", "surrogatepass"))
                    known_ascii = bytes(ord(symbol) for symbol in symbols if symbol.isascii())
    _check_surrogates(corpus, [ord(symbol) for symbol in symbols])
    return sorted(symbols)


def _count_code_points(corpus: Corpus) -> Int[np.ndarray, " code_points"]:
    """Return the frequency of each code point.

    Raises:
        CodecError: the corpus has a lone surrogate.
    """
    counts = np.zeros(_NUM_CODE_POINTS, np.int64)
    for document in corpus:
        for chunk in document.text.chunks:
            for codes in _code_points(chunk):
                block_counts = np.bincount(codes)
                counts[: len(block_counts)] += block_counts
    _check_surrogates(corpus, np.flatnonzero(counts).tolist())
    return counts


def _check_surrogates(corpus: Corpus, codes: list[int]) -> None:
    if surrogates := [code for code in codes if 0xD800 <= code < 0xE000]:
        raise CodecError(
            f"{corpus.name} holds U+{min(surrogates):04X}, half of a surrogate pair, which is not a character"
            "; save the source as UTF-8 again"
        )


def _most_frequent(counts: Int[np.ndarray, " code_points"], capacity: int) -> list[str]:
    """Return the `capacity` most frequent characters in code point order; among ties, prefer lower code points."""
    codes = np.flatnonzero(counts)
    return [chr(code) for code in np.sort(codes[np.argsort(-counts[codes], kind="stable")[:capacity]])]
