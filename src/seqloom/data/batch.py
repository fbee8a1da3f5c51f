"""The input of one training step."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int

__all__ = ["IGNORED", "Batch", "BatchConditions"]

IGNORED = -1
"""Value in `Batch.targets` at a position without a target: at padding and, if only the last position of a window is
trained, at all other positions of the window."""


@dataclass(frozen=True)
class BatchConditions:
    """Ratings and categories of the documents in a batch.

    Attributes:
        features: ratings and categories of each document as numbers for the model (see `conditions.Conditions`); zeros
            where unknown.
        index: row of `features` for each position: the row of the document that the position belongs to.
    """

    features: Float32[np.ndarray, "documents features"]
    index: Int[np.ndarray, "batch time"]


@dataclass(frozen=True)
class Batch:
    """Tokens and their targets: `batch` sequences of `time` positions each.

    Attributes:
        tokens: input tokens.
        targets: next token at every position; `IGNORED` at a position without a target.
        resets: True where a new sequence begins: the model zeroes its state before it reads the token.
        conditions: ratings and categories of the documents; None if the model is trained without them.
    """

    tokens: Int[np.ndarray, "batch time"]
    targets: Int[np.ndarray, "batch time"]
    resets: Bool[np.ndarray, "batch time"]
    conditions: BatchConditions | None = None
