"""Train the conditioning of a network in torch, while the compiled kernels train all other weights.

A `Conditioning` maps the conditions of a text, such as its rating, to two additive biases: of the gates of every layer,
and of the logits.
"""

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
    """Train a `Conditioning` from the gradients that the kernels return for the biases that it puts out.

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

    def batch_biases(self, rows: ConditionRows) -> ConditionBiasRows:
        """Return the biases of a batch, with arrays into which the kernels write their gradients."""
        self._biases = self._conditioning.biases(torch.from_numpy(rows.features), torch.from_numpy(rows.is_first))
        gate_bias, logit_bias = (np.ascontiguousarray(bias.detach().numpy()) for bias in self._biases)
        self._rows = ConditionBiasRows(
            rows.index, gate_bias, logit_bias, np.zeros_like(gate_bias), np.zeros_like(logit_bias)
        )
        return self._rows

    def backpropagate(self) -> float:
        """Backpropagate the gradients that the kernels wrote for the last batch.

        Returns:
            The norm of the gradients of the weights.
        """
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
