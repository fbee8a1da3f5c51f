"""The data and the result of a critic's cross-validation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from jaxtyping import Float, Int

from seqloom.critic.members import Members

__all__ = ["CrossValidation", "Fold", "RatedTexts"]


@dataclass(frozen=True)
class RatedTexts:
    """Texts, as an array of strings, with their ratings and groups."""

    texts: Any
    ratings: Float[np.ndarray, " texts"]
    groups: Int[np.ndarray, " texts"]

    def select(self, chosen: Int[np.ndarray, " chosen"]) -> Self:
        """Return the texts with the given indices."""
        return type(self)(self.texts[chosen], self.ratings[chosen], self.groups[chosen])


@dataclass(frozen=True)
class Fold:
    """A finished fold: ratings of its texts, their logits by member, and the members, fitted to `num_fitted` texts."""

    ratings: Float[np.ndarray, " texts"]
    logits: dict[str, Float[np.ndarray, "texts thresholds"]]
    members: Members
    num_fitted: int


class CrossValidation:
    """The finished folds together.

    Attributes:
        ratings: rating of each text.
        logits: logits of each member for every text, from members that were not fitted to the text.
        parts: part of each text, for the measurement of the combination: its fold, or a half of a single fold.
        num_parts: number of parts.
        members: members of the last fold, fitted to `num_fitted` texts.
    """

    def __init__(self, folds: Sequence[Fold]) -> None:
        self.ratings = np.concatenate([fold.ratings for fold in folds])
        self.logits = {name: np.concatenate([fold.logits[name] for fold in folds]) for name in folds[0].logits}
        self.parts = np.repeat(np.arange(len(folds)), [len(fold.ratings) for fold in folds])
        if len(folds) == 1:
            self.parts = np.arange(len(self.ratings)) % 2
        self.num_parts = max(2, len(folds))
        self.members, self.num_fitted = folds[-1].members, folds[-1].num_fitted
