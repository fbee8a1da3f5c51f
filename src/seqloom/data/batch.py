"""What one training step sees."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int

__all__ = ["IGNORED", "Batch"]

IGNORED = -1
"""The target at a position that has none (padding, or a window that is scored at its end only)."""


@dataclass(frozen=True)
class Batch:
    """Tokens and what follows each of them.

    Attributes:
        tokens: what is read.
        targets: what comes next at every position; `IGNORED` where nothing is to be learned.
        resets: True where a lane begins anew: its state is zeroed before the token is read.
        conditions: by name, the number that holds at every position (an index for categories); NaN where unknown.
    """

    tokens: Int[np.ndarray, "batch time"]
    targets: Int[np.ndarray, "batch time"]
    resets: Bool[np.ndarray, "batch time"]
    conditions: Mapping[str, Float[np.ndarray, "batch time"]] = field(default_factory=dict)
