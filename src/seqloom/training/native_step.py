"""Training steps on the compiled kernels, on a CPU.

Dropout masks are a function of the seed and the step, so a snapshot needs no state of a random generator.
Conditions, such as a rating, add biases inside the network. The few weights that compute these biases, called the
conditioning, stay in torch: the kernels add the biases and return their gradients.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from seqloom.config import TrainingConfig
from seqloom.data.batch import IGNORED, Batch
from seqloom.kernels.trainer import DropoutSettings, NativeTrainer
from seqloom.models.head_layer import AHEAD_WEIGHT
from seqloom.models.language_model import LanguageModel
from seqloom.training.condition_optimizer import ConditionOptimizer
from seqloom.training.condition_rows import ConditionRows
from seqloom.training.keras_optimizers import keras_epsilon

__all__ = ["NativeTrainStep", "shifted_targets"]

_ADAM_ARENAS = {"exp_avg": "first_moment", "exp_avg_sq": "second_moment"}
_RMSPROP_ARENAS = {"square_avg": "second_moment"}
"""The arena of each of the optimiser's moments, by torch's name of the moment.

An arena of the compiled trainer holds one array per parameter: the parameters themselves, the gradients, or a moment.
"""


class NativeTrainStep:
    """A `TrainStep` (see `training/train_step.py`) of compiled calls: one for the gradients, one for the optimiser.

    Args:
        model: network, whose weights `sync_to_model` updates.
        config: training settings.
        batch_size: streams per batch.
        carries_state: whether each stream starts a batch from the state in which it ended the previous batch.
        kernels: instruction set.
        threads: threads that share the work.
    """

    def __init__(
        self,
        model: LanguageModel,
        config: TrainingConfig,
        batch_size: int,
        carries_state: bool,
        kernels: str,
        threads: int,
    ) -> None:
        self.model, self.config, self.carries_state, self.batch_size = model, config, carries_state, batch_size
        self._trainer = NativeTrainer(model.config, kernels, threads)
        self._trainer.load("parameter", _as_arrays(model.state_dict()))
        self._trainer.clear_state(batch_size)
        self._conditioning = None if model.condition is None else ConditionOptimizer(model.condition, config)
        self._num_updates = 0
        self._arena_of_moment = _RMSPROP_ARENAS if config.optimizer == "rmsprop" else _ADAM_ARENAS

    def update(self, batch: Batch, step: int, rate: float) -> float:
        """Update the weights by one batch; see `TrainStep.update`.

        Returns:
            The mean loss of the next token in nats; NaN, with the weights unchanged, if the loss or its gradient is
            not finite.
        """
        if not self.carries_state:
            self._trainer.clear_state(len(batch.tokens))  # the last batch of an epoch can be smaller
        condition_rows = ConditionRows.from_batch(batch, carries_state=self.carries_state)
        conditioning = self._conditioning if condition_rows is not None else None
        loss = self._compute_gradients(batch, step, condition_rows, conditioning)
        norm = self._trainer.gradient_norm()
        if conditioning is not None:
            norm = math.hypot(norm, conditioning.backpropagate())
        if not (math.isfinite(loss) and math.isfinite(norm)):
            return math.nan
        # The 1e-6 avoids a division by zero; `torch.nn.utils.clip_grad_norm_` uses the same number.
        scale = min(1.0, self.config.clip / (norm + 1e-6)) if self.config.clip else 1.0
        self._optimize(rate, scale)
        if conditioning is not None:
            conditioning.update(rate, scale)
        if self.carries_state:
            self._trainer.carry_state()
        return loss

    def sync_to_model(self) -> None:
        """Copy the trained weights into the model."""
        arrays = self._trainer.export("parameter")
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self.model.load_state_dict({**self.model.state_dict(), **tensors})

    def state_dict(self) -> dict[str, Tensor]:
        """Return copies of weights, moments and carried state, by the same names as `TorchTrainStep.state_dict`."""
        arrays = {f"model.{name}": array for name, array in self._trainer.export("parameter").items()}
        for moment, arena in self._arena_of_moment.items():
            arrays |= {f"optimizer.{name}.{moment}": array for name, array in self._trainer.export(arena).items()}
        for name in self._trainer.parameter_names:
            arrays[f"optimizer.{name}.step"] = np.array(self._num_updates, np.float32)
        if not self.carries_state:
            self._trainer.clear_state(self.batch_size)
        for layer, layer_state in enumerate(self._trainer.export_state(self.batch_size)):
            arrays |= {f"state.{layer}.{number}": array for number, array in enumerate(layer_state)}
        conditioning = self._conditioning.state_dict() if self._conditioning is not None else {}
        return {**{name: torch.from_numpy(array) for name, array in arrays.items()}, **conditioning}

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore a `state_dict`."""
        if self._conditioning is not None:
            self._conditioning.load_state_dict(tensors)
        names = self._trainer.parameter_names
        arrays = _as_arrays(tensors)
        self._trainer.load("parameter", {name: arrays[f"model.{name}"] for name in names})
        # A snapshot that `TorchTrainStep` took before its first update has neither moments nor a number of updates.
        for moment, arena in self._arena_of_moment.items():
            zeros = {name: np.zeros_like(arrays[f"model.{name}"]) for name in names}
            self._trainer.load(arena, {name: arrays.get(f"optimizer.{name}.{moment}", zeros[name]) for name in names})
        self._num_updates = int(arrays.get(f"optimizer.{names[0]}.step", np.zeros(())))
        layers, numbers = range(len(self.model.config.hidden_sizes)), range(self._trainer.num_state_arrays)
        self._trainer.load_state([tuple(arrays[f"state.{layer}.{number}"] for number in numbers) for layer in layers])
        self.sync_to_model()

    def _compute_gradients(
        self, batch: Batch, step: int, condition_rows: ConditionRows | None, conditioning: ConditionOptimizer | None
    ) -> float:
        """Compute the gradients of one batch; return the mean loss of the next token in nats."""
        model_config = self.model.config
        num_heads, time = model_config.prediction_heads, batch.targets.shape[1]
        targets = shifted_targets(batch.targets, num_heads)
        # The first head predicts the next token, the second the token after it, and so on. The heads after the first
        # share the weight `AHEAD_WEIGHT` equally. Only the first `time` heads have targets in the batch.
        head_weights = np.full(num_heads, AHEAD_WEIGHT / max(1, min(num_heads, time) - 1), np.float32)
        head_weights[0] = 1
        dropout = DropoutSettings(
            seed=(self.config.seed << 32) + step + 1,
            dropout=model_config.dropout,
            weight_dropout=model_config.weight_dropout,
            variational=model_config.dropout_kind == "variational",
        )
        resets = batch.resets if batch.resets.any() else None
        biases = None
        if conditioning is not None and condition_rows is not None:
            biases = conditioning.batch_biases(condition_rows)
        losses = self._trainer.compute_gradients(batch.tokens, targets, resets, head_weights, dropout, biases)
        next_token_loss, *_ = losses
        return next_token_loss

    def _optimize(self, rate: float, scale: float) -> None:
        """Update the parameters of the compiled trainer, with the constants of `make_optimizer`."""
        config = self.config
        self._num_updates += 1
        if config.optimizer == "rmsprop":
            self._trainer.rmsprop(self._num_updates, rate, alpha=0.9, epsilon=1e-7, scale=scale)
        else:
            decay, epsilon = config.weight_decay, 1e-8
            if config.optimizer == "adam":
                decay, epsilon = 0.0, keras_epsilon(self._num_updates, config.betas)
            self._trainer.adam(self._num_updates, rate, config.betas, epsilon, decay, scale)


def shifted_targets(targets: Int64[np.ndarray, "batch time"], num_heads: int) -> Int64[np.ndarray, "heads batch time"]:
    """Return the targets of each head: the next token for the first head, the token after it for the second, and so on.

    A head ignores a position if its target lies beyond the end of the batch. It also ignores a position if its target
    or the target of an earlier head there is `IGNORED`.
    """
    shifted = np.full((num_heads, *targets.shape), IGNORED, np.int64)
    shifted[0] = targets
    for head in range(1, min(num_heads, targets.shape[1])):
        is_counted = shifted[head - 1, :, :-1] != IGNORED
        shifted[head, :, :-1] = np.where(is_counted, shifted[head - 1, :, 1:], IGNORED)
    return shifted


def _as_arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
