"""Dilated causal convolution with gated units and a residual path (van den Oord et al. 2016, WaveNet).

    pre-activations a, b = sum over the taps of weight_input[:, :, tap] @ input at the tap + bias
    output               = skip + weight_output @ (tanh(a) * sigmoid(b)) + bias_output

A tap is a position of the kernel; the dilation is the distance between two taps in tokens. The skip, or residual path,
is the layer's input, multiplied by weight_skip if the widths of input and output differ.
"""

from typing import Any

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.kernels.cores.numerics import layer_norm, sigmoid, zeros
from seqloom.kernels.cores.spec import CoreSpec, NativeCore, PackedLayer, ReferenceLayer, Shapes, Weights
from seqloom.kernels.cores.token_input import TokenInput, token_products
from seqloom.kernels.decoder import State

__all__ = ["SPEC", "conv_step", "dilation"]

Vector = Float32[np.ndarray, " channels"]


def dilation(layer: int) -> int:
    """Return the dilation of the layer with this index: 1, 2, 4, ..., 512, then 1 again."""
    return int(2 ** (layer % 10))


def conv_step(
    skip: Float32[np.ndarray, " channels"],
    pre_activations: Float32[np.ndarray, " 2*channels"],
    weight_output: Float32[np.ndarray, "channels channels"],
    bias_output: Float32[np.ndarray, " channels"],
) -> Float32[np.ndarray, " channels"]:
    """Return the output of the gated unit at one position.

    Args:
        skip: layer input on the residual path, in the width of the output.
        pre_activations: sum of the convolution over its taps, bias included.
        weight_output: weights from the gated unit to the output.
        bias_output: bias of the output.
    """
    channels = len(skip)
    gated = np.tanh(pre_activations[:channels]) * sigmoid(pre_activations[channels:])
    output: Float32[np.ndarray, " channels"] = skip + (weight_output @ gated + bias_output)
    return output


def _shapes(config: ModelConfig, inputs: int, size: int) -> Shapes:
    shapes: Shapes = {
        "weight_input": (2 * size, inputs, config.kernel_width),
        "bias": (2 * size,),
        "weight_output": (size, size),
        "bias_output": (size,),
    }
    if inputs != size:
        shapes["weight_skip"] = (size, inputs)
    if config.layer_norm:
        shapes |= {"norm.weight": (inputs,), "norm.bias": (inputs,)}
    return shapes


def _make_layer(weights: Weights, index: int, tokens: TokenInput | None) -> ReferenceLayer:
    return _make_later_layer(weights, index) if tokens is None else _make_first_layer(weights, index, tokens)


def _make_later_layer(weights: Weights, index: int) -> ReferenceLayer:
    """Return a layer above the first one; its state is the last `(taps - 1) * dilation` inputs, oldest first."""
    weight_input, bias, stride = weights["weight_input"], weights["bias"], dilation(index)
    double_channels, inputs, taps = weight_input.shape
    # The weights of all taps side by side, so that a step is one matrix product.
    flat_weight = np.ascontiguousarray(weight_input.transpose(0, 2, 1)).reshape(double_channels, taps * inputs)
    weight_skip, gain, shift = weights.get("weight_skip"), weights.get("norm.weight"), weights.get("norm.bias")
    weight_output, bias_output = weights["weight_output"], weights["bias_output"]

    def step(x: Any, state: State) -> tuple[Vector, State]:
        normed = x if gain is None else layer_norm(x, gain, shift)
        window = np.concatenate((state[0], normed[None]))
        pre_activations = flat_weight @ window[::stride].reshape(-1) + bias
        skip = x if weight_skip is None else weight_skip @ x
        return conv_step(skip, pre_activations, weight_output, bias_output), (window[1:],)

    return ReferenceLayer((zeros((taps - 1) * stride, inputs),), step)


def _make_first_layer(weights: Weights, index: int, tokens: TokenInput) -> ReferenceLayer:
    """Return the first layer, whose state is the last token ids.

    For each tap, a table contains the products of the tap's weights with the inputs of all ids. A step only adds rows
    of these tables.
    """
    weight_input, bias, stride = weights["weight_input"], weights["bias"], dilation(index)
    taps = weight_input.shape[2]
    norm = (weights["norm.weight"], weights["norm.bias"]) if "norm.weight" in weights else None
    tables = np.stack([_with_zero_row(token_products(weight_input[:, :, tap], tokens, norm)) for tap in range(taps)])
    skip_table = _skip_table(weights, tokens)
    weight_output, bias_output = weights["weight_output"], weights["bias_output"]
    tap_indices = np.arange(taps)

    def step(token: Any, state: State) -> tuple[Vector, State]:
        window = np.append(state[0], token)
        pre_activations = tables[tap_indices, window[::stride]].sum(axis=0) + bias
        return conv_step(skip_table[token], pre_activations, weight_output, bias_output), (window[1:],)

    # Before the start, every id is the size of the vocabulary, which selects the row of zeros.
    padding = np.full((taps - 1) * stride, tokens.num_rows, np.int64)
    padding.flags.writeable = False
    return ReferenceLayer((padding,), step)


def _pack_layer(weights: Weights, index: int, tokens: TokenInput | None) -> PackedLayer:
    weight = weights["weight_input"]
    taps = weight.shape[2]
    arrays = {"bias": weights["bias"], "output": weights["weight_output"], "output_bias": weights["bias_output"]}
    if tokens is not None:
        arrays["table"] = np.stack([token_products(weight[:, :, tap], tokens) for tap in range(taps)])
        arrays["skip"] = _skip_table(weights, tokens)
    else:
        arrays["input"] = weight.transpose(2, 0, 1)
        if "weight_skip" in weights:
            arrays["skip"] = weights["weight_skip"]
    return PackedLayer(arrays, taps, dilation(index))


def _skip_table(weights: Weights, tokens: TokenInput) -> Float32[np.ndarray, "vocab channels"]:
    """Return what the residual path of the first layer adds for each token, one row per token."""
    if "weight_skip" in weights:
        return token_products(weights["weight_skip"], tokens)
    if tokens.embedding is not None:
        return np.asarray(tokens.embedding)
    return np.eye(tokens.num_rows, dtype=np.float32)


def _with_zero_row(table: Float32[np.ndarray, "vocab out"]) -> Float32[np.ndarray, "vocab+1 out"]:
    return np.concatenate([table, zeros(1, table.shape[1])])


SPEC = CoreSpec(
    layer="seqloom.models.conv:CausalConv",
    num_gates=2,
    is_recurrent=False,
    layer_shapes=_shapes,
    make_layer=_make_layer,
    default_layers=6,
    native=NativeCore(decoder_id=2, trainer_id=None, num_state_arrays=1, supports_int8=False, pack_layer=_pack_layer),
)
