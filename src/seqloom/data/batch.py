"""What one training step sees."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32, Int

__all__ = ["IGNORED", "Batch", "BatchConditions"]

IGNORED = -1
"""The target at a position that has none (padding, or a window that is scored at its end only)."""


@dataclass(frozen=True)
class BatchConditions:
    """The ratings of a batch's texts.

    Attributes:
        features: of each text's ratings; zeros where they are unknown (see `Conditions`).
        index: which text stands at each position.
    """

    features: Float32[np.ndarray, "texts features"]
    index: Int[np.ndarray, "batch time"]


@dataclass(frozen=True)
class Batch:
    """Tokens and what follows each of them.

    Attributes:
        tokens: what is read.
        targets: what comes next at every position; `IGNORED` where nothing is to be learned.
        resets: True where a lane begins anew: its state is zeroed before the token is read.
        rated: what is known of the texts; None where they have no ratings.
    """

    tokens: Int[np.ndarray, "batch time"]
    targets: Int[np.ndarray, "batch time"]
    resets: Bool[np.ndarray, "batch time"]
    rated: BatchConditions | None = None
