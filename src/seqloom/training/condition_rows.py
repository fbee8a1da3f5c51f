"""The ratings of a batch as rows of numbers that are added in the network, and where each of them holds."""

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
    """A row for each rated text of a batch, and another for the first token of each that begins there.

    Attributes:
        features: of each row.
        first: whether it is for tokens that are read from the zero state.
        index: which row holds at each position.
    """

    features: Float32[np.ndarray, "rows features"]
    first: Bool[np.ndarray, " rows"]
    index: Int32[np.ndarray, "batch time"]

    @classmethod
    def from_batch(cls, batch: Batch, *, carries_state: bool) -> Self | None:
        """The rows of a batch; None where its texts have no ratings.

        Args:
            batch: what is read.
            carries_state: whether lanes go on where the last batch ended, but for its resets.
        """
        if batch.conditions is None:
            return None
        begins = batch.resets.copy()
        if not carries_state:
            begins[:, 0] = True
        features, index = batch.conditions.features, batch.conditions.index
        begun = np.unique(index[begins])
        row = np.zeros(len(features), np.int64)
        row[begun] = len(features) + np.arange(len(begun))
        return cls(
            np.concatenate([features, features[begun]]),
            np.arange(len(features) + len(begun)) >= len(features),
            np.where(begins, row[index], index).astype(np.int32),
        )

    def condition_inputs(self, device: torch.device) -> ConditionInputs:
        """What the network is told at each token."""
        index = torch.from_numpy(self.index).to(device).long()
        features, first = torch.from_numpy(self.features).to(device), torch.from_numpy(self.first).to(device)
        return ConditionInputs(features[index], first[index])
