"""Gated recurrent unit (Cho et al. 2014), the reset gate applied after the recurrent product."""

from functools import partial
from typing import Any

import numpy as np
from jaxtyping import Float32

from seqloom.kernels.cores.numerics import layer_norm, sigmoid, zeros
from seqloom.kernels.cores.recurrent import input_products, pack_recurrent_layer, recurrent_shapes
from seqloom.kernels.cores.spec import CoreSpec, NativeCore, ReferenceLayer, Weights
from seqloom.kernels.cores.token_input import TokenInput
from seqloom.kernels.decoder import State

__all__ = ["SPEC", "gru_step"]

_NUM_GATES = 3


def gru_step(
    hidden: Float32[np.ndarray, "*streams hidden"],
    from_input: Float32[np.ndarray, "... 3*hidden"],
    weight_hidden: Float32[np.ndarray, "3*hidden hidden"],
    hidden_gain: Float32[np.ndarray, " 3*hidden"] | None = None,
) -> Float32[np.ndarray, "*streams hidden"]:
    """Run one step; the gates are in the order reset, update, candidate.

    Args:
        hidden: hidden vector before the step.
        from_input: part of the pre-activations that comes from the input, bias included.
        weight_hidden: recurrent weights.
        hidden_gain: gain of the layer normalisation of the recurrent product; None without normalisation.

    Returns:
        The new hidden vector, which is the output.
    """
    size = hidden.shape[-1]
    recurrent = hidden @ weight_hidden.T
    if hidden_gain is not None:
        recurrent = layer_norm(recurrent, hidden_gain)
    gates = sigmoid(from_input[..., : 2 * size] + recurrent[..., : 2 * size])
    reset, update = gates[..., :size], gates[..., size:]
    candidate = np.tanh(from_input[..., 2 * size :] + reset * recurrent[..., 2 * size :])
    new_hidden: Float32[np.ndarray, "*streams hidden"] = (np.float32(1) - update) * candidate + update * hidden
    return new_hidden


def _make_layer(weights: Weights, index: int, tokens: TokenInput | None) -> ReferenceLayer:
    weight_hidden = weights["weight_hidden"]
    products = input_products(weights, tokens)
    gain = weights.get("norm_hidden.weight")

    def step(value: Any, state: State) -> tuple[Float32[np.ndarray, "*streams hidden"], State]:
        hidden = gru_step(state[0], products(value), weight_hidden, gain)
        return hidden, (hidden,)

    return ReferenceLayer((zeros(weight_hidden.shape[1]),), step)


SPEC = CoreSpec(
    layer="seqloom.models.gru:GRU",
    num_gates=_NUM_GATES,
    is_recurrent=True,
    layer_shapes=partial(recurrent_shapes, _NUM_GATES),
    make_layer=_make_layer,
    steps_batches=True,
    native=NativeCore(
        decoder_id=1, trainer_id=1, num_state_arrays=1, supports_int8=True, pack_layer=pack_recurrent_layer
    ),
)
