"""What changes the weights by one batch: torch, or the compiled kernels where they cover the model."""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
from torch import Tensor

from seqloom.config import TrainingConfig
from seqloom.data.batch import IGNORED, Batch
from seqloom.models.language_model import LanguageModel
from seqloom.training.native_step import NativeTrainStep
from seqloom.training.torch_step import TorchTrainStep

__all__ = ["TrainStep", "count_tokens", "make_train_step"]


class TrainStep(Protocol):
    """Holds what an update needs beside the batch: the optimiser, and the state that lanes carry on."""

    def update(self, batch: Batch, step: int, rate: float) -> float:
        """Change the weights by one batch.

        Args:
            batch: what is read.
            step: which update, from 0.
            rate: of learning.

        Returns:
            Mean nats of the next token; NaN, and nothing is changed, where the loss or its gradient is not finite.
        """
        ...

    def sync_to_model(self) -> None:
        """Bring the model's own weights up to date."""
        ...

    def state_dict(self) -> Mapping[str, Tensor]:
        """Copies of all that `restore` needs, by name; `model.*` are the weights."""
        ...

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to what `tensors` gave."""
        ...


def make_train_step(
    model: LanguageModel, config: TrainingConfig, *, lanes: int, carries_state: bool, kernels: str | None, threads: int
) -> TrainStep:
    """An updater of `model`.

    Args:
        model: is changed in place, at the latest when asked to `publish`.
        config: how it is trained.
        lanes: of a batch.
        carries_state: whether a lane goes on where its last window ended.
        kernels: the compiled instruction set, or None for torch.
        threads: of the compiled kernels.
    """
    if kernels is None:
        return TorchTrainStep(model, config, lanes, carries_state)
    return NativeTrainStep(model, config, lanes, carries_state, kernels, threads)


def count_tokens(batch: Batch) -> int:
    """Tokens of a batch that are learned from."""
    return int(np.count_nonzero(batch.targets != IGNORED)) if batch.resets.any() else batch.targets.size
