"""The conditions of a batch as distinct rows of features, and the row in force at each position."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int32

from seqloom.data.batch import Batch
from seqloom.models.conditioning import ConditionInputs

__all__ = ["ConditionRows"]


@dataclass(frozen=True)
class ConditionRows:
    """A row for each conditioned text of a batch, and another for the first token of each text that starts there.

    Attributes:
        features: features of each row.
        first: True for rows of tokens that are read from the zero state.
        index: row in force at each position.
    """

    features: Float32[np.ndarray, "rows features"]
    first: Bool[np.ndarray, " rows"]
    index: Int32[np.ndarray, "batch time"]

    @classmethod
    def from_batch(cls, batch: Batch, *, carries_state: bool) -> Self | None:
        """Return the rows of a batch; None if its texts have no conditions.

        Args:
            batch: batch of tokens.
            carries_state: whether streams continue from the last batch, except at resets.
        """
        if batch.conditions is None:
            return None
        starts = batch.resets.copy()
        if not carries_state:
            starts[:, 0] = True
        features, index = batch.conditions.features, batch.conditions.index
        started = np.unique(index[starts])
        first_row = np.zeros(len(features), np.int64)
        first_row[started] = len(features) + np.arange(len(started))
        return cls(
            np.concatenate([features, features[started]]),
            np.arange(len(features) + len(started)) >= len(features),
            np.where(starts, first_row[index], index).astype(np.int32),
        )

    def condition_inputs(self, device: torch.device) -> ConditionInputs:
        """Return the conditions at each token."""
        index = torch.from_numpy(self.index).to(device).long()
        features, first = torch.from_numpy(self.features).to(device), torch.from_numpy(self.first).to(device)
        return ConditionInputs(features[index], first[index])
