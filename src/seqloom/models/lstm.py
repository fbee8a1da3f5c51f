"""Long short-term memory (Hochreiter, Schmidhuber 1997; forget gate of Gers et al. 2000), a single bias per gate."""

import torch
from jaxtyping import Float
from torch import Tensor

from seqloom.config import ModelConfig
from seqloom.models.core_layer import LayerConditioning, State
from seqloom.models.gated_rnn import GatedRnn, LayerNorm
from seqloom.models.resets import FORCED, ResetSteps

__all__ = ["LSTM"]


class LSTM(GatedRnn):
    """One LSTM layer; gates in the order input, forget, candidate, output.

    State: hidden `[batch, hidden]` and cell `[batch, hidden]`. Without layer normalisation a sequence is read by
    torch's fused operator, otherwise one step at a time.
    """

    num_gates = 4

    def __init__(
        self, input_size: int, size: int, index: int, config: ModelConfig, generator: torch.Generator | None = None
    ) -> None:
        super().__init__(input_size, size, index, config, generator)
        self.bias.data[size : 2 * size] = config.forget_bias
        self.norm_cell = LayerNorm(size, bias=True) if config.layer_norm else None
        self.reads_resets = not config.layer_norm

    def initial_state(self, batch: int) -> State:
        """Return zeros."""
        zeros = self.bias.new_zeros(batch, self.output_size)
        return zeros, zeros.clone()

    def forward(
        self,
        inputs: Float[Tensor, "batch time features"],
        state: State,
        generator: torch.Generator | None = None,
        condition: LayerConditioning | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        """Read a sequence; see `CoreLayer.forward`."""
        if self.norm_cell is not None:
            return self._unrolled(inputs, state, self.recurrent_weight(generator), condition)
        return self._fused(inputs, state, None, generator, condition)

    def forward_with_resets(
        self,
        inputs: Float[Tensor, "batch steps features"],
        state: State,
        resets: ResetSteps,
        generator: torch.Generator | None = None,
        condition: LayerConditioning | None = None,
    ) -> tuple[Float[Tensor, "batch steps hidden"], State]:
        """Read a sequence with resets; see `CoreLayer.forward_with_resets`."""
        return self._fused(inputs, state, resets, generator, condition)

    def _fused(
        self,
        inputs: Float[Tensor, "batch time features"],
        state: State,
        resets: ResetSteps | None,
        generator: torch.Generator | None,
        condition: LayerConditioning | None,
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        weight_hidden = self.recurrent_weight(generator)
        inputs, weight_input = self.with_condition(inputs, condition)
        if resets is not None:
            inputs = torch.cat([inputs, resets.forced.to(inputs.dtype)], -1)
            weight_input = torch.cat([weight_input, self._forced_gates()], 1)
        # Torch expects a second bias, added to the recurrent product. This layer has none, so the second bias is zero.
        weights = [weight_input, weight_hidden, self.bias, torch.zeros_like(self.bias)]
        outputs, hidden, cell = torch.lstm(
            inputs.transpose(0, 1),
            tuple(part.unsqueeze(0) for part in state),
            weights,
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=False,
        )
        outputs = outputs.transpose(0, 1)
        # A step that keeps the state keeps the cell, but the hidden vector is that of the last token.
        last_hidden = hidden[0] if resets is None else resets.last(outputs)
        return outputs, (last_hidden.to(state[0]), cell[0].to(state[1]))

    def _forced_gates(self) -> Float[Tensor, "gates two"]:
        """Return weights that close all gates to clear the state, or close the input and open the cell to keep it."""
        open_gate, closed, free = FORCED, -FORCED, 0.0
        gates = self.bias.new_tensor([[closed, closed], [closed, open_gate], [free, free], [closed, free]])
        return gates.repeat_interleave(self.output_size, dim=0)

    def _step(
        self, inputs: Tensor, state: State, weight_hidden: Tensor, condition_bias: Tensor | None = None
    ) -> tuple[Tensor, State]:
        hidden, cell = state
        from_input, from_hidden = self.products(inputs, hidden, weight_hidden, condition_bias)
        input_gate, forget_gate, candidate, output_gate = (from_input + from_hidden).chunk(4, dim=-1)
        cell = forget_gate.sigmoid() * cell + input_gate.sigmoid() * candidate.tanh()
        normed = cell if self.norm_cell is None else self.norm_cell(cell)
        hidden = output_gate.sigmoid() * normed.tanh()
        return hidden, (hidden, cell)
