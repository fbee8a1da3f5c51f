"""Encode a rating as binary targets, one per threshold: is the rating above the threshold?

This is ordinal regression (Rennie and Srebro 2005). Each knot of the rating's scale has a position from 0 to 1. The
expected position is a weighted sum of the predicted probabilities: each probability of being above a threshold is
multiplied by the distance between the positions of the two knots next to the threshold.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from seqloom.data.scale import Scale

__all__ = ["OrdinalTargets", "sigmoid"]


@dataclass(frozen=True)
class OrdinalTargets:
    """Thresholds halfway between the knots of a scale, which are some of its ratings in ascending order.

    Attributes:
        scale: scale of the ratings.
    """

    scale: Scale

    @property
    def num_thresholds(self) -> int:
        """Number of thresholds."""
        return len(self.scale.knots) - 1

    def above(self, ratings: Float[np.ndarray, " texts"]) -> Bool[np.ndarray, "texts thresholds"]:
        """Return whether each rating is above each threshold: the ordinal targets."""
        knots = np.asarray(self.scale.knots)
        thresholds = (knots[1:] + knots[:-1]) / 2
        above: np.ndarray = np.asarray(ratings)[:, None] > thresholds
        return above

    def expected_rating(self, logits: Float[np.ndarray, "texts thresholds"]) -> Float[np.ndarray, " texts"]:
        """Return the expected rating, scaled to 0..1, from the logits of the targets."""
        widths = np.diff(np.asarray(self.scale.positions))
        expected: np.ndarray = sigmoid(logits) @ widths
        return expected


def sigmoid(logits: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """Return the logistic function, without overflow."""
    probability: np.ndarray = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
    return probability
