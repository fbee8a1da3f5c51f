"""Logistic regression of the patterns of texts, which is asked at the price of one look-up a pattern."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64

from seqloom.kernels.text_hashing.reduce import sum_values
from seqloom.text_features.patterns import PLACES, Pattern, patterns, portions, words_with_places

__all__ = ["Wording", "wording_rows"]

_READ = ("words", "pairs", "3 characters", "4 characters", "5 characters")
_STRENGTH = 0.3
"""Of the data against the penalty of the squared weights: scikit-learn's C."""


@dataclass(frozen=True)
class Wording:
    """A weight for each pattern that at least two texts have.

    A pattern counts by how rare it is (the inverse of the share of texts that have it, as in TF-IDF), times how often
    it stands in the text, over the square root of how many patterns of its kind the text has.

    Attributes:
        weight: of each pattern, with its rarity in it; above 0 it speaks for a generated text.
        bias: of a text without any.
    """

    weight: Float32[np.ndarray, "kinds places"]
    bias: float

    @classmethod
    def fit(cls, rows: Any, generated: Bool[np.ndarray, " texts"]) -> "Wording":
        """Learn from what `wording_rows` gave."""
        from sklearn.linear_model import LogisticRegression

        texts_with = np.bincount(rows.indices, minlength=rows.shape[1])
        known = np.flatnonzero(texts_with > 1)
        rarity = (np.log((1 + rows.shape[0]) / (1 + texts_with[known])) + 1).astype(np.float32)
        weighed = rows[:, known]
        weighed.data *= rarity[weighed.indices]
        regression = LogisticRegression(
            C=_STRENGTH, solver="liblinear", dual=True, tol=1e-2, max_iter=1000, class_weight="balanced"
        ).fit(weighed, generated)
        weight = np.zeros(rows.shape[1], np.float32)
        weight[known] = regression.coef_[0] * rarity
        return cls(weight.reshape(len(_READ), PLACES), float(regression.intercept_[0]))

    def logits(self, found: Mapping[str, Pattern]) -> Float32[np.ndarray, " texts"]:
        """The logit that each text was generated, by its patterns."""
        logits = np.float32(self.bias)
        for number, kind in enumerate(_READ):
            places, counts = found[kind]
            logits = logits + sum_values(self.weight[number], places, counts) / np.sqrt(np.maximum(counts, 1))
        return np.asarray(logits, np.float32)

    def words(self, text: str) -> dict[str, float]:
        """What each word of a text, in small letters, adds to the logit."""
        found: dict[str, float] = {}
        spelled = words_with_places(text)
        for word, place in spelled:
            added = float(self.weight[_READ.index("words"), place]) / len(spelled) ** 0.5
            found[word.lower()] = found.get(word.lower(), 0.0) + added
        return found

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        flat = self.weight.ravel()
        known = np.flatnonzero(flat)
        return {"places": known.astype(np.uint32), "weight": flat[known], "bias": np.array(self.bias)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Wording":
        """What `to_arrays` described."""
        weight = np.zeros(len(_READ) * PLACES, np.float32)
        weight[arrays["places"]] = arrays["weight"]
        return cls(weight.reshape(len(_READ), PLACES), float(arrays["bias"]))


def wording_rows(texts: Sequence[str]) -> Any:
    """Sparse rows `[texts, patterns]` to learn from: how often each stands, over the root of how many there are."""
    from scipy import sparse

    made = []
    for part in portions(texts):
        read = patterns(texts[part])
        places, owners, values = [], [], []
        for number, kind in enumerate(_READ):
            counts: Int64[np.ndarray, " texts"] = read[kind].counts
            places.append(read[kind].places + number * PLACES)
            owners.append(np.repeat(np.arange(len(counts)), counts))
            values.append(np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32))
        shape = (part.stop - part.start, len(_READ) * PLACES)
        rows = sparse.csr_matrix((np.concatenate(values), (np.concatenate(owners), np.concatenate(places))), shape)
        rows.sum_duplicates()
        made.append(rows)
    return sparse.vstack(made).tocsr()
