"""One token a word, mark or space; rare words are spelled in bytes, so that any text comes back exactly."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from heapq import nsmallest
from typing import Any, Self

from seqloom.codecs.pretokenizer import PieceCodec, split, word_pattern
from seqloom.codecs.utf8 import spellable, unspellable
from seqloom.codecs.vocabulary import NUM_BYTES, Vocabulary, room_for_symbols
from seqloom.corpora.document import Corpus
from seqloom.errors import CodecError

__all__ = ["WordCodec"]

_DEFAULT_CAP = 10_000
"""Ten thousand words cover about nine in ten of the running words of a novel or of reviews."""

_FEW_WORDS = 1_000
"""A corpus with no more distinct words than this keeps those that it has once."""

_MOST_COUNTED = 1_000_000
"""Distinct words that are counted at once: about 150 MB."""


class WordCodec(PieceCodec):
    """The most frequent words of a corpus, the most frequent first, and the 256 bytes.

    Case, spaces and punctuation are part of the words (see `pieces.word_pattern`), so that nothing is lost.

    Args:
        vocabulary: the words, the bytes, perhaps the boundary.
        cap: how many ids were allowed.
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
            corpus: what to read.
            vocabulary: at most so many ids, the 256 bytes and the boundary included; None is 10,000.

        Raises:
            ConfigError: the cap leaves no room for a word.
        """
        cap = _DEFAULT_CAP if vocabulary is None else vocabulary
        room = room_for_symbols(cls.level, cap, corpus.separate)
        words = _most_frequent(_count(corpus), room)
        return cls(Vocabulary.of(words, spelled=True, boundary=corpus.separate), cap)

    def extend(self, corpus: Corpus) -> Self:
        """This codec with the most frequent new words appended, as many as the cap once allowed."""
        counts = _count(corpus)
        for word in self.vocabulary.ids:
            counts.pop(word, None)
        words = _most_frequent(counts, self.cap - NUM_BYTES)
        return type(self)(self.vocabulary.extend(words, boundary=corpus.separate), self.cap)

    @cached_property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The UTF-8 bytes that each id stands for; the boundary's are empty."""
        return self.vocabulary.token_bytes

    def to_json(self) -> dict[str, Any]:
        """The cap, and a string (word), number (byte) or null (boundary) for every id."""
        return {"level": self.level, "cap": self.cap, "tokens": list(self.vocabulary.tokens)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The codec that `to_json` described.

        Raises:
            CodecError: the description is damaged.
        """
        vocabulary = Vocabulary.from_json(stored.get("tokens"))
        cap = stored.get("cap")
        if vocabulary.first_byte is None or any(map(unspellable, vocabulary.ids)):
            raise CodecError("the codec is damaged: its tokens lack the 256 bytes or hold what is no text")
        if not isinstance(cap, int) or cap <= NUM_BYTES:
            raise CodecError(f"the codec is damaged: its cap is {cap!r}")
        return cls(vocabulary, cap)

    @classmethod
    def _pattern(cls) -> re.Pattern[str]:
        return word_pattern()

    def _spell(self, pieces: list[str]) -> Iterator[Sequence[int]]:
        ids, first_byte = self.vocabulary.ids, self.vocabulary.first_byte or 0
        for piece in pieces:
            known = ids.get(piece)
            yield [known] if known is not None else [first_byte + byte for byte in piece.encode()]


def _count(corpus: Corpus) -> Counter[str]:
    """How often each word stands in the corpus; the rarest may be missing from a large one."""
    counts: Counter[str] = Counter()
    for passage in (passage for document in corpus for passage in document.passages()):
        for words in split(spellable(passage), word_pattern()):
            counts.update(words)
            if len(counts) > _MOST_COUNTED:
                counts = _without_rarest(counts)
    return counts


def _without_rarest(counts: Counter[str]) -> Counter[str]:
    """At most half of `_MOST_COUNTED` words, those that were seen more than once, twice, four times ..."""
    seen = 1
    while len(counts) > _MOST_COUNTED // 2:
        counts = Counter({word: count for word, count in counts.items() if count > seen})
        seen *= 2
    return counts


def _most_frequent(counts: Mapping[str, int], room: int) -> list[str]:
    """At most `room` words, the most frequent first, equals in code point order."""
    least = 1 if len(counts) <= _FEW_WORDS else 2
    ranked: Iterable[tuple[int, str]] = ((-count, word) for word, count in counts.items() if count >= least)
    return [word for _, word in nsmallest(room, ranked)]
