"""A core, part 2 of 2: the torch layer of the plain recurrent network of Elman (1990)."""

import torch
from torch import Tensor

from seqloom.models.core_layer import LayerConditioning
from seqloom.models.gated_rnn import GatedRnn

__all__ = ["TanhRnn"]


class TanhRnn(GatedRnn):
    """`h = tanh(W x + U h + b)` (Elman 1990)."""

    num_gates = 1

    def initial_state(self, batch: int) -> tuple[Tensor, ...]:
        return (self.bias.new_zeros(batch, self.output_size),)

    def forward(
        self,
        inputs: Tensor,
        state: tuple[Tensor, ...],
        generator: torch.Generator | None = None,
        condition: LayerConditioning | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        return self._unrolled(inputs, state, self.recurrent_weight(generator), condition)

    def _step(
        self,
        inputs: Tensor,
        state: tuple[Tensor, ...],
        weight_hidden: Tensor,
        condition_bias: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        hidden = sum(self.products(inputs, state[0], weight_hidden, condition_bias)).tanh()
        return hidden, (hidden,)
