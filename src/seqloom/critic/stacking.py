"""Combine the logits of several members by stacking (Wolpert 1992).

The members are models that predict ordinal targets: for each of several thresholds, whether the rating exceeds the
threshold. The weights are fitted on texts that the members did not see in training. The expected ratings of a
regression lie closer to the middle than the true ratings. Therefore the logits are multiplied by the sharpness, a
factor of at least 1, which moves each expectation towards the most likely rating and lowers the absolute error. A
sharpness that lowers the correlation noticeably is not chosen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from seqloom.critic.ordinal_targets import OrdinalTargets, sigmoid

__all__ = ["StackedRegressor", "pearson_correlations"]

_SHARPNESS_GRID = np.linspace(1, 5, 41)
"""Factors to choose the sharpness from."""

_WEIGHT_PENALTY = 10.0
"""Penalty on the squared distance from equal weights; it matters only if there are few texts."""

_MAX_CORRELATION_LOSS = 0.001
"""Largest loss of correlation that the chosen sharpness may cause."""


@dataclass(frozen=True)
class StackedRegressor:
    """A weighted sum of the members' logits.

    Attributes:
        weights: weight of each member, 0 or more.
        bias: bias of each threshold.
        sharpness: factor on the logits before the expected rating is computed.
    """

    weights: tuple[float, ...]
    bias: tuple[float, ...]
    sharpness: float

    @classmethod
    def fit(
        cls,
        logits: Float[np.ndarray, "members texts thresholds"],
        above: Bool[np.ndarray, "texts thresholds"],
        ratings: Float[np.ndarray, " texts"],
        targets: OrdinalTargets,
    ) -> "StackedRegressor":
        """Fit weights, biases and sharpness to texts that the members have not seen.

        Args:
            logits: logits of each member.
            above: ordinal targets of the texts.
            ratings: true ratings, scaled to 0..1.
            targets: thresholds of the ordinal targets.
        """
        from scipy.optimize import minimize

        num_targets, num_members = above.size, len(logits)

        def loss_and_gradient(parameters: np.ndarray) -> tuple[float, np.ndarray]:
            weights, bias = parameters[:num_members], parameters[num_members:]
            sums = np.tensordot(weights, logits, 1) + bias
            errors = (sigmoid(sums) - above) / num_targets
            offsets = weights - 1 / num_members
            penalty = 0.5 * _WEIGHT_PENALTY * offsets @ offsets
            loss = float((np.logaddexp(0, sums) - above * sums).sum() + penalty) / num_targets
            weight_gradient = np.tensordot(logits, errors, 2) + _WEIGHT_PENALTY * offsets / num_targets
            return loss, np.concatenate([weight_gradient, errors.sum(axis=0)])

        start = np.concatenate([np.full(num_members, 1 / num_members), np.zeros(above.shape[1])])
        bounds = [(0, None)] * num_members + [(None, None)] * above.shape[1]
        parameters = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", bounds=bounds).x
        weights, bias = parameters[:num_members], parameters[num_members:]
        stacked = np.tensordot(weights, logits, 1) + bias
        sharpness = _best_sharpness(stacked, ratings, targets)
        return cls(tuple(weights.tolist()), tuple(bias.tolist()), sharpness)

    def logits(
        self, logits_of_members: Sequence[Float[np.ndarray, "texts thresholds"]]
    ) -> Float[np.ndarray, "texts thresholds"]:
        """Return the combined logits before the multiplication by the sharpness."""
        weighted_sum = np.tensordot(np.asarray(self.weights), np.stack(logits_of_members), 1)
        stacked: np.ndarray = weighted_sum + np.asarray(self.bias)
        return stacked

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the parameters by name."""
        return {name: np.asarray(getattr(self, name)) for name in ("weights", "bias", "sharpness")}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "StackedRegressor":
        """Restore a regressor from the result of `to_arrays`."""
        return cls(tuple(arrays["weights"].tolist()), tuple(arrays["bias"].tolist()), float(arrays["sharpness"]))


def _best_sharpness(
    logits: Float[np.ndarray, "texts thresholds"], ratings: Float[np.ndarray, " texts"], targets: OrdinalTargets
) -> float:
    """Return the sharpness with the smallest absolute error among those that hardly lower the correlation."""
    expected = np.stack([targets.expected_rating(sharpness * logits) for sharpness in _SHARPNESS_GRID])
    correlations = pearson_correlations(expected, ratings)
    errors = np.abs(expected - ratings).mean(axis=1)
    errors[correlations < correlations.max() - _MAX_CORRELATION_LOSS] = np.inf
    return float(_SHARPNESS_GRID[int(np.argmin(errors))])


def pearson_correlations(
    predictions: Float[np.ndarray, "predictors texts"], ratings: Float[np.ndarray, " texts"]
) -> Float[np.ndarray, " predictors"]:
    """Return Pearson's correlation of each predictor's predictions with the ratings; 0 if either is constant."""
    prediction_offsets = predictions - predictions.mean(axis=1, keepdims=True)
    rating_offsets = ratings - ratings.mean()
    norms = np.sqrt((prediction_offsets**2).sum(axis=1) * (rating_offsets**2).sum())
    correlations: np.ndarray = (prediction_offsets @ rating_offsets) / np.maximum(norms, 1e-12)
    return correlations
