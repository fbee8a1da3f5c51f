"""A core, part 1 of 2: the torch-free specification of the plain recurrent network of Elman (1990).

Register it as `"tanh": "examples.extensions.tanh_rnn:TANH_RNN"`.
"""

from functools import partial
from typing import Any

import numpy as np

from seqloom.kernels.cores import CoreSpec, ReferenceLayer, TokenInput, Weights
from seqloom.kernels.cores.numerics import layer_norm, zeros
from seqloom.kernels.cores.recurrent import input_products, recurrent_shapes
from seqloom.kernels.decoder import State

__all__ = ["TANH_RNN"]


def _make_layer(weights: Weights, index: int, tokens: TokenInput | None) -> ReferenceLayer:
    weight_hidden, gain = weights["weight_hidden"], weights.get("norm_hidden.weight")
    products = input_products(weights, tokens)

    def step(value: Any, state: State) -> tuple[Any, State]:
        recurrent = state[0] @ weight_hidden.T
        hidden = np.tanh(products(value) + (recurrent if gain is None else layer_norm(recurrent, gain)))
        return hidden, (hidden,)

    return ReferenceLayer((zeros(weight_hidden.shape[1]),), step)


TANH_RNN = CoreSpec(
    layer="examples.extensions.tanh_rnn_layer:TanhRnn",
    num_gates=1,
    is_recurrent=True,
    layer_shapes=partial(recurrent_shapes, 1),
    make_layer=_make_layer,
    steps_batches=True,
)
