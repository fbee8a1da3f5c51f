"""Training steps in torch, for any model on any device."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from seqloom.config import TrainingConfig
from seqloom.data.batch import IGNORED, Batch
from seqloom.errors import ConfigError
from seqloom.models.language_model import LanguageModel
from seqloom.training.condition_rows import ConditionRows
from seqloom.training.optimizer import make_optimizer, optimizer_tensors, restore_optimizer, set_rate

__all__ = ["TorchTrainStep"]


class TorchTrainStep:
    """A `training.train_step.TrainStep` by automatic differentiation, in the precision of the config.

    Args:
        model: network, updated in place.
        config: training settings.
        batch_size: rows of a batch.
        carries_state: whether each row of a batch starts from the state in which the same row of the previous batch
            ended; otherwise it starts from the zero state.

    Raises:
        ConfigError: this processor cannot train the model in that precision.

    Attributes:
        state: state from which the next batch starts.
    """

    def __init__(self, model: LanguageModel, config: TrainingConfig, batch_size: int, carries_state: bool) -> None:
        self.model, self.config, self.carries_state = model, config, carries_state
        self.device = model.device
        _check_precision(model, config)
        self.optimizer = make_optimizer(model, config)
        self.generator = torch.Generator(self.device).manual_seed(config.seed + 1)
        self.state = model.initial_state(batch_size)
        self._name_of_parameter: dict[Tensor, str] = {parameter: name for name, parameter in model.named_parameters()}

    def update(self, batch: Batch, step: int, rate: float) -> float:
        """Update the weights by one batch; see `TrainStep.update`.

        Returns:
            The mean loss of the next token in nats; NaN, with the weights unchanged, if the loss or its gradient is not
            finite.
        """
        tokens, targets = (torch.from_numpy(part).to(self.device) for part in (batch.tokens, batch.targets))
        resets = torch.from_numpy(batch.resets) if batch.resets.any() else None
        state = self.state if self.carries_state else self.model.initial_state(len(tokens))
        condition_rows = None  # the distinct conditions in the batch, and which of them holds at each token
        if self.model.condition is not None:
            condition_rows = ConditionRows.from_batch(batch, carries_state=self.carries_state)
        conditions = None if condition_rows is None else condition_rows.condition_inputs(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bfloat16"):
            hidden, state = self.model(tokens, state, resets, self.generator, conditions)
            objective, next_token_loss = self.model.losses(hidden, targets, IGNORED, conditions)
        self.optimizer.zero_grad(set_to_none=True)
        objective.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip or math.inf, foreach=True)
        loss = float(next_token_loss.detach())
        if not (math.isfinite(loss) and bool(norm.isfinite())):
            return math.nan
        set_rate(self.optimizer, rate)
        self.optimizer.step()
        if self.carries_state:
            self.state = tuple(tuple(part.detach() for part in layer) for layer in state)
        return loss

    def sync_to_model(self) -> None:
        """Do nothing: the model's own weights are trained."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return copies of weights, moments, carried state and the state of the random generator."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= optimizer_tensors(self.optimizer, self._name_of_parameter)
        for layer, parts in enumerate(self.state):
            tensors |= {f"state.{layer}.{number}": part for number, part in enumerate(parts)}
        tensors["generator"] = self.generator.get_state()
        return {name: value.detach().clone().contiguous() for name, value in tensors.items()}

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore a `state_dict`."""
        self.model.load_state_dict({name: tensors[f"model.{name}"] for name in self.model.state_dict()})
        restore_optimizer(self.optimizer, self._name_of_parameter, tensors)
        self.state = tuple(
            tuple(tensors[f"state.{layer}.{number}"].to(self.device) for number in range(len(parts)))
            for layer, parts in enumerate(self.state)
        )
        if "generator" in tensors:  # a snapshot of `NativeTrainStep` has none
            self.generator.set_state(tensors["generator"].cpu())


def _check_precision(model: LanguageModel, config: TrainingConfig) -> None:
    """Refuse to train an LSTM in bfloat16 on a processor where oneDNN, torch's library for CPUs, cannot.

    Torch has no other implementation of an LSTM in bfloat16 on a CPU. Without this check, the first step would fail
    with a message that does not name the setting.
    """
    if config.precision != "bfloat16" or model.config.core != "lstm" or model.device.type != "cpu":
        return
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        raise ConfigError(
            "`precision` is bfloat16, in which torch cannot train an LSTM on this processor: choose float32, or train "
            "on a processor with AVX-512 or a GPU"
        )
