"""Logistic regression on hashed patterns, with one table look-up per pattern at prediction time.

A pattern is a word, a pair of words or a character n-gram. Patterns with the same hash share a bucket and a weight. The
patterns of several texts are `HashedPatterns` for each kind: the buckets of all patterns, one text after another, and
the number of patterns of each text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64

from seqloom.kernels.text_hashing.reduce import sum_values
from seqloom.text_features.patterns import (
    NUM_BUCKETS,
    HashedPatterns,
    chunk_texts,
    extract_patterns,
    words_with_buckets,
)

__all__ = ["NGramClassifier", "pattern_matrix"]

_KINDS = ("words", "pairs", "3 characters", "4 characters", "5 characters")
"""Kinds of patterns that the classifier uses."""

_INVERSE_PENALTY = 0.3
"""Inverse strength of the L2 penalty, scikit-learn's C."""


@dataclass(frozen=True)
class NGramClassifier:
    """A weight for each pattern that occurs in at least two training texts.

    A pattern's value is its count times its inverse document frequency (TF-IDF), divided by the square root of the
    number of patterns of its kind in the text.

    Attributes:
        weight: weight of each pattern, multiplied by its inverse document frequency; positive if the pattern indicates
            a generated text.
        bias: logit of a text without known patterns.
    """

    weight: Float32[np.ndarray, "kinds buckets"]
    bias: float

    @classmethod
    def fit(cls, matrix: Any, generated: Bool[np.ndarray, " texts"]) -> "NGramClassifier":
        """Fit to texts.

        Args:
            matrix: patterns of the texts, from `pattern_matrix`.
            generated: whether each text was generated.
        """
        from sklearn.linear_model import LogisticRegression

        document_frequencies = np.bincount(matrix.indices, minlength=matrix.shape[1])
        known = np.flatnonzero(document_frequencies > 1)
        num_texts = matrix.shape[0]
        inverse_frequencies = (np.log((1 + num_texts) / (1 + document_frequencies[known])) + 1).astype(np.float32)
        weighted = matrix[:, known]
        weighted.data *= inverse_frequencies[weighted.indices]
        regression = LogisticRegression(
            C=_INVERSE_PENALTY, solver="liblinear", tol=1e-2, max_iter=1000, class_weight="balanced"
        ).fit(weighted, generated)
        weight = np.zeros(matrix.shape[1], np.float32)
        weight[known] = regression.coef_[0] * inverse_frequencies
        return cls(weight.reshape(len(_KINDS), NUM_BUCKETS), float(regression.intercept_[0]))

    def logits(self, patterns: Mapping[str, HashedPatterns]) -> Float32[np.ndarray, " texts"]:
        """Return the logit that each text was generated, from its patterns."""
        logits = np.float32(self.bias)
        for number, kind in enumerate(_KINDS):
            buckets, counts = patterns[kind]
            logits = logits + sum_values(self.weight[number], buckets, counts) / np.sqrt(np.maximum(counts, 1))
        return np.asarray(logits, np.float32)

    def word_contributions(self, text: str) -> dict[str, float]:
        """Return the contribution of each lower-case word of a text to the logit."""
        contributions: dict[str, float] = {}
        words = words_with_buckets(text)
        for word, bucket in words:
            contribution = float(self.weight[_KINDS.index("words"), bucket]) / len(words) ** 0.5
            contributions[word.lower()] = contributions.get(word.lower(), 0.0) + contribution
        return contributions

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the nonzero weights, their indices and the bias, by their names in the stored format."""
        flat_weight = self.weight.ravel()
        nonzero = np.flatnonzero(flat_weight)
        return {"places": nonzero.astype(np.uint32), "weight": flat_weight[nonzero], "bias": np.array(self.bias)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "NGramClassifier":
        """Restore a classifier from the result of `to_arrays`."""
        weight = np.zeros(len(_KINDS) * NUM_BUCKETS, np.float32)
        weight[arrays["places"]] = arrays["weight"]
        return cls(weight.reshape(len(_KINDS), NUM_BUCKETS), float(arrays["bias"]))


def pattern_matrix(texts: Sequence[str]) -> Any:
    """Return the patterns of texts as a sparse matrix `[texts, kinds * buckets]`.

    A value is the count of the pattern in the text, divided by the square root of the number of patterns of its kind in
    the text.
    """
    from scipy import sparse

    chunks = []
    for chunk in chunk_texts(texts):
        patterns = extract_patterns(texts[chunk])
        columns, text_of_pattern, values = [], [], []
        for number, kind in enumerate(_KINDS):
            counts: Int64[np.ndarray, " texts"] = patterns[kind].counts
            columns.append(patterns[kind].buckets + number * NUM_BUCKETS)
            text_of_pattern.append(np.repeat(np.arange(len(counts)), counts))
            values.append(np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32))
        shape = (chunk.stop - chunk.start, len(_KINDS) * NUM_BUCKETS)
        entries = (np.concatenate(values), (np.concatenate(text_of_pattern), np.concatenate(columns)))
        chunk_matrix = sparse.csr_matrix(entries, shape)
        chunk_matrix.sum_duplicates()
        chunks.append(chunk_matrix)
    return sparse.vstack(chunks).tocsr()
