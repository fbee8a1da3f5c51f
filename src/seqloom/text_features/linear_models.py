"""Linear models of n-grams, fitted by scikit-learn: ridge regression and ordinal logistic regression.

The ordinal targets of a text tell for each of several thresholds whether the text's rating exceeds the threshold.
"""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32

__all__ = ["OrdinalRegression", "RidgeRegression"]

_CONSTANT_LOGIT = 10.0
"""Magnitude of the logit of a target that is the same for all texts."""


@dataclass(frozen=True)
class OrdinalRegression:
    """Ordinal regression by one logistic regression per threshold (Frank and Hall 2001).

    Attributes:
        weight: weight of each feature for each threshold.
        bias: bias of each threshold.
    """

    weight: Float32[np.ndarray, "features thresholds"]
    bias: Float32[np.ndarray, " thresholds"]

    @classmethod
    def fit(
        cls, features: Any, above: Bool[np.ndarray, "texts thresholds"], inverse_penalty: float = 10.0
    ) -> "OrdinalRegression":
        """Fit the regressions to sparse rows of features.

        Args:
            features: sparse matrix `[texts, features]`.
            above: ordinal targets.
            inverse_penalty: inverse strength of the L2 penalty, scikit-learn's C.
        """
        from sklearn.linear_model import LogisticRegression

        def fit_threshold(threshold: int) -> Any:
            return LogisticRegression(C=inverse_penalty, solver="liblinear", tol=1e-3).fit(
                features, above[:, threshold]
            )

        weight = np.zeros((features.shape[1], above.shape[1]), np.float32)
        bias = np.where(above.all(axis=0), _CONSTANT_LOGIT, -_CONSTANT_LOGIT).astype(np.float32)
        varying = np.flatnonzero(above.any(axis=0) & ~above.all(axis=0)).tolist()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for threshold, regression in zip(varying, pool.map(fit_threshold, varying), strict=True):
                weight[:, threshold] = regression.coef_[0]
                bias[threshold] = regression.intercept_[0]
        return cls(weight, bias)

    def logits(self, features: Any) -> Float[np.ndarray, "texts thresholds"]:
        """Return the logits of the ordinal targets."""
        logits: np.ndarray = features @ self.weight + self.bias
        return logits

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the parameters by name."""
        return {"weight": self.weight, "bias": self.bias}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "OrdinalRegression":
        """Restore a regression from the result of `to_arrays`."""
        return cls(arrays["weight"], arrays["bias"])


@dataclass(frozen=True)
class RidgeRegression:
    """Ridge regression of a rating that is scaled to 0..1.

    Attributes:
        weight: weight of every feature.
        bias: intercept.
    """

    weight: Float32[np.ndarray, " features"]
    bias: Float32[np.ndarray, ""]

    @classmethod
    def fit(cls, features: Any, ratings: Float[np.ndarray, " texts"], penalty: float = 1.5) -> "RidgeRegression":
        """Fit the regression to sparse rows of features.

        Args:
            features: sparse matrix `[texts, features]`.
            ratings: rating of each text, scaled to 0..1.
            penalty: strength of the L2 penalty, scikit-learn's alpha.
        """
        from sklearn.linear_model import Ridge

        regression = Ridge(alpha=penalty, solver="sparse_cg", tol=1e-4).fit(features, ratings)
        return cls(regression.coef_.astype(np.float32), np.asarray(regression.intercept_, np.float32))

    def predict(self, features: Any) -> Float[np.ndarray, " texts"]:
        """Return the rating of each text, on the scale from 0 to 1 but not limited to it."""
        ratings: np.ndarray = features @ self.weight + self.bias
        return ratings

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the parameters by name."""
        return {"weight": self.weight, "bias": np.asarray(self.bias)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "RidgeRegression":
        """Restore a regression from the result of `to_arrays`."""
        return cls(arrays["weight"], arrays["bias"])
