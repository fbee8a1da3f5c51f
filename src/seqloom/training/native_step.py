"""Updates by the compiled kernels: LSTM and GRU stacks on a CPU.

What dropout drops is a function of the seed and the step, so there is no generator to remember. The few weights that
lead from ratings into the network are torch's own: the kernels add what comes of them, and give its gradients.
"""

import math
from collections.abc import Mapping

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from seqloom.config import TrainingConfig
from seqloom.data.batch import IGNORED, Batch
from seqloom.kernels.trainer import Dropped, NativeTrainer
from seqloom.models.heads import AHEAD_WEIGHT
from seqloom.models.language_model import LanguageModel
from seqloom.training.condition_optimizer import ConditionOptimizer
from seqloom.training.condition_rows import ConditionRows

__all__ = ["NativeTrainStep", "shifted_targets"]

_MOMENTS = {"exp_avg": "first_moment", "exp_avg_sq": "second_moment"}
_SQUARES = {"square_avg": "second_moment"}


class NativeTrainStep:
    """One call for forward, backward and the gradients, one for the optimiser.

    Args:
        model: is brought up to date by `publish`.
        config: how to train.
        lanes: of a batch.
        carries_state: whether a lane goes on where its last window ended.
        kernels: the instruction set.
        threads: that the work is divided among.
    """

    def __init__(
        self, model: LanguageModel, config: TrainingConfig, lanes: int, carries_state: bool, kernels: str, threads: int
    ) -> None:
        self.model, self.config, self.carries_state, self.lanes = model, config, carries_state, lanes
        self._trainer = NativeTrainer(model.config, kernels, threads)
        self._trainer.put("parameter", _as_arrays(model.state_dict()))
        self._trainer.zero_state(lanes)
        self._rating = None if model.condition is None else ConditionOptimizer(model.condition, config)
        self._updates = 0
        self._moments = _SQUARES if config.optimizer == "rmsprop" else _MOMENTS

    def update(self, batch: Batch, step: int, rate: float) -> float:
        """Change the weights by one batch, unless its loss or gradient is not finite."""
        if not self.carries_state:
            self._trainer.zero_state(len(batch.tokens))
        config, model = self.config, self.model.config
        targets = shifted_targets(batch.targets, model.prediction_heads)
        weights = np.full(
            model.prediction_heads, AHEAD_WEIGHT / max(1, min(model.prediction_heads, targets.shape[2]) - 1), np.float32
        )
        weights[0] = 1
        dropped = Dropped(
            seed=(config.seed << 32) + step + 1,
            dropout=model.dropout,
            weight_dropout=model.weight_dropout,
            variational=model.dropout_kind == "variational",
        )
        resets = batch.resets if batch.resets.any() else None
        rows = ConditionRows.of(batch, carries_state=self.carries_state)
        rating = self._rating if rows is not None else None
        added = rating.begin(rows) if rating is not None and rows is not None else None
        losses = self._trainer.compute(batch.tokens, targets, resets, weights, dropped, added)
        norm = math.hypot(self._trainer.gradient_norm(), rating.gradient_norm() if rating is not None else 0.0)
        if not (math.isfinite(losses[0]) and math.isfinite(norm)):
            return math.nan
        self._updates += 1
        scale = min(1.0, config.clip / (norm + 1e-6)) if config.clip else 1.0
        if config.optimizer == "rmsprop":
            self._trainer.rmsprop(self._updates, rate, 0.9, 1e-7, scale)
        else:
            decay, epsilon = (config.weight_decay, 1e-8) if config.optimizer == "adamw" else (0.0, 1e-7)
            self._trainer.adam(self._updates, rate, config.betas, epsilon, decay, scale)
        if rating is not None:
            rating.update(rate, scale)
        if self.carries_state:
            self._trainer.keep_state()
        return losses[0]

    def sync_to_model(self) -> None:
        """Copy the trained weights into the model."""
        arrays = self._trainer.get("parameter")
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self.model.load_state_dict({**self.model.state_dict(), **tensors})

    def state_dict(self) -> dict[str, Tensor]:
        """Copies of weights, moments and state, under the names that torch's updates use."""
        found = {f"model.{name}": array for name, array in self._trainer.get("parameter").items()}
        for moment, arena in self._moments.items():
            found |= {f"optimizer.{name}.{moment}": array for name, array in self._trainer.get(arena).items()}
        for name in self._trainer.names:
            found[f"optimizer.{name}.step"] = np.array(self._updates, np.float32)
        for layer, parts in enumerate(self._trainer.get_state(self.lanes)):
            found |= {f"state.{layer}.{number}": part for number, part in enumerate(parts)}
        own = self._rating.state_dict() if self._rating is not None else {}
        return {**{name: torch.from_numpy(array) for name, array in found.items()}, **own}

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Go back to what `tensors` gave."""
        if self._rating is not None:
            self._rating.load_state_dict(tensors)
        names = self._trainer.names
        arrays = _as_arrays(tensors)
        self._trainer.put("parameter", {name: arrays[f"model.{name}"] for name in names})
        for moment, arena in self._moments.items():
            zeros = {name: np.zeros_like(arrays[f"model.{name}"]) for name in names}
            self._trainer.put(arena, {name: arrays.get(f"optimizer.{name}.{moment}", zeros[name]) for name in names})
        self._updates = int(arrays.get(f"optimizer.{names[0]}.step", np.zeros(())))
        num_parts = 2 if self.model.config.core == "lstm" else 1
        layers = range(len(self.model.config.hidden_sizes))
        self._trainer.put_state(
            [tuple(arrays[f"state.{layer}.{number}"] for number in range(num_parts)) for layer in layers]
        )
        self.sync_to_model()


def shifted_targets(targets: Int64[np.ndarray, "batch time"], heads: int) -> Int64[np.ndarray, "heads batch time"]:
    """The targets of each head: the next token, the one after it, and so on; none beyond an ignored one or the end."""
    found = np.full((heads, *targets.shape), IGNORED, np.int64)
    found[0] = targets
    for head in range(1, min(heads, targets.shape[1])):
        known = found[head - 1, :, :-1] != IGNORED
        found[head, :, :-1] = np.where(known, found[head - 1, :, 1:], IGNORED)
    return found


def _as_arrays(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    return {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
