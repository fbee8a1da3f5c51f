"""Texts as weighted bags of word and character n-grams, hashed: there is no vocabulary to keep.

Words between an English negation and the next punctuation mark are features of their own (Das, Chen 2001): "not good"
says little of what "good" says. Text of other languages has no such words, and nothing is marked in it.
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
_ENDS_NEGATION, _TELLING = frozenset(".!?;,:"), frozenset("!?$:;()")
_REACH = 4
"""Words that a negation marks at most."""

_FEATURES = 1 << 21
"""Places that each kind of n-gram is hashed to: enough that few of them share one."""

_KINDS = 2


@dataclass(frozen=True)
class NGrams:
    """Counts n-grams, dampened by the logarithm and weighted by how rare they are (TF-IDF).

    N-grams of a single text are left out: they tell nothing of others.

    Attributes:
        places: those that are known, ascending; words come first, then characters.
        rarity: the weight of each: the logarithm of the share of texts without it, smoothed, and 1.
    """

    places: Int32[np.ndarray, " features"]
    rarity: Float32[np.ndarray, " features"]

    @classmethod
    def fit(cls, counts: Any) -> "NGrams":
        """Learn which n-grams there are, and how rare each is, from what `count_ngrams` gave."""
        texts_with = np.bincount(counts.indices, minlength=counts.shape[1])
        places = np.flatnonzero(texts_with > 1)
        rarity = np.log((1 + counts.shape[0]) / (1 + texts_with[places])) + 1
        return cls(places.astype(np.int32), rarity.astype(np.float32))

    @property
    def words(self) -> int:
        """How many of the features, from the first on, are of words."""
        return int(np.searchsorted(self.places, _FEATURES))

    def weigh(self, counts: Any) -> Any:
        """Sparse rows `[texts, features]`, of length 1 for each kind of n-gram, from what `count_ngrams` gave."""
        weighed = counts[:, self.places]
        weighed.data = (1 + np.log(weighed.data)) * self.rarity[weighed.indices]
        return _unit_rows(weighed, self.words)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        return {"places": self.places, "rarity": self.rarity}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "NGrams":
        """The n-grams that `to_arrays` described."""
        return cls(arrays["places"], arrays["rarity"])


def count_ngrams(texts: Sequence[str]) -> Any:
    """How often each n-gram stands in each text, in sparse rows `[texts, features]`; words first, then characters."""
    from scipy import sparse

    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    counted = count_hashed(texts, _FEATURES)
    if counted is None:
        return _count_plainly(texts)
    rows = (counted.counts, counted.buckets, counted.starts)
    return sparse.csr_matrix(rows, (len(texts), _KINDS * _FEATURES))


def _count_plainly(texts: Sequence[str]) -> Any:
    """The same without the compiled kernels."""
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer

    kinds: tuple[dict[str, Any], ...] = ({"analyzer": _word_ngrams}, {"analyzer": "char", "ngram_range": (3, 5)})
    parts = [
        HashingVectorizer(n_features=_FEATURES, alternate_sign=False, norm=None, dtype=np.float32, **kind).transform(
            texts
        )
        for kind in kinds
    ]
    counts = sparse.hstack(parts).tocsr()
    counts.sort_indices()
    return counts


def _word_ngrams(text: str) -> list[str]:
    """Single words and pairs, some of them marked as negated."""
    words = list(_marked(text))
    return words + [f"{one} {other}" for one, other in pairwise(words)]


def _marked(text: str) -> Iterator[str]:
    negated = 0
    for token in _TOKEN.findall(text.lower()):
        if not token[0].isalnum() and token[0] != "_":
            negated = 0 if token[0] in _ENDS_NEGATION else negated
            if token[0] in _TELLING:
                yield token
        elif _NEGATION.fullmatch(token):
            negated = _REACH
            yield token
        else:
            yield f"not-{token}" if negated else token
            negated = max(0, negated - 1)


def _unit_rows(rows: Any, words: int) -> Any:
    """The rows of both kinds, each of them of length 1, so that characters do not drown words."""
    from scipy import sparse

    kind = (rows.indices >= words).astype(np.int64)
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    lengths = np.sqrt(np.bincount(row * _KINDS + kind, rows.data**2, rows.shape[0] * _KINDS))
    scaled = (rows.data / np.maximum(lengths, 1e-12)[row * _KINDS + kind]).astype(np.float32)
    return sparse.csr_matrix((scaled, rows.indices, rows.indptr), rows.shape)
