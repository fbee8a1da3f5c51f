"""What the gated recurrent layers share: parameters, their initial values, and the dropping of recurrent weights."""

import math
from abc import abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.models.recurrent_layer import CoreLayer, LayerConditioning, State, dropout_mask, unroll

__all__ = ["GatedRnn", "LayerNorm"]


class LayerNorm(nn.Module):
    """Layer normalisation with a gain and, where asked for, a bias (Ba, Kiros, Hinton 2016)."""

    def __init__(self, size: int, *, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size)) if bias else None

    def forward(self, values: Float[Tensor, "*axes features"]) -> Float[Tensor, "*axes features"]:
        """Normalise over the last axis."""
        return nn.functional.layer_norm(values, self.weight.shape, self.weight, self.bias)


class GatedRnn(CoreLayer):
    """A recurrent layer with `num_gates` gates over one hidden vector, and a single bias for each gate.

    Parameters: `weight_input [gates*hidden, input]`, `weight_hidden [gates*hidden, hidden]`, `bias [gates*hidden]`. The
    input weights start uniform (Glorot), the recurrent ones orthogonal gate by gate (Saxe et al. 2014).
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
        bound = math.sqrt(6 / (input_size + size))
        nn.init.uniform_(self.weight_input, -bound, bound, generator=generator)
        for gate in self.weight_hidden.data.chunk(self.num_gates):
            nn.init.orthogonal_(gate, generator=generator)
        self.norm_input = LayerNorm(self.num_gates * size, bias=False) if config.layer_norm else None
        self.norm_hidden = LayerNorm(self.num_gates * size, bias=False) if config.layer_norm else None

    def recurrent_weight(self, generator: torch.Generator | None) -> Float[Tensor, "gates hidden"]:
        """The recurrent weight with a share of its entries dropped for the length of a window."""
        weight = self.weight_hidden
        mask = dropout_mask(weight, self.weight_dropout, generator, tuple(weight.shape))
        return weight if mask is None else weight * mask

    def with_condition(
        self, inputs: Float[Tensor, "batch time features"], condition: LayerConditioning | None
    ) -> tuple[Float[Tensor, "batch time wide"], Float[Tensor, "gates wide"]]:
        """Inputs and input weight, with what the layer is told beside them."""
        if condition is None:
            return inputs, self.weight_input
        told = condition.features.to(inputs.dtype)
        return torch.cat([inputs, told], -1), torch.cat([self.weight_input, condition.weight], 1)

    def products(
        self, inputs: Tensor, hidden: Tensor, weight_hidden: Tensor, added: Tensor | None = None
    ) -> tuple[Float[Tensor, "batch gates"], Float[Tensor, "batch gates"]]:
        """The pre-activations from the input (bias and `added` included) and from the hidden vector."""
        from_input = inputs @ self.weight_input.t()
        from_hidden = hidden @ weight_hidden.t()
        if self.norm_input is not None and self.norm_hidden is not None:
            from_input, from_hidden = self.norm_input(from_input), self.norm_hidden(from_hidden)
        driven = from_input + self.bias
        return driven if added is None else driven + added, from_hidden

    def advance(
        self, inputs: Float[Tensor, "batch features"], state: State, added: Float[Tensor, "batch gates"]
    ) -> tuple[Float[Tensor, "batch hidden"], State]:
        """Read one token; `added` goes to the pre-activations."""
        return self._step(inputs, state, self.weight_hidden, added)

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

        def step(both: Tensor, before: State) -> tuple[Tensor, State]:
            return self._step(both[:, :width], before, weight_hidden, both[:, width:])

        return unroll(step, torch.cat([inputs, condition.bias], -1), state)

    @abstractmethod
    def _step(
        self, inputs: Tensor, state: State, weight_hidden: Tensor, added: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Read one token; `added` goes to the pre-activations."""
