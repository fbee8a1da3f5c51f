"""Linear models of n-grams: ridge regression and ordinal logistic regression.

Both are minimised by L-BFGS; the rows are sparse, so that a pass over them is cheap.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32

from seqloom.critic.thresholds import sigmoid

__all__ = ["Ordinal", "Ridge"]

_MOST_STEPS = 150


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
    def fit(cls, rows: Any, above: Bool[np.ndarray, "texts thresholds"], penalty: float = 1.5e-5) -> "Ordinal":
        """Learn from sparse rows.

        Args:
            rows: features of each text.
            above: the answers.
            penalty: of the squared weights, beside the mean loss of a text.
        """
        seen, features = _seen(rows), rows.shape[1]
        rows = rows[:, seen]
        count, transposed = rows.shape[0], rows.T.tocsr()
        shape = rows.shape[1], above.shape[1]
        shares = above.mean(axis=0).clip(1e-3, 1 - 1e-3)

        def cost(values: np.ndarray) -> tuple[float, np.ndarray]:
            weight, bias = _parted(values, shape)
            logits = _product(rows, weight) + bias
            errors = sigmoid(logits) - above
            loss = (np.logaddexp(0, logits) - above * logits).sum() / count
            gradient = _product(transposed, errors) / count + penalty * weight
            total = float(loss + 0.5 * penalty * np.vdot(weight, weight))
            return total, np.concatenate([gradient.ravel(), errors.sum(axis=0) / count])

        start = np.concatenate([np.zeros(shape[0] * shape[1]), np.log(shares / (1 - shares))])
        weight, bias = _parted(_minimum(cost, start), shape)
        return cls(_scattered(weight, seen, features), bias.astype(np.float32))

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
    def fit(cls, rows: Any, levels: Float[np.ndarray, " texts"], penalty: float = 2e-4) -> "Ridge":
        """Learn from sparse rows; see `Ordinal.fit`."""
        seen, features = _seen(rows), rows.shape[1]
        rows = rows[:, seen]
        count, transposed = rows.shape[0], rows.T.tocsr()

        def cost(values: np.ndarray) -> tuple[float, np.ndarray]:
            weight, bias = values[:-1], values[-1]
            errors = _product(rows, weight) + bias - levels
            loss = 0.5 * float(errors @ errors) / count + 0.5 * penalty * float(weight @ weight)
            return loss, np.append(_product(transposed, errors) / count + penalty * weight, errors.mean())

        found = _minimum(cost, np.append(np.zeros(rows.shape[1]), levels.mean()))
        return cls(_scattered(found[:-1], seen, features), np.asarray(found[-1], np.float32))

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


def _seen(rows: Any) -> np.ndarray:
    """The features that more than one text has: those of a single text tell nothing of others."""
    counts = np.bincount(rows.indices, minlength=rows.shape[1])
    return np.flatnonzero(counts > 1)


def _scattered(weight: np.ndarray, places: np.ndarray, features: int) -> np.ndarray:
    """Weights of some features among zeros for all others."""
    found = np.zeros((features, *weight.shape[1:]), np.float32)
    found[places] = weight
    return found


def _product(rows: Any, dense: np.ndarray) -> np.ndarray:
    """In single precision, in which the rows are held: else they would be copied into double precision each time."""
    product: np.ndarray = rows @ dense.astype(rows.dtype)
    return product.astype(np.float64)


def _parted(values: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    return values[: -shape[1]].reshape(shape), values[-shape[1] :]


def _minimum(cost: Callable[[np.ndarray], tuple[float, np.ndarray]], start: np.ndarray) -> np.ndarray:
    from scipy.optimize import minimize

    found: np.ndarray = minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": _MOST_STEPS}).x
    return found
