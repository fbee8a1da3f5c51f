"""The ratings of a store's documents as batches have them: some hidden, so that a model learns to write without too."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.data.batch import BatchConditions
from seqloom.data.conditions import Category, Conditions

__all__ = ["ConditionSource", "balanced_weights"]


@dataclass(frozen=True)
class ConditionSource:
    """What is known of documents, and how often it is shown.

    Attributes:
        conditions: what the numbers are.
        values: of each document; NaN where unknown.
        hidden: share of readings in which a document has no ratings at all; where there are several columns, each of
            them is hidden in as large a share of the others (Ho, Salimans 2022).
        seed: of what is hidden.
    """

    conditions: Conditions
    values: Float[np.ndarray, "documents columns"]
    hidden: float = 0.0
    seed: int = 0

    def of(self, documents: Int[np.ndarray, "batch time"], epoch: int = 0) -> BatchConditions:
        """The ratings of a batch of documents; what is hidden stays so for the whole epoch."""
        shown, index = np.unique(documents, return_inverse=True)
        values = np.asarray(self.values[shown], np.float64)
        if self.hidden:
            chances = _uniform(shown, self.values.shape[1] + 1, self.seed, epoch)
            alone = chances[:, 1:] if values.shape[1] > 1 else np.ones_like(values)
            values = np.where(_hidden(chances[:, :1], alone, self.hidden), np.nan, values)
        return BatchConditions(self.conditions.features(values), index.reshape(documents.shape))


def balanced_weights(
    conditions: Conditions, values: Float[np.ndarray, "documents columns"]
) -> Float[np.ndarray, " documents"]:
    """How often each document is read, so that every rating of the first column comes as often as any other.

    A rating counts as the knot that it is nearest to; documents without one make up a rating of their own.
    """
    column = conditions.columns[0]
    near = column.features(values[:, 0])[:, : column.width if isinstance(column, Category) else -1]
    kind = np.where(near.any(axis=1), near.argmax(axis=1), -1)
    _, of_kind, counts = np.unique(kind, return_inverse=True, return_counts=True)
    shares: np.ndarray = 1 / counts[of_kind] / len(counts)
    return shares


def _hidden(
    whole: Float[np.ndarray, "documents 1"], alone: Float[np.ndarray, "documents columns"], share: float
) -> Bool[np.ndarray, "documents columns"]:
    hidden: np.ndarray = (whole < share) | (alone < share)
    return hidden


def _uniform(
    documents: Int[np.ndarray, " documents"], columns: int, seed: int, epoch: int
) -> Float[np.ndarray, "documents columns"]:
    """Numbers from 0 to 1 that hang on nothing but these (the finaliser of splitmix64, Steele et al. 2014)."""
    mixed = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0]
    bits = documents.astype(np.uint64)[:, None] * np.uint64(columns) + np.arange(columns, dtype=np.uint64)
    with np.errstate(over="ignore"):
        bits = (bits + mixed) * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    bits ^= bits >> np.uint64(31)
    uniform: np.ndarray = (bits >> np.uint64(11)) * 2.0**-53
    return uniform
