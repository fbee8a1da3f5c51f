"""Parts that the gated recurrent layers share: parameters, initial values and weight dropout."""

import math
from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.models.core_layer import CoreLayer, LayerConditioning, State, dropout_mask, unroll

__all__ = ["GatedRnn", "LayerNorm"]


class LayerNorm(nn.Module):
    """Layer normalisation with a gain and an optional bias (Ba, Kiros, Hinton 2016)."""

    def __init__(self, size: int, *, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size)) if bias else None

    def forward(self, values: Float[Tensor, "*axes features"]) -> Float[Tensor, "*axes features"]:
        """Normalise over the last axis."""
        return nn.functional.layer_norm(values, self.weight.shape, self.weight, self.bias)


class GatedRnn(CoreLayer):
    """A recurrent layer with `num_gates` gates over one hidden vector, and a single bias per gate.

    Parameters: `weight_input [gates*hidden, input]`, `weight_hidden [gates*hidden, hidden]`, `bias [gates*hidden]`. The
    input weights start uniform (Glorot, Bengio 2010), the recurrent ones orthogonal (Saxe et al. 2014): those of each
    gate, or, with `initialization` "keras", those of all gates together.
    """

    num_gates: int

    def __init__(
        self, input_size: int, size: int, index: int, config: ModelConfig, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.output_size = size
        self.weight_dropout = config.weight_dropout
        self.weight_input = nn.Parameter(torch.empty(self.num_gates * size, input_size))
        self.weight_hidden = nn.Parameter(torch.empty(self.num_gates * size, size))
        self.bias = nn.Parameter(torch.zeros(self.num_gates * size))
        # Each gate has a matrix of its own, or all gates share one, as in Keras.
        num_matrices = 1 if config.initialization == "keras" else self.num_gates
        bound = math.sqrt(6 / (input_size + self.num_gates * size // num_matrices))
        nn.init.uniform_(self.weight_input, -bound, bound, generator=generator)
        for matrix in self.weight_hidden.data.chunk(num_matrices):
            nn.init.orthogonal_(matrix, generator=generator)
        self.norm_input = LayerNorm(self.num_gates * size, bias=False) if config.layer_norm else None
        self.norm_hidden = LayerNorm(self.num_gates * size, bias=False) if config.layer_norm else None

    def recurrent_weight(self, generator: torch.Generator | None) -> Float[Tensor, "gates hidden"]:
        """Return the recurrent weight, multiplied by one dropout mask for a whole window (Merity et al. 2018)."""
        weight = self.weight_hidden
        mask = dropout_mask(weight, self.weight_dropout, generator, tuple(weight.shape))
        return weight if mask is None else weight * mask

    def with_condition(
        self, inputs: Float[Tensor, "batch time features"], condition: LayerConditioning | None
    ) -> tuple[Float[Tensor, "batch time wide"], Float[Tensor, "gates wide"]]:
        """Append the features of the conditions to the inputs, and their weights to the input weight; return both.

        The product of the two then includes the bias of the conditions.
        """
        if condition is None:
            return inputs, self.weight_input
        features = condition.features.to(inputs.dtype)
        return torch.cat([inputs, features], -1), torch.cat([self.weight_input, condition.weight], 1)

    def products(
        self, inputs: Tensor, hidden: Tensor, weight_hidden: Tensor, condition_bias: Tensor | None = None
    ) -> tuple[Float[Tensor, "batch gates"], Float[Tensor, "batch gates"]]:
        """Return the two parts of the pre-activations: from the input (biases included) and from the hidden vector."""
        from_input = inputs @ self.weight_input.t()
        from_hidden = hidden @ weight_hidden.t()
        if self.norm_input is not None and self.norm_hidden is not None:
            from_input, from_hidden = self.norm_input(from_input), self.norm_hidden(from_hidden)
        biased = from_input + self.bias
        return biased if condition_bias is None else biased + condition_bias, from_hidden

    def step(
        self,
        inputs: Float[Tensor, "batch features"],
        state: State,
        condition_bias: Float[Tensor, "batch gates"] | None = None,
    ) -> tuple[Float[Tensor, "batch hidden"], State]:
        """Read one token; see `CoreLayer.step`."""
        return self._step(inputs, state, self.weight_hidden, condition_bias)

    def _unrolled(
        self,
        inputs: Float[Tensor, "batch time features"],
        state: State,
        weight_hidden: Tensor,
        condition: LayerConditioning | None,
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        """Read a sequence one token at a time."""
        if condition is None:
            return unroll(lambda token, before: self._step(token, before, weight_hidden), inputs, state)
        width = inputs.shape[-1]

        # `unroll` steps over a single tensor, so the biases of the conditions are appended to the inputs.
        def step(input_and_bias: Tensor, before: State) -> tuple[Tensor, State]:
            return self._step(input_and_bias[:, :width], before, weight_hidden, input_and_bias[:, width:])

        return unroll(step, torch.cat([inputs, condition.bias], -1), state)

    @abstractmethod
    def _step(
        self, inputs: Tensor, state: State, weight_hidden: Tensor, condition_bias: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Read one token with the recurrent weights `weight_hidden`."""
