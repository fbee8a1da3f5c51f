"""Linear models of n-grams, by scikit-learn: ridge regression and ordinal logistic regression."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32

__all__ = ["Ordinal", "Ridge"]

_CERTAIN = 10.0
"""Logit of an answer that is the same for all texts."""


@dataclass(frozen=True)
class Ordinal:
    """Logistic regression of the answers to all thresholds, a weight vector for each (Frank, Hall 2001).

    Attributes:
        weight: of every feature for every threshold.
        bias: of every threshold.
    """

    weight: Float32[np.ndarray, "features thresholds"]
    bias: Float32[np.ndarray, " thresholds"]

    @classmethod
    def fit(cls, rows: Any, above: Bool[np.ndarray, "texts thresholds"], strength: float = 10.0) -> "Ordinal":
        """Learn from sparse rows.

        Args:
            rows: features of each text.
            above: the answers.
            strength: of the data against the penalty of the squared weights: scikit-learn's C.
        """
        from sklearn.linear_model import LogisticRegression

        def fitted(threshold: int) -> Any:
            return LogisticRegression(C=strength, solver="liblinear", tol=1e-3).fit(rows, above[:, threshold])

        weight = np.zeros((rows.shape[1], above.shape[1]), np.float32)
        bias = np.where(above.all(axis=0), _CERTAIN, -_CERTAIN).astype(np.float32)
        open_ones = np.flatnonzero(above.any(axis=0) & ~above.all(axis=0)).tolist()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for threshold, found in zip(open_ones, pool.map(fitted, open_ones), strict=True):
                weight[:, threshold] = found.coef_[0]
                bias[threshold] = found.intercept_[0]
        return cls(weight, bias)

    def logits(self, rows: Any) -> Float[np.ndarray, "texts thresholds"]:
        """The logits of the answers."""
        logits: np.ndarray = rows @ self.weight + self.bias
        return logits

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        return {"weight": self.weight, "bias": self.bias}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Ordinal":
        """The regression that `to_arrays` described."""
        return cls(arrays["weight"], arrays["bias"])


@dataclass(frozen=True)
class Ridge:
    """Least squares of a level, with a penalty.

    Attributes:
        weight: of every feature.
        bias: what no feature gives.
    """

    weight: Float32[np.ndarray, " features"]
    bias: Float32[np.ndarray, ""]

    @classmethod
    def fit(cls, rows: Any, levels: Float[np.ndarray, " texts"], penalty: float = 1.5) -> "Ridge":
        """Learn from sparse rows.

        Args:
            rows: features of each text.
            levels: of each.
            penalty: of the squared weights: scikit-learn's alpha.
        """
        from sklearn.linear_model import Ridge as LeastSquares

        found = LeastSquares(alpha=penalty, solver="sparse_cg", tol=1e-4).fit(rows, levels)
        return cls(found.coef_.astype(np.float32), np.asarray(found.intercept_, np.float32))

    def level(self, rows: Any) -> Float[np.ndarray, " texts"]:
        """The level of each text."""
        level: np.ndarray = rows @ self.weight + self.bias
        return level

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        return {"weight": self.weight, "bias": np.asarray(self.bias)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Ridge":
        """The regression that `to_arrays` described."""
        return cls(arrays["weight"], arrays["bias"])
