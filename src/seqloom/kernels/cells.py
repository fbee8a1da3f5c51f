"""One step of each core, as pure functions on the vectors of one stream. It knows no layers, tables or files.

The recurrent steps also take several lanes at once: any axes may stand before the hidden one.

`drive` is what the input adds to the pre-activations, the bias included: `W x + b`. Arithmetic is in float32;
the sums of a product over the hidden axis depend on nothing but that product.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

__all__ = ["LSTMNorm", "conv_step", "gru_step", "lstm_step", "layer_norm", "sigmoid"]

EPSILON = 1e-5

# As sigmoid(x) = tanh(x / 2) / 2 + 1/2, one tanh serves the gates i, f, o and the candidate g.
_SCALE = np.array([[0.5], [0.5], [1.0], [0.5]], np.float32)
_OFFSET = np.array([[0.5], [0.5], [0.0], [0.5]], np.float32)


class LSTMNorm(NamedTuple):
    """What layer normalisation adds to an LSTM step.

    Attributes:
        hidden_gain: of the recurrent product.
        cell_gain: of the cell on its way to the output.
        cell_bias: of the same.
    """

    hidden_gain: Float32[np.ndarray, " four_hidden"]
    cell_gain: Float32[np.ndarray, " hidden"]
    cell_bias: Float32[np.ndarray, " hidden"]


def sigmoid(x: Float32[np.ndarray, "*shape"]) -> Float32[np.ndarray, "*shape"]:
    """The logistic function, by way of tanh, which cannot overflow."""
    half = np.float32(0.5)
    curve: Float32[np.ndarray, "*shape"] = np.tanh(x * half) * half + half
    return curve


def layer_norm(
    x: Float32[np.ndarray, "*rows width"],
    gain: Float32[np.ndarray, " width"],
    bias: Float32[np.ndarray, " width"] | None = None,
) -> Float32[np.ndarray, "*rows width"]:
    """Layer normalisation over the last axis (Ba, Kiros, Hinton 2016), with the biased variance."""
    centred = x - x.mean(axis=-1, keepdims=True)
    variance = np.square(centred).mean(axis=-1, keepdims=True)
    scaled: Float32[np.ndarray, "*rows width"] = centred / np.sqrt(variance + np.float32(EPSILON)) * gain
    return scaled if bias is None else scaled + bias


def lstm_step(
    hidden: Float32[np.ndarray, "*lanes hidden"],
    cell: Float32[np.ndarray, "*lanes hidden"],
    drive: Float32[np.ndarray, "... 4*hidden"],
    weight_hidden: Float32[np.ndarray, "4*hidden hidden"],
    norm: LSTMNorm | None = None,
) -> tuple[Float32[np.ndarray, "*lanes hidden"], Float32[np.ndarray, "*lanes hidden"]]:
    """One step of a long short-term memory with a forget gate (Gers, Schmidhuber, Cummins 2000).

    The gates stand in the order i, f, g, o.

    Returns:
        The new hidden vector (which is the output) and the new cell, which is carried without normalisation.
    """
    recurrent = hidden @ weight_hidden.T
    if norm is not None:
        recurrent = layer_norm(recurrent, norm.hidden_gain)
    gates = (drive + recurrent).reshape(*hidden.shape[:-1], 4, -1)
    curves = _SCALE * np.tanh(_SCALE * gates) + _OFFSET
    admit, keep, candidate, emit = (curves[..., gate, :] for gate in range(4))
    cell = keep * cell + admit * candidate
    shown = cell if norm is None else layer_norm(cell, norm.cell_gain, norm.cell_bias)
    hidden = emit * np.tanh(shown)
    return hidden, cell


def gru_step(
    hidden: Float32[np.ndarray, "*lanes hidden"],
    drive: Float32[np.ndarray, "... 3*hidden"],
    weight_hidden: Float32[np.ndarray, "3*hidden hidden"],
    hidden_gain: Float32[np.ndarray, " 3*hidden"] | None = None,
) -> Float32[np.ndarray, "*lanes hidden"]:
    """One step of a gated recurrent unit (Cho et al. 2014), reset after the product; gates in order r, z, n.

    Returns:
        The new hidden vector, which is the output.
    """
    size = hidden.shape[-1]
    recurrent = hidden @ weight_hidden.T
    if hidden_gain is not None:
        recurrent = layer_norm(recurrent, hidden_gain)
    both = sigmoid(drive[..., : 2 * size] + recurrent[..., : 2 * size])
    reset, update = both[..., :size], both[..., size:]
    candidate = np.tanh(drive[..., 2 * size :] + reset * recurrent[..., 2 * size :])
    after: Float32[np.ndarray, "*lanes hidden"] = (np.float32(1) - update) * candidate + update * hidden
    return after


def conv_step(
    skip: Float32[np.ndarray, " channels"],
    drive: Float32[np.ndarray, " 2*channels"],
    weight_output: Float32[np.ndarray, "channels channels"],
    bias_output: Float32[np.ndarray, " channels"],
) -> Float32[np.ndarray, " channels"]:
    """The gated unit of a causal convolution (van den Oord et al. 2016) at one position.

    Args:
        skip: the layer's input on the path round the convolution.
        drive: the convolution's sum over its taps.
        weight_output: from the gated unit to the output.
        bias_output: of the same.
    """
    channels = len(skip)
    gated = np.tanh(drive[:channels]) * sigmoid(drive[channels:])
    output: Float32[np.ndarray, " channels"] = skip + (weight_output @ gated + bias_output)
    return output
