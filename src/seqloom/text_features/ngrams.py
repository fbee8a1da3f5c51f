"""TF-IDF features of word and character n-grams. The n-grams are hashed, so that no vocabulary is stored.

A few words after an English negation, up to the next punctuation mark, become separate features with the prefix `not-`
(Das and Chen 2001), since "not good" differs from "good". In another language, this happens only after words that are
spelt like an English negation.

There are two kinds of n-grams: words and pairs of words, and stretches of 3 to 5 characters. A sparse row of counts has
the buckets of both, one kind after the other:

    [word buckets 0 .. _NUM_BUCKETS - 1 | character buckets _NUM_BUCKETS .. 2 * _NUM_BUCKETS - 1]
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import regex
from jaxtyping import Float32, Int32

from seqloom.kernels.text_hashing.ngrams import count_hashed

__all__ = ["NGrams", "count_ngrams"]

_TOKEN = regex.compile(r"\w+(?:['\u2019]\w+)?|[.!?;,:()$]+")
_NEGATION = regex.compile(r"not|no|never|nothing|without|hardly|barely|cannot|\w+n['\u2019]t")
_NEGATION_ENDS, _INFORMATIVE_MARKS = frozenset(".!?;,:"), frozenset("!?$:;()")
_MAX_NEGATED_WORDS = 4
"""Largest number of words after a negation that get the prefix `not-`."""

_NUM_BUCKETS = 1 << 21
"""Number of hash buckets of each kind of n-gram; large enough to make collisions rare."""

_NUM_KINDS = 2


@dataclass(frozen=True)
class NGrams:
    """TF-IDF weights of hashed n-grams: the logarithm of the count, weighted by rarity.

    N-grams that occur in only one text are excluded, since they do not generalize.

    Attributes:
        buckets: hash buckets of the features, ascending; words come first, then characters.
        rarity: inverse document frequency of each feature: `log((1 + n) / (1 + k)) + 1` for n texts, of which k contain
            the n-gram.
    """

    buckets: Int32[np.ndarray, " features"]
    rarity: Float32[np.ndarray, " features"]

    @classmethod
    def fit(cls, counts: Any) -> "NGrams":
        """Select the n-grams and compute their rarity from the result of `count_ngrams`."""
        document_frequencies = np.bincount(counts.indices, minlength=counts.shape[1])
        buckets = np.flatnonzero(document_frequencies > 1)
        rarity = np.log((1 + counts.shape[0]) / (1 + document_frequencies[buckets])) + 1
        return cls(buckets.astype(np.int32), rarity.astype(np.float32))

    @property
    def num_word_features(self) -> int:
        """Return the number of features of words, which precede those of characters."""
        return int(np.searchsorted(self.buckets, _NUM_BUCKETS))

    def transform(self, counts: Any) -> Any:
        """Return sparse rows `[texts, features]` from the result of `count_ngrams`; each kind of n-gram has norm 1."""
        weighted = counts[:, self.buckets]
        weighted.data = (1 + np.log(weighted.data)) * self.rarity[weighted.indices]
        return _normalize_kinds(weighted, self.num_word_features)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the parameters by name; the stored name of the buckets is "places"."""
        return {"places": self.buckets, "rarity": self.rarity}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "NGrams":
        """Restore n-grams from the result of `to_arrays`."""
        return cls(arrays["places"], arrays["rarity"])


def count_ngrams(texts: Sequence[str]) -> Any:
    """Return the n-gram counts of each text in sparse rows `[texts, buckets]`; words come first, then characters."""
    from scipy import sparse

    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    hashed = count_hashed(texts, _NUM_BUCKETS)
    if hashed is None:
        return _count_without_kernels(texts)
    data_indices_indptr = (hashed.counts, hashed.buckets, hashed.starts)
    return sparse.csr_matrix(data_indices_indptr, (len(texts), _NUM_KINDS * _NUM_BUCKETS))


def _count_without_kernels(texts: Sequence[str]) -> Any:
    """Return the same counts as `count_ngrams` without the compiled kernels."""
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer

    analyzers: tuple[dict[str, Any], ...] = (
        {"analyzer": _word_ngrams},
        {"analyzer": "char", "ngram_range": (3, 5)},
    )
    counts_by_kind = [
        HashingVectorizer(
            n_features=_NUM_BUCKETS, alternate_sign=False, norm=None, dtype=np.float32, **analyzer
        ).transform(texts)
        for analyzer in analyzers
    ]
    counts = sparse.hstack(counts_by_kind).tocsr()
    counts.sort_indices()
    return counts


def _word_ngrams(text: str) -> list[str]:
    """Return the words and word pairs of a text, after negated words are marked."""
    words = list(_mark_negations(text))
    return words + [f"{first} {second}" for first, second in pairwise(words)]


def _mark_negations(text: str) -> Iterator[str]:
    """Yield the words and the informative punctuation marks of a text; negated words have the prefix `not-`."""
    words_left = 0  # number of further words that the last negation marks
    for token in _TOKEN.findall(text.lower()):
        if not token[0].isalnum() and token[0] != "_":
            words_left = 0 if token[0] in _NEGATION_ENDS else words_left
            if token[0] in _INFORMATIVE_MARKS:
                yield token
        elif _NEGATION.fullmatch(token):
            words_left = _MAX_NEGATED_WORDS
            yield token
        else:
            yield f"not-{token}" if words_left else token
            words_left = max(0, words_left - 1)


def _normalize_kinds(rows: Any, num_word_features: int) -> Any:
    """Scale the words and the characters of each row to norm 1 separately, so that neither kind dominates."""
    from scipy import sparse

    kind_of_weight = (rows.indices >= num_word_features).astype(np.int64)
    row_of_weight = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    group_of_weight = row_of_weight * _NUM_KINDS + kind_of_weight
    norms = np.sqrt(np.bincount(group_of_weight, rows.data**2, rows.shape[0] * _NUM_KINDS))
    scaled = (rows.data / np.maximum(norms, 1e-12)[group_of_weight]).astype(np.float32)
    return sparse.csr_matrix((scaled, rows.indices, rows.indptr), rows.shape)
