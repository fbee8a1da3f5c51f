"""The input of one training step."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int

__all__ = ["IGNORED", "Batch", "BatchConditions"]

IGNORED = -1
"""Value in `Batch.targets` at a position without a target: padding, or a position before the end of a window of which
only the last position is trained."""


@dataclass(frozen=True)
class BatchConditions:
    """Ratings and categories of the documents in a batch.

    Attributes:
        features: ratings and categories of each document as features (see `Conditions.features`); zeros where unknown.
        index: row of `features` for each position.
    """

    features: Float32[np.ndarray, "documents features"]
    index: Int[np.ndarray, "batch time"]


@dataclass(frozen=True)
class Batch:
    """Tokens and their targets: `batch` sequences of `time` positions each.

    Attributes:
        tokens: input tokens.
        targets: next token of every position; `IGNORED` where there is none.
        resets: True where a new sequence begins: the model zeroes its state before it reads the token.
        conditions: conditions of the documents; None where they have none.
    """

    tokens: Int[np.ndarray, "batch time"]
    targets: Int[np.ndarray, "batch time"]
    resets: Bool[np.ndarray, "batch time"]
    conditions: BatchConditions | None = None
