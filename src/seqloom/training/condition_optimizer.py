"""Train the conditioning of a network in torch, while the compiled kernels train all other weights.

A `Conditioning` maps the conditions of a text, such as its rating, to two additive biases: one for the gates of all
layers, and one for the logits. For each batch, torch computes the biases. The kernels add the biases inside the network
and write the gradients of the loss with respect to them. Torch backpropagates these gradients to the weights of the
conditioning.
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
    """Train a `Conditioning` from the gradients that the kernels compute for its biases.

    Args:
        conditioning: module, updated in place.
        config: training settings.
    """

    def __init__(self, conditioning: Conditioning, config: TrainingConfig) -> None:
        self._conditioning = conditioning
        self._optimizer = make_optimizer(conditioning, config)
        self._name_of_parameter: dict[Tensor, str] = {
            parameter: _PREFIX + name for name, parameter in conditioning.named_parameters()
        }
        self._biases: tuple[Tensor, Tensor] | None = None
        self._bias_rows: ConditionBiasRows | None = None

    def batch_biases(self, condition_rows: ConditionRows) -> ConditionBiasRows:
        """Return the biases of a batch, with arrays into which the kernels write the gradients of the biases."""
        features = torch.from_numpy(condition_rows.features)
        is_first_token = torch.from_numpy(condition_rows.is_first)
        self._biases = self._conditioning.biases(features, is_first_token)
        gate_bias, logit_bias = (np.ascontiguousarray(bias.detach().numpy()) for bias in self._biases)
        self._bias_rows = ConditionBiasRows(
            index=condition_rows.index,
            gate_bias=gate_bias,
            logit_bias=logit_bias,
            d_gate_bias=np.zeros_like(gate_bias),
            d_logit_bias=np.zeros_like(logit_bias),
        )
        return self._bias_rows

    def backpropagate(self) -> float:
        """Backpropagate the gradients that the kernels wrote for the last batch.

        Returns:
            The Euclidean norm of the gradients of all weights of the conditioning together.
        """
        assert self._biases is not None
        assert self._bias_rows is not None
        self._optimizer.zero_grad(set_to_none=True)
        gradients = [torch.from_numpy(array) for array in (self._bias_rows.d_gate_bias, self._bias_rows.d_logit_bias)]
        # If `condition_into` leaves a bias out, the bias is a constant zero, to which no weight contributes.
        trained = [(bias, grad) for bias, grad in zip(self._biases, gradients, strict=True) if bias.requires_grad]
        torch.autograd.backward([bias for bias, _ in trained], [gradient for _, gradient in trained])
        return float(
            torch.nn.utils.get_total_norm(
                [parameter.grad for parameter in self._name_of_parameter if parameter.grad is not None]
            )
        )

    def update(self, rate: float, scale: float) -> None:
        """Update the weights.

        Args:
            rate: learning rate.
            scale: factor by which the gradients are multiplied, to clip their norm.
        """
        for parameter in self._name_of_parameter:
            assert parameter.grad is not None
            parameter.grad *= scale
        set_rate(self._optimizer, rate)
        self._optimizer.step()

    def state_dict(self) -> Mapping[str, Tensor]:
        """Return copies of weights and moments, by the same names as `TorchTrainStep.state_dict`."""
        weights = {f"model.{name}": parameter.detach().clone() for parameter, name in self._name_of_parameter.items()}
        return weights | optimizer_tensors(self._optimizer, self._name_of_parameter)

    def load_state_dict(self, tensors: Mapping[str, Tensor]) -> None:
        """Restore a `state_dict`."""
        with torch.no_grad():
            for parameter, name in self._name_of_parameter.items():
                parameter.copy_(tensors[f"model.{name}"])
        restore_optimizer(self._optimizer, self._name_of_parameter, tensors)
