"""Gated recurrent unit (Cho et al. 2014), the reset gate applied after the recurrent product, one bias per gate."""

import torch
from jaxtyping import Float
from torch import Tensor

from seqloom.models.core_layer import LayerConditioning, State
from seqloom.models.gated_rnn import GatedRnn

__all__ = ["GRU"]


class GRU(GatedRnn):
    """One GRU layer; gates in the order reset, update, candidate.

    State: hidden `[batch, hidden]`. Without layer normalisation a sequence is read by torch's fused operator, otherwise
    one step at a time.
    """

    num_gates = 3

    def initial_state(self, batch: int) -> State:
        """Return zeros."""
        return (self.bias.new_zeros(batch, self.output_size),)

    def forward(
        self,
        inputs: Float[Tensor, "batch time features"],
        state: State,
        generator: torch.Generator | None = None,
        condition: LayerConditioning | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        """Read a sequence; see `CoreLayer.forward`."""
        weight_hidden = self.recurrent_weight(generator)
        if self.norm_input is not None:
            return self._unrolled(inputs, state, weight_hidden, condition)
        inputs, weight_input = self.with_condition(inputs, condition)
        # Torch expects a second bias, added to the recurrent product. This layer has none, so the second bias is zero.
        weights = [weight_input, weight_hidden, self.bias, torch.zeros_like(self.bias)]
        outputs, hidden = torch.gru(
            inputs.transpose(0, 1),
            state[0].unsqueeze(0),
            weights,
            has_biases=True,
            num_layers=1,
            dropout=0.0,
            train=torch.is_grad_enabled(),
            bidirectional=False,
            batch_first=False,
        )
        return outputs.transpose(0, 1), (hidden[0].to(state[0]),)

    def _step(
        self, inputs: Tensor, state: State, weight_hidden: Tensor, condition_bias: Tensor | None = None
    ) -> tuple[Tensor, State]:
        (hidden,) = state
        from_input, from_hidden = self.products(inputs, hidden, weight_hidden, condition_bias)
        reset_input, update_input, candidate_input = from_input.chunk(3, dim=-1)
        reset_hidden, update_hidden, candidate_hidden = from_hidden.chunk(3, dim=-1)
        reset = (reset_input + reset_hidden).sigmoid()
        update = (update_input + update_hidden).sigmoid()
        candidate = (candidate_input + reset * candidate_hidden).tanh()
        hidden = (1 - update) * candidate + update * hidden
        return hidden, (hidden,)
