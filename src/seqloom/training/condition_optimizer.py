"""Updates of the conditioning of a network whose other weights the compiled kernels train."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from seqloom.config import TrainingConfig
from seqloom.kernels.trainer import ConditionBiasRows
from seqloom.models.conditioning import Conditioning
from seqloom.training.condition_rows import ConditionRows
from seqloom.training.optimizer import make_optimizer, optimizer_tensors, restore_optimizer, set_rate

__all__ = ["ConditionOptimizer"]

_PREFIX = "condition."


class ConditionOptimizer:
    """Train a `Conditioning` by the gradients of its biases.

    Args:
        conditioning: module, updated in place.
        config: training settings.
    """

    def __init__(self, conditioning: Conditioning, config: TrainingConfig) -> None:
        self._conditioning = conditioning
        self._optimizer = make_optimizer(conditioning, config)
        self._names: dict[Tensor, str] = {
            parameter: _PREFIX + name for name, parameter in conditioning.named_parameters()
        }
        self._biases: tuple[Tensor, Tensor] | None = None
        self._rows: ConditionBiasRows | None = None

    def begin(self, rows: ConditionRows) -> ConditionBiasRows:
        """Return the biases of a batch, with output arrays for their gradients."""
        self._biases = self._conditioning.biases(torch.from_numpy(rows.features), torch.from_numpy(rows.first))
        gates, logits = (np.ascontiguousarray(bias.detach().numpy()) for bias in self._biases)
        self._rows = ConditionBiasRows(rows.index, gates, logits, np.zeros_like(gates), np.zeros_like(logits))
        return self._rows

    def gradient_norm(self) -> float:
        """Backpropagate the written gradients of the last batch; return the norm of the weights' gradients."""
        assert self._biases is not None
        assert self._rows is not None
        self._optimizer.zero_grad(set_to_none=True)
        gradients = [torch.from_numpy(array) for array in (self._rows.d_gate_bias, self._rows.d_logit_bias)]
        pairs = [(bias, grad) for bias, grad in zip(self._biases, gradients, strict=True) if bias.requires_grad]
        torch.autograd.backward([bias for bias, _ in pairs], [gradient for _, gradient in pairs])
        return float(
            torch.nn.utils.get_total_norm([parameter.grad for parameter in self._names if parameter.grad is not None])
        )

    def update(self, rate: float, scale: float) -> None:
        """Update the weights.

        Args:
            rate: learning rate.
            scale: factor of the gradients.
        """
        for parameter in self._names:
            assert parameter.grad is not None
            parameter.grad *= scale
        set_rate(self._optimizer, rate)
        self._optimizer.step()

    def state_dict(self) -> Mapping[str, Tensor]:
        """Return copies of weights and moments, under the names of `TorchTrainStep`."""
        weights = {f"model.{name}": parameter.detach().clone() for parameter, name in self._names.items()}
        return weights | optimizer_tensors(self._optimizer, self._names)

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore a `state_dict`."""
        with torch.no_grad():
            for parameter, name in self._names.items():
                parameter.copy_(tensors[f"model.{name}"])
        restore_optimizer(self._optimizer, self._names, tensors)
