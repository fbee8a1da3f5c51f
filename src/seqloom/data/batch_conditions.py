"""Conditions of the documents in a batch, with dropout, so that a model learns to generate without conditions too.

The conditions of a document are its ratings (numbers) and its categories (names).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.data.batch import BatchConditions
from seqloom.data.conditions import Category, Conditions

__all__ = ["ConditionSource", "balanced_weights"]


@dataclass(frozen=True)
class ConditionSource:
    """Conditions of all documents of a token store, from which a batch receives those of its documents.

    Attributes:
        conditions: rating and category columns.
        values: rating or category index of each document in each column; NaN where unknown.
        dropout: share of the documents whose conditions are all hidden in an epoch. With several columns, each column
            is also hidden by itself, with the same probability (classifier-free guidance, Ho & Salimans 2022).
        seed: seed of the dropout.
    """

    conditions: Conditions
    values: Float[np.ndarray, "documents columns"]
    dropout: float = 0.0
    seed: int = 0

    def batch(self, documents: Int[np.ndarray, "batch time"], epoch: int = 0) -> BatchConditions:
        """Return the conditions at each position of a batch.

        All batches of an epoch hide the same conditions of a document.

        Args:
            documents: index of the document at each position.
            epoch: number of the epoch.
        """
        distinct, index = np.unique(documents, return_inverse=True)
        values = np.asarray(self.values[distinct], np.float64)
        if self.dropout:
            # The first draw decides on a whole document, the others on its columns. A single column has no draw of its
            # own: 1 hides nothing.
            draws = _uniform(distinct, num_draws=values.shape[1] + 1, seed=self.seed, epoch=epoch)
            column_draws = draws[:, 1:] if values.shape[1] > 1 else np.ones_like(values)
            values = np.where(_is_hidden(draws[:, :1], column_draws, self.dropout), np.nan, values)
        return BatchConditions(self.conditions.features(values), index.reshape(documents.shape))


def balanced_weights(
    conditions: Conditions, values: Float[np.ndarray, "documents columns"]
) -> Float[np.ndarray, " documents"]:
    """Return sampling weights of the documents that make every rating of the first column equally frequent.

    The knots of a scale are some of the column's ratings (see `scale.Scale`); every other rating counts as the nearest
    knot. A category counts as a rating. All documents without a rating together count as one more rating.
    """
    column = conditions.columns[0]
    # A scale has a feature for its nearness to each knot, and a last one that belongs to no knot.
    num_ratings = column.width if isinstance(column, Category) else column.width - 1
    nearness = column.features(values[:, 0])[:, :num_ratings]
    nearest_ratings = np.where(nearness.any(axis=1), nearness.argmax(axis=1), -1)
    _, rating_index, counts = np.unique(nearest_ratings, return_inverse=True, return_counts=True)
    weights: np.ndarray = 1 / counts[rating_index] / len(counts)
    return weights


def _is_hidden(
    document_draws: Float[np.ndarray, "documents 1"],
    column_draws: Float[np.ndarray, "documents columns"],
    dropout: float,
) -> Bool[np.ndarray, "documents columns"]:
    is_hidden: np.ndarray = (document_draws < dropout) | (column_draws < dropout)
    return is_hidden


def _uniform(
    documents: Int[np.ndarray, " documents"], *, num_draws: int, seed: int, epoch: int
) -> Float[np.ndarray, "documents draws"]:
    """Return numbers in [0, 1) that depend only on the arguments (finaliser of splitmix64, Steele et al. 2014)."""
    key = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0]
    bits = documents.astype(np.uint64)[:, None] * np.uint64(num_draws) + np.arange(num_draws, dtype=np.uint64)
    with np.errstate(over="ignore"):
        bits = (bits + key) * np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    bits ^= bits >> np.uint64(31)
    uniform: np.ndarray = (bits >> np.uint64(11)) * 2.0**-53  # a float has 53 significant bits
    return uniform
