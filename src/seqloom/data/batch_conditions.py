"""Conditions of the documents in a batch, with dropout, so that a model learns to generate without conditions too."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.data.batch import BatchConditions
from seqloom.data.conditions import Category, Conditions

__all__ = ["ConditionSource", "balanced_weights"]


@dataclass(frozen=True)
class ConditionSource:
    """Conditions of the documents of a store.

    Attributes:
        conditions: columns.
        values: number of each document in each column; NaN where unknown.
        dropout: share of the documents without any condition in an epoch; with several columns, each column is dropped
            from the same share of the other documents (classifier-free guidance, Ho & Salimans 2022).
        seed: seed of the dropout.
    """

    conditions: Conditions
    values: Float[np.ndarray, "documents columns"]
    dropout: float = 0.0
    seed: int = 0

    def batch(self, documents: Int[np.ndarray, "batch time"], epoch: int = 0) -> BatchConditions:
        """Return the conditions at each position of a batch; the dropout is the same throughout an epoch.

        Args:
            documents: index of the document at each position.
            epoch: number of the epoch.
        """
        rows, index = np.unique(documents, return_inverse=True)
        values = np.asarray(self.values[rows], np.float64)
        if self.dropout:
            draws = _uniform(rows, self.values.shape[1] + 1, self.seed, epoch)
            column_draws = draws[:, 1:] if values.shape[1] > 1 else np.ones_like(values)
            values = np.where(_dropped(draws[:, :1], column_draws, self.dropout), np.nan, values)
        return BatchConditions(self.conditions.features(values), index.reshape(documents.shape))


def balanced_weights(
    conditions: Conditions, values: Float[np.ndarray, "documents columns"]
) -> Float[np.ndarray, " documents"]:
    """Return sampling weights of the documents that make every rating of the first column equally frequent.

    A rating counts as its nearest knot; documents without one count as a rating of their own.
    """
    column = conditions.columns[0]
    nearness = column.features(values[:, 0])[:, : column.width if isinstance(column, Category) else -1]
    nearest = np.where(nearness.any(axis=1), nearness.argmax(axis=1), -1)
    _, rating, counts = np.unique(nearest, return_inverse=True, return_counts=True)
    weights: np.ndarray = 1 / counts[rating] / len(counts)
    return weights


def _dropped(
    document_draws: Float[np.ndarray, "documents 1"], column_draws: Float[np.ndarray, "documents columns"], share: float
) -> Bool[np.ndarray, "documents columns"]:
    dropped: np.ndarray = (document_draws < share) | (column_draws < share)
    return dropped


def _uniform(
    documents: Int[np.ndarray, " documents"], num_columns: int, seed: int, epoch: int
) -> Float[np.ndarray, "documents columns"]:
    """Return numbers in [0, 1) that depend on the arguments alone (finaliser of splitmix64, Steele et al. 2014)."""
    key = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0]
    bits = documents.astype(np.uint64)[:, None] * np.uint64(num_columns) + np.arange(num_columns, dtype=np.uint64)
    with np.errstate(over="ignore"):
        bits = (bits + key) * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    bits ^= bits >> np.uint64(31)
    uniform: np.ndarray = (bits >> np.uint64(11)) * 2.0**-53
    return uniform
