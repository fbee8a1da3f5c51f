"""Map a prediction to the true rating of the same rank (quantile mapping).

If texts reveal little of their rating, predictions lie near the middle and never reach the highest tenth of the
ratings. The order of the predictions is still informative, so this calibration uses ranks.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

__all__ = ["RankCalibration"]

_QUANTILE_LEVELS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class RankCalibration:
    """Quantiles of the predicted and of the true ratings of the same texts, scaled to 0..1.

    Attributes:
        predicted: quantiles of the predictions for unseen texts, ascending.
        true: quantiles of the true ratings, at the same levels.
    """

    predicted: Float[np.ndarray, " quantiles"]
    true: Float[np.ndarray, " quantiles"]

    @classmethod
    def fit(cls, predicted: Float[np.ndarray, " texts"], true: Float[np.ndarray, " texts"]) -> "RankCalibration":
        """Compute the quantiles of the predictions and of the true ratings."""
        return cls(np.quantile(predicted, _QUANTILE_LEVELS), np.quantile(true, _QUANTILE_LEVELS))

    def transform(self, predicted: Float[np.ndarray, " texts"]) -> Float[np.ndarray, " texts"]:
        """Return the true rating of the same rank as each prediction, clipped to the range of the true ratings."""
        calibrated: np.ndarray = np.interp(predicted, self.predicted, self.true)
        return calibrated

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the quantiles by name."""
        return {"predicted": self.predicted, "true": self.true}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "RankCalibration":
        """Restore a calibration from the result of `to_arrays`."""
        return cls(arrays["predicted"], arrays["true"])
