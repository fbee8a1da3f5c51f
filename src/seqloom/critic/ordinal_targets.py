"""A rating as a row of questions: is it above this knot, and this one?

Ordinal regression asks each of them (Rennie, Srebro 2005), whatever the distances between ratings are; what it expects
of the rating is the sum of the answers.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from seqloom.data.scale import Scale

__all__ = ["OrdinalTargets", "sigmoid"]


@dataclass(frozen=True)
class OrdinalTargets:
    """The middles between the knots of a scale."""

    scale: Scale

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.scale.knots) - 1

    def above(self, ratings: Float[np.ndarray, " texts"]) -> Bool[np.ndarray, "texts thresholds"]:
        """Whether each rating is above each threshold."""
        knots = np.asarray(self.scale.knots)
        middles = (knots[1:] + knots[:-1]) / 2
        above: np.ndarray = np.asarray(ratings)[:, None] > middles
        return above

    def level(self, logits: Float[np.ndarray, "texts thresholds"]) -> Float[np.ndarray, " texts"]:
        """The expected level, 0 to 1, from the logits of the answers."""
        widths = np.diff(np.asarray(self.scale.positions))
        level: np.ndarray = sigmoid(logits) @ widths
        return level


def sigmoid(logits: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """The probability of a yes."""
    probability: np.ndarray = 1 / (1 + np.exp(-np.clip(logits, -50, 50)))
    return probability
