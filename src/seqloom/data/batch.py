"""The input of one training step."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int

__all__ = ["IGNORED", "Batch", "BatchConditions"]

IGNORED = -1
"""Target of a position without one: padding, or a window that is scored at its end only."""


@dataclass(frozen=True)
class BatchConditions:
    """Ratings and categories of the documents in a batch.

    Attributes:
        features: condition features of each document; zeros where unknown (see `Conditions`).
        index: row of `features` for each position.
    """

    features: Float32[np.ndarray, "documents features"]
    index: Int[np.ndarray, "batch time"]


@dataclass(frozen=True)
class Batch:
    """Tokens and their targets.

    Attributes:
        tokens: input tokens.
        targets: next token of every position; `IGNORED` where there is none.
        resets: True where a sequence begins: the state is zeroed before the token is read.
        conditions: conditions of the documents; None where they have none.
    """

    tokens: Int[np.ndarray, "batch time"]
    targets: Int[np.ndarray, "batch time"]
    resets: Bool[np.ndarray, "batch time"]
    conditions: BatchConditions | None = None
