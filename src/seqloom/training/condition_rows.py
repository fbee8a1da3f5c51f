"""The conditions of a batch as distinct rows of features, and the row in force at each position.

The model maps features to biases. A batch has far fewer distinct rows than positions, so computing one bias per row
saves time. The first token of a text needs a separate row, because the conditions add a further bias at that token.
"""

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
    """A row for each text of a batch, and another row for the first token of each text that starts in it.

    Attributes:
        features: features of each row.
        is_first: True for rows of tokens that are read from the zero state.
        index: index of the row in force at each position.
    """

    features: Float32[np.ndarray, "rows features"]
    is_first: Bool[np.ndarray, " rows"]
    index: Int32[np.ndarray, "batch time"]

    @classmethod
    def from_batch(cls, batch: Batch, *, carries_state: bool) -> Self | None:
        """Return the rows of a batch; None if its texts have no conditions.

        Args:
            batch: batch of tokens.
            carries_state: whether each row of tokens continues the same row of the previous batch. If so, texts start
                only at resets; otherwise, also at the first position of each row.
        """
        if batch.conditions is None:
            return None
        is_text_start = batch.resets.copy()
        if not carries_state:
            is_text_start[:, 0] = True
        features, index = batch.conditions.features, batch.conditions.index
        started_texts = np.unique(index[is_text_start])
        first_token_rows = np.zeros(len(features), np.int64)
        first_token_rows[started_texts] = len(features) + np.arange(len(started_texts))
        return cls(
            features=np.concatenate([features, features[started_texts]]),
            is_first=np.arange(len(features) + len(started_texts)) >= len(features),
            index=np.where(is_text_start, first_token_rows[index], index).astype(np.int32),
        )

    def condition_inputs(self, device: torch.device) -> ConditionInputs:
        """Return the conditions as the torch model reads them: of each token or, if these are fewer, of each row."""
        index = torch.from_numpy(self.index).to(device).long()
        features = torch.from_numpy(self.features).to(device)
        is_first_token = torch.from_numpy(self.is_first).to(device)
        if len(features) < 2 * features.shape[1]:  # with `input` and `state`, a token has each feature twice
            return ConditionInputs(features, is_first_token, index)
        return ConditionInputs(features[index], is_first_token[index])
