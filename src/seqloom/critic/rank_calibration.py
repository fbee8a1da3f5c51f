"""The rating that stands as high among real ones as a prediction among predictions.

Where texts tell little of their rating, a good prediction of it is near the middle for nearly all of them, and no text
is ever expected to be of the highest tenth. But which texts are rather of it can be told: those whose predictions are.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

__all__ = ["RankCalibration"]

_SHARES = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class RankCalibration:
    """Quantiles of predicted and of true levels, of the same texts.

    Attributes:
        predicted: of texts that were not learned from, ascending.
        true: as many.
    """

    predicted: Float[np.ndarray, " quantiles"]
    true: Float[np.ndarray, " quantiles"]

    @classmethod
    def fit(cls, predicted: Float[np.ndarray, " texts"], true: Float[np.ndarray, " texts"]) -> "RankCalibration":
        """The quantiles of both."""
        return cls(np.quantile(predicted, _SHARES), np.quantile(true, _SHARES))

    def placed(self, predicted: Float[np.ndarray, " texts"]) -> Float[np.ndarray, " texts"]:
        """The true level of the same rank as each predicted one; the ends hold for all beyond them."""
        found: np.ndarray = np.interp(predicted, self.predicted, self.true)
        return found

    def to_arrays(self) -> dict[str, np.ndarray]:
        """What `from_arrays` needs."""
        return {"predicted": self.predicted, "true": self.true}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "RankCalibration":
        """The ranks that `to_arrays` described."""
        return cls(arrays["predicted"], arrays["true"])
