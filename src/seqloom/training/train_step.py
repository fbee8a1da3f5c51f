"""One update of the weights: in torch, or by the compiled kernels for models that they support.

A stream is one row of the batches. If streams carry their state, each starts a batch from the state at the end of the
previous batch.
"""

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
    """Update the weights; keep the moments of the optimiser and the carried state of the streams."""

    def update(self, batch: Batch, step: int, rate: float) -> float:
        """Update the weights by one batch.

        Args:
            batch: tokens and targets.
            step: number of the update, from 0.
            rate: learning rate.

        Returns:
            The mean loss of the next token in nats; NaN, with the weights unchanged, if the loss or its gradient is
            not finite.
        """
        ...

    def sync_to_model(self) -> None:
        """Copy the trained weights into the torch model, where they are not trained in place."""
        ...

    def state_dict(self) -> Mapping[str, Tensor]:
        """Return copies of everything that `load_state_dict` needs, by name; `model.*` are the weights."""
        ...

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore a `state_dict`."""
        ...


def make_train_step(
    model: LanguageModel,
    config: TrainingConfig,
    *,
    batch_size: int,
    carries_state: bool,
    kernels: str | None,
    threads: int,
) -> TrainStep:
    """Return the train step of a model.

    Args:
        model: network to train; compiled kernels update its weights only in `sync_to_model`.
        config: training settings.
        batch_size: streams per batch.
        carries_state: whether each stream starts a batch from the state in which it ended the previous batch.
        kernels: compiled instruction set; None for torch.
        threads: threads of the compiled kernels.
    """
    if kernels is None:
        return TorchTrainStep(model, config, batch_size, carries_state)
    return NativeTrainStep(model, config, batch_size, carries_state, kernels, threads)


def count_tokens(batch: Batch) -> int:
    """Return the number of tokens that the model reads in a batch.

    Only batches with `resets` are padded; their ignored targets mark padding, which is not counted. In all other
    batches every token is read, also where its target is ignored because only the last token of a window is predicted.
    """
    return int(np.count_nonzero(batch.targets != IGNORED)) if batch.resets.any() else batch.targets.size
