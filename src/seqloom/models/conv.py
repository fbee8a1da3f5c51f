"""Dilated causal convolution with gated units and a residual path (van den Oord et al. 2016, WaveNet)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.kernels.cores.conv import dilation
from seqloom.models.core_layer import CoreLayer, LayerConditioning, State
from seqloom.models.gated_rnn import LayerNorm

__all__ = ["CausalConv"]


class CausalConv(CoreLayer):
    """One gated residual block: `skip(x) + W_output (tanh(a) * sigmoid(b)) + bias_output`, with `a, b = conv(x)`.

    `skip` is the identity, or a linear map if the widths of input and output differ. Layer normalisation, if the model
    has it, acts on the input of the convolution only. A tap is a position of the kernel, and the dilation is the
    distance between two taps in tokens.

    State: the last `past = (kernel_width - 1) * dilation` inputs of the convolution, `[batch, past, input]`, oldest
    first; zeros before the start.
    """

    def __init__(
        self, input_size: int, size: int, index: int, config: ModelConfig, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.output_size = size
        self.dilation = dilation(index)
        self.past = (config.kernel_width - 1) * self.dilation
        self.weight_input = _glorot((2 * size, input_size, config.kernel_width), generator)
        self.bias = nn.Parameter(torch.zeros(2 * size))
        self.weight_output = _glorot((size, size), generator)
        self.bias_output = nn.Parameter(torch.zeros(size))
        self.weight_skip = _glorot((size, input_size), generator) if input_size != size else None
        self.norm = LayerNorm(input_size, bias=True) if config.layer_norm else None

    def initial_state(self, batch: int) -> State:
        """Return zeros."""
        return (self.bias.new_zeros(batch, self.past, self.weight_input.shape[1]),)

    def forward(
        self,
        inputs: Float[Tensor, "batch time features"],
        state: State,
        generator: torch.Generator | None = None,
        condition: LayerConditioning | None = None,
    ) -> tuple[Float[Tensor, "batch time hidden"], State]:
        """Read a sequence; see `CoreLayer.forward`. There are no recurrent weights to drop: `generator` is not used."""
        normalised = inputs if self.norm is None else self.norm(inputs)
        padded = torch.cat([state[0].to(normalised.dtype), normalised], 1)
        gates = nn.functional.conv1d(
            padded.transpose(1, 2), self.weight_input, self.bias, dilation=self.dilation
        ).transpose(1, 2)
        if condition is not None:
            gates = gates + condition.bias
        start = padded.shape[1] - self.past  # not a slice [-past:], which would keep everything if `past` is 0
        return self._output(inputs, gates), (padded[:, start:].to(state[0]),)

    def step(
        self,
        inputs: Float[Tensor, "batch features"],
        state: State,
        condition_bias: Float[Tensor, "batch gates"] | None = None,
    ) -> tuple[Float[Tensor, "batch hidden"], State]:
        """Read one token; see `CoreLayer.step`."""
        normalised = inputs if self.norm is None else self.norm(inputs)
        padded = torch.cat([state[0], normalised.unsqueeze(1)], 1)
        tap_inputs = padded[:, :: self.dilation]
        gates = torch.einsum("bki,gik->bg", tap_inputs, self.weight_input) + self.bias
        if condition_bias is not None:
            gates = gates + condition_bias
        return self._output(inputs, gates), (padded[:, 1:],)

    def _output(self, inputs: Tensor, gates: Tensor) -> Tensor:
        candidate, gate = gates.chunk(2, dim=-1)
        skip = inputs if self.weight_skip is None else inputs @ self.weight_skip.t()
        return skip + nn.functional.linear(candidate.tanh() * gate.sigmoid(), self.weight_output, self.bias_output)


def _glorot(shape: tuple[int, ...], generator: torch.Generator | None) -> nn.Parameter:
    """Return a uniform weight `[output, input, ...taps]` within the bounds of Glorot."""
    num_outputs, num_inputs, *taps = shape
    bound = math.sqrt(6 / (num_inputs * math.prod(taps) + num_outputs))
    return nn.Parameter(nn.init.uniform_(torch.empty(shape), -bound, bound, generator=generator))
