"""Long short-term memory (Hochreiter, Schmidhuber 1997) with a forget gate (Gers, Schmidhuber, Cummins 2000)."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.kernels.cores.numerics import layer_norm, zeros
from seqloom.kernels.cores.recurrent import input_products, pack_recurrent_layer, recurrent_shapes
from seqloom.kernels.cores.spec import CoreSpec, NativeCore, ReferenceLayer, Shapes, Weights
from seqloom.kernels.cores.token_input import TokenInput
from seqloom.kernels.decoder import State

__all__ = ["SPEC", "LSTMNorm", "lstm_step"]

_NUM_GATES = 4

# As sigmoid(x) = tanh(x / 2) / 2 + 1/2, one call of tanh computes all four rows: input gate, forget gate, candidate
# (which is the tanh itself) and output gate.
_SCALE = np.array([[0.5], [0.5], [1.0], [0.5]], np.float32)
_OFFSET = np.array([[0.5], [0.5], [0.0], [0.5]], np.float32)


class LSTMNorm(NamedTuple):
    """Parameters of layer normalisation inside an LSTM step.

    Attributes:
        hidden_gain: gain of the recurrent product.
        cell_gain: gain of the cell's normalisation, which only the output uses: the next step reads the cell itself.
        cell_bias: bias of the cell's normalisation.
    """

    hidden_gain: Float32[np.ndarray, " four_hidden"]
    cell_gain: Float32[np.ndarray, " hidden"]
    cell_bias: Float32[np.ndarray, " hidden"]


def lstm_step(
    hidden: Float32[np.ndarray, "*streams hidden"],
    cell: Float32[np.ndarray, "*streams hidden"],
    from_input: Float32[np.ndarray, "... 4*hidden"],
    weight_hidden: Float32[np.ndarray, "4*hidden hidden"],
    norm: LSTMNorm | None = None,
) -> tuple[Float32[np.ndarray, "*streams hidden"], Float32[np.ndarray, "*streams hidden"]]:
    """Run one step; the gates are in the order input, forget, candidate, output.

    Args:
        hidden: hidden vector before the step.
        cell: cell before the step.
        from_input: part of the pre-activations that comes from the input, bias included.
        weight_hidden: recurrent weights.
        norm: parameters of the layer normalisation; None without normalisation.

    Returns:
        The new hidden vector (which is the output) and the new cell. The next step reads the cell unnormalised.
    """
    recurrent = hidden @ weight_hidden.T
    if norm is not None:
        recurrent = layer_norm(recurrent, norm.hidden_gain)
    pre_activations = (from_input + recurrent).reshape(*hidden.shape[:-1], _NUM_GATES, -1)
    activations = _SCALE * np.tanh(_SCALE * pre_activations) + _OFFSET
    input_gate, forget_gate, candidate, output_gate = (activations[..., gate, :] for gate in range(_NUM_GATES))
    cell = forget_gate * cell + input_gate * candidate
    normed = cell if norm is None else layer_norm(cell, norm.cell_gain, norm.cell_bias)
    hidden = output_gate * np.tanh(normed)
    return hidden, cell


def _shapes(config: ModelConfig, inputs: int, size: int) -> Shapes:
    shapes = recurrent_shapes(_NUM_GATES, config, inputs, size)
    if config.layer_norm:
        shapes |= {"norm_cell.weight": (size,), "norm_cell.bias": (size,)}
    return shapes


def _make_layer(weights: Weights, index: int, tokens: TokenInput | None) -> ReferenceLayer:
    weight_hidden = weights["weight_hidden"]
    products = input_products(weights, tokens)
    norm = None
    if "norm_cell.weight" in weights:
        norm = LSTMNorm(weights["norm_hidden.weight"], weights["norm_cell.weight"], weights["norm_cell.bias"])

    def step(value: Any, state: State) -> tuple[Float32[np.ndarray, "*streams hidden"], State]:
        hidden, cell = lstm_step(state[0], state[1], products(value), weight_hidden, norm)
        return hidden, (hidden, cell)

    zero = zeros(weight_hidden.shape[1])
    return ReferenceLayer((zero, zero), step)


SPEC = CoreSpec(
    layer="seqloom.models.lstm:LSTM",
    num_gates=_NUM_GATES,
    is_recurrent=True,
    layer_shapes=_shapes,
    make_layer=_make_layer,
    uses_forget_bias=True,
    steps_batches=True,
    native=NativeCore(
        decoder_id=0, trainer_id=0, num_state_arrays=2, supports_int8=True, pack_layer=pack_recurrent_layer
    ),
)
