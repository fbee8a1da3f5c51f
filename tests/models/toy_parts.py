"""A core and a head that are only registered: specs without native kernels, and their torch layers."""

from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.kernels.cores import CoreSpec, ReferenceLayer, TokenInput, Weights
from seqloom.kernels.cores.numerics import layer_norm, zeros
from seqloom.kernels.cores.recurrent import input_products, recurrent_shapes
from seqloom.kernels.decoder import State
from seqloom.kernels.heads import HeadSpec
from seqloom.kernels.heads.softmax import sample_softmax
from seqloom.models.core_layer import LayerConditioning
from seqloom.models.gated_rnn import GatedRnn
from seqloom.models.head_layer import HeadLayer

RANK = 3


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


def _make_layer(weights: Weights, index: int, tokens: TokenInput | None) -> ReferenceLayer:
    weight_hidden, gain = weights["weight_hidden"], weights.get("norm_hidden.weight")
    products = input_products(weights, tokens)

    def step(value: Any, state: State) -> tuple[Any, State]:
        recurrent = state[0] @ weight_hidden.T
        hidden = np.tanh(products(value) + (recurrent if gain is None else layer_norm(recurrent, gain)))
        return hidden, (hidden,)

    return ReferenceLayer((zeros(weight_hidden.shape[1]),), step)


TANH_RNN = CoreSpec(
    layer="tests.models.toy_parts:TanhRnn",
    num_gates=1,
    is_recurrent=True,
    layer_shapes=partial(recurrent_shapes, 1),
    make_layer=_make_layer,
    steps_batches=True,
)


class LowRankHead(HeadLayer):
    """Logits of a softmax whose weight is a product of two thin matrices."""

    def __init__(self, hidden: int, config: ModelConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(RANK, hidden, generator=generator) * 0.3)
        self.up = nn.Parameter(torch.randn(config.vocabulary, RANK, generator=generator) * 0.3)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))

    def forward(self, hidden: Tensor, tied: Tensor | None = None) -> Tensor:
        return hidden @ self.down.t() @ self.up.t() + self.bias

    def losses(
        self,
        hidden: Tensor,
        targets: Tensor,
        ignored: int,
        condition_bias: Tensor | None = None,
        tied: Tensor | None = None,
    ) -> list[Tensor]:
        logits = self(hidden)
        logits = logits if condition_bias is None else logits + condition_bias
        return [nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=ignored)]


def _make_logits(config: ModelConfig, weights: Weights) -> Any:
    down, up, bias = (weights[f"head.{name}"] for name in ("down", "up", "bias"))
    return lambda hidden: up @ (down @ hidden) + bias


LOW_RANK = HeadSpec(
    layer="tests.models.toy_parts:LowRankHead",
    shapes=lambda config, width: {"down": (RANK, width), "up": (config.vocabulary, RANK), "bias": (config.vocabulary,)},
    make_parameters=_make_logits,
    sample=sample_softmax,
)
