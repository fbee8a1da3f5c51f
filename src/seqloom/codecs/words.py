"""One token per word, mark or space; rare words are encoded as bytes, so that any text comes back exactly."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from heapq import nsmallest
from typing import Any, Self

from seqloom.codecs.base import JsonObject
from seqloom.codecs.pretokenizer import PieceCodec, split_pieces, word_pattern
from seqloom.codecs.utf8 import check_surrogates, lone_surrogates
from seqloom.codecs.vocabulary import NUM_BYTES, Vocabulary, symbol_capacity
from seqloom.corpora.document import Corpus
from seqloom.errors import CodecError

__all__ = ["WordCodec"]

_DEFAULT_CAP = 10_000
"""Ten thousand words cover about nine in ten of the running words of a novel or of reviews."""

_SMALL_VOCABULARY = 1_000
"""Up to this number of distinct words in the corpus, words that occur only once are kept too."""

_MAX_COUNTED = 1_000_000
"""Largest number of distinct words counted at once; their counts take about 150 MB."""


class WordCodec(PieceCodec):
    """The most frequent words of a corpus, the most frequent first, and the 256 bytes.

    Case, spaces and punctuation are part of the words (see `pretokenizer.word_pattern`), so that the codec is lossless.

    Args:
        vocabulary: the words, the bytes, and the boundary if there are documents.
        cap: largest number of ids when the codec was fitted.
    """

    level = "word"

    def __init__(self, vocabulary: Vocabulary, cap: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.cap = cap
        self.boundary = vocabulary.boundary

    @classmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """Count the words in one streaming pass and keep the most frequent.

        Args:
            corpus: training corpus.
            vocabulary: largest number of ids, the 256 bytes and the boundary included; None is 10,000.

        Raises:
            ConfigError: `vocabulary` leaves no room for a word.
        """
        cap = _DEFAULT_CAP if vocabulary is None else vocabulary
        capacity = symbol_capacity(cls.level, cap=cap, has_boundary=corpus.has_separate_documents)
        words = _most_frequent(_count_words(corpus), capacity)
        return cls(Vocabulary.build(words, byte_fallback=True, has_boundary=corpus.has_separate_documents), cap)

    def extend(self, corpus: Corpus) -> Self:
        """Return this codec with the most frequent new words appended, at most `cap - 256`.

        The number of ids can therefore exceed the cap.
        """
        counts = _count_words(corpus)
        for word in self.vocabulary.ids:
            counts.pop(word, None)
        words = _most_frequent(counts, self.cap - NUM_BYTES)
        return type(self)(self.vocabulary.extend(words, has_boundary=corpus.has_separate_documents), self.cap)

    @cached_property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The UTF-8 bytes of each id; the boundary has none."""
        return self.vocabulary.token_bytes

    def to_json(self) -> dict[str, Any]:
        """Return the cap, and a string (word), number (byte) or null (boundary) for every id."""
        return {"level": self.level, "cap": self.cap, "tokens": list(self.vocabulary.tokens)}

    @classmethod
    def from_json(cls, stored: JsonObject) -> Self:
        """Return the codec described by `to_json`.

        Raises:
            CodecError: the description is damaged.
        """
        vocabulary = Vocabulary.from_json(stored.get("tokens"))
        cap = stored.get("cap")
        if vocabulary.first_byte_id is None or any(map(lone_surrogates, vocabulary.ids)):
            raise CodecError("the codec is damaged: its tokens lack the 256 bytes or are not valid text")
        if not isinstance(cap, int) or cap <= NUM_BYTES:
            raise CodecError(f"the codec is damaged: its cap is {cap!r}")
        return cls(vocabulary, cap)

    @classmethod
    def _pattern(cls) -> re.Pattern[str]:
        return word_pattern()

    def _encode_pieces(self, pieces: list[str]) -> Iterator[Sequence[int]]:
        ids, first_byte_id = self.vocabulary.ids, self.vocabulary.first_byte_id or 0
        for piece in pieces:
            word_id = ids.get(piece)
            yield [word_id] if word_id is not None else [first_byte_id + byte for byte in piece.encode()]


def _count_words(corpus: Corpus) -> Counter[str]:
    """Return the frequency of each word of the corpus; the rarest words of a large corpus may be missing."""
    counts: Counter[str] = Counter()
    for passage in (passage for document in corpus for passage in document.text.passages()):
        for words in split_pieces(check_surrogates(passage), word_pattern()):
            counts.update(words)
            if len(counts) > _MAX_COUNTED:
                counts = _without_rarest(counts)
    return counts


def _without_rarest(counts: Counter[str]) -> Counter[str]:
    """Drop words that occur once, or up to 2, 4, 8 ... times, until at most half of `_MAX_COUNTED` words are left."""
    threshold = 1
    while len(counts) > _MAX_COUNTED // 2:
        counts = Counter({word: count for word, count in counts.items() if count > threshold})
        threshold *= 2
    return counts


def _most_frequent(counts: Mapping[str, int], capacity: int) -> list[str]:
    """Return at most `capacity` words, the most frequent first, ties in code point order."""
    min_count = 1 if len(counts) <= _SMALL_VOCABULARY else 2
    ranked: Iterable[tuple[int, str]] = ((-count, word) for word, count in counts.items() if count >= min_count)
    return [word for _, word in nsmallest(capacity, ranked)]
