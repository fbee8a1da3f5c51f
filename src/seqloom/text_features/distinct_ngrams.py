"""Hashed n-grams of texts, each counted once per text, in three views: words, style and characters.

- words: sequences of one to three words or punctuation marks, with case.
- style: sequences of one to five tokens. A token is a common word, a punctuation mark, or, for every other word, its
  shape: case and length. These sequences show how a text is written, and not what it is about (compare the distorted
  texts of Stamatatos 2017).
- characters: sequences of two to five characters, with case and white space.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int32, Int64, UInt64

from seqloom.text_features.patterns import HashedPatterns, mix, within_one_text

__all__ = [
    "NUM_NGRAM_BUCKETS",
    "VIEWS",
    "DistinctNGrams",
    "common_words",
    "distinct_buckets",
    "distinct_ngrams",
    "ngram_rows",
    "token_hashes",
]

VIEWS = ("words", "style", "characters")
"""Names of the views, in order."""

_TOKEN = re.compile(r"\w+(?:['\u2019]\w+)?|[^\w\s]")

_MAX_WORDS, _MAX_STYLE_TOKENS = 3, 5
"""Length of the longest sequence of words, and of tokens of the style."""

_NUM_COMMON_WORDS = 1000
"""Number of words that are tokens of the style themselves."""

_MAX_SHAPE_LENGTH = 9
"""Longer words have the shape of words of this length."""

_BITS = 22

NUM_NGRAM_BUCKETS = 1 << _BITS
"""Number of hash buckets of each view."""

_DROPPED_BITS = np.uint64(64 - _BITS)
_FACTOR = np.uint64(0x9E3779B97F4A7C15)

_CHARACTER_OFFSETS = {
    "2 characters": 0, "3 characters": 0, "4 characters": 0, "5 characters": NUM_NGRAM_BUCKETS // 2,
}  # fmt: skip
"""First bucket of each kind of character n-gram. There are few different short ones, so they share the first half."""


class DistinctNGrams(NamedTuple):
    """The different n-grams of some texts.

    Attributes:
        buckets: bucket of each n-gram, ascending within a text, one text after another.
        counts: number of different buckets of each text.
    """

    buckets: Int32[np.ndarray, " ngrams"]
    counts: Int64[np.ndarray, " texts"]


def common_words(texts: Sequence[str]) -> list[str]:
    """Return the words and punctuation marks that most texts contain, most frequent first."""
    frequencies = Counter(chain.from_iterable(set(_TOKEN.findall(text)) for text in texts))
    by_frequency = sorted(frequencies, key=lambda token: (-frequencies[token], token))
    return by_frequency[:_NUM_COMMON_WORDS]


def distinct_ngrams(
    texts: Sequence[str], patterns: Mapping[str, HashedPatterns], common: Mapping[str, int]
) -> dict[str, DistinctNGrams]:
    """Return the different n-grams of each view.

    Args:
        texts: texts.
        patterns: result of `extract_patterns` for the texts.
        common: hash of each common word, see `token_hashes`.
    """
    tokens = [_TOKEN.findall(text) for text in texts]
    counts = np.array([len(row) for row in tokens], np.int64)
    flat = list(chain.from_iterable(tokens))
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(flat))}
    indices = np.fromiter(map(vocabulary.__getitem__, flat), np.int64, len(flat))
    words = np.array([_token_hash(token) for token in vocabulary], np.uint64)[indices]
    style = np.array([common[token] if token in common else _shape_hash(token) for token in vocabulary], np.uint64)[
        indices
    ]
    return {
        "words": distinct_buckets(_sequences(words, counts, _MAX_WORDS), len(texts)),
        "style": distinct_buckets(_sequences(*_with_markers(style, counts), _MAX_STYLE_TOKENS), len(texts)),
        "characters": distinct_buckets(_characters(patterns), len(texts)),
    }


def token_hashes(tokens: Sequence[str]) -> dict[str, int]:
    """Return the hash of each token, the argument `common` of `distinct_ngrams`."""
    return {token: _token_hash(token) for token in tokens}


def ngram_rows(ngrams: Sequence[DistinctNGrams]) -> Any:
    """Return a sparse matrix `[texts, buckets]` with 1 for each n-gram of a text.

    Args:
        ngrams: n-grams of one view, of several chunks of texts.
    """
    from scipy import sparse

    buckets = np.concatenate([chunk.buckets for chunk in ngrams])
    counts = np.concatenate([chunk.counts for chunk in ngrams])
    starts = np.concatenate([[0], np.cumsum(counts)])
    return sparse.csr_matrix((np.ones(len(buckets), np.float32), buckets, starts), (len(counts), NUM_NGRAM_BUCKETS))


@lru_cache(maxsize=1 << 17)
def _token_hash(token: str) -> int:
    return int.from_bytes(blake2b(token.encode("utf-8", "replace"), digest_size=8).digest(), "little")


@lru_cache(maxsize=1 << 17)
def _shape_hash(token: str) -> int:
    """Return the hash of the case and the length of a word, or of a punctuation mark itself."""
    if not token[0].isalnum():
        return _token_hash(token)
    case = "A" if token.isupper() and len(token) > 1 else "X" if token[0].isupper() else "x"
    first = "9" if token[0].isdigit() else case
    # A space cannot occur in a token, so no token has the hash of a shape.
    return _token_hash(f"{first} {min(len(token), _MAX_SHAPE_LENGTH)}")


def _with_markers(
    hashes: UInt64[np.ndarray, " tokens"], counts: Int64[np.ndarray, " texts"]
) -> tuple[UInt64[np.ndarray, " marked"], Int64[np.ndarray, " texts"]]:
    """Add a token at the begin and at the end of each text."""
    marked = np.empty(len(hashes) + 2 * len(counts), np.uint64)
    ends = np.cumsum(counts + 2)
    marked[np.arange(len(hashes)) + 2 * np.repeat(np.arange(len(counts)), counts) + 1] = hashes
    marked[ends - counts - 2], marked[ends - 1] = _token_hash(" begin"), _token_hash(" end")
    return marked, counts + 2


def _sequences(
    hashes: UInt64[np.ndarray, " tokens"], counts: Int64[np.ndarray, " texts"], longest: int
) -> Iterator[HashedPatterns]:
    """Yield the sequences of each length up to `longest`."""
    mixed = np.zeros(len(hashes), np.uint64)
    for length in range(1, longest + 1):
        mixed = mix((mixed[: max(0, len(hashes) - length + 1)] + hashes[length - 1 :]) * _FACTOR)
        inside = within_one_text(counts, length - 1) if len(hashes) else np.zeros(0, bool)
        buckets = (mix(mixed[inside[: len(mixed)]] * _FACTOR) >> _DROPPED_BITS).astype(np.int32)
        yield HashedPatterns(buckets, np.maximum(counts - length + 1, 0))


def _characters(patterns: Mapping[str, HashedPatterns]) -> Iterator[HashedPatterns]:
    for kind, offset in _CHARACTER_OFFSETS.items():
        yield HashedPatterns(patterns[kind].buckets + np.int32(offset), patterns[kind].counts)


def distinct_buckets(kinds: Iterable[HashedPatterns], num_texts: int) -> DistinctNGrams:
    """Return the different buckets of each text, of all kinds together.

    Args:
        kinds: hashed patterns of each kind; a bucket is below `NUM_NGRAM_BUCKETS`.
        num_texts: number of texts.
    """
    # Keys of 32 bits are sorted faster, and suffice for so many texts.
    dtype: Any = np.uint32 if num_texts << _BITS <= 1 << 32 else np.uint64
    texts = np.arange(num_texts, dtype=dtype) << dtype(_BITS)
    keys = np.concatenate([np.repeat(texts, counts) | buckets.astype(dtype) for buckets, counts in kinds])
    keys.sort()
    is_first = np.ones(len(keys), bool)
    np.not_equal(keys[1:], keys[:-1], out=is_first[1:])
    keys = keys[is_first]
    counts = np.bincount((keys >> dtype(_BITS)).astype(np.int64), minlength=num_texts)
    return DistinctNGrams((keys & dtype(NUM_NGRAM_BUCKETS - 1)).astype(np.int32), counts)
