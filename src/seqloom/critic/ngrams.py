"""Texts as weighted bags of word and character n-grams, hashed: there is no vocabulary to keep."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float32

__all__ = ["NGrams", "count_ngrams"]

_WORD = r"(?u)\b\w+\b|[!?$]+|[:;]-?[()]"
_FEATURES = 1 << 18
"""Places of each kind of n-gram: few enough to keep a weight for each, and enough that few share one."""

_KINDS: tuple[dict[str, Any], ...] = (
    {"analyzer": "word", "ngram_range": (1, 2), "token_pattern": _WORD},
    {"analyzer": "char_wb", "ngram_range": (3, 5)},
)


@dataclass(frozen=True)
class NGrams:
    """Counts n-grams, dampened by the logarithm and weighted by how rare they are (TF-IDF).

    Attributes:
        rarity: the weight of every feature: the logarithm of the share of texts without it, smoothed, and 1.
    """

    rarity: Float32[np.ndarray, " features"]

    @classmethod
    def fit(cls, counts: Any) -> "NGrams":
        """Learn how rare each n-gram is, from what `count_ngrams` gave."""
        seen = np.bincount(counts.indices, minlength=counts.shape[1])
        return cls((np.log((1 + counts.shape[0]) / (1 + seen)) + 1).astype(np.float32))

    def weigh(self, counts: Any) -> Any:
        """Sparse rows `[texts, features]`, of length 1 for each kind of n-gram, from what `count_ngrams` gave."""
        weighed = counts.copy()
        weighed.data = (1 + np.log(counts.data)) * self.rarity[counts.indices]
        return _unit_rows(weighed)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        return {"rarity": self.rarity}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "NGrams":
        """The n-grams that `to_arrays` described."""
        return cls(arrays["rarity"])


def count_ngrams(texts: Sequence[str]) -> Any:
    """How often each n-gram stands in each text, in sparse rows `[texts, features]`; words first, then characters."""
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer

    parts = [
        HashingVectorizer(n_features=_FEATURES, alternate_sign=False, norm=None, dtype=np.float32, **kind).transform(
            texts
        )
        for kind in _KINDS
    ]
    return sparse.hstack(parts).tocsr()


def _unit_rows(rows: Any) -> Any:
    """The rows of both kinds, each of them of length 1, so that characters do not drown words."""
    from scipy import sparse

    kind = rows.indices // _FEATURES
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    lengths = np.sqrt(np.bincount(row * len(_KINDS) + kind, rows.data**2, rows.shape[0] * len(_KINDS)))
    scaled = (rows.data / np.maximum(lengths, 1e-12)[row * len(_KINDS) + kind]).astype(np.float32)
    return sparse.csr_matrix((scaled, rows.indices, rows.indptr), rows.shape)
