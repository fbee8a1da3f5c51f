"""Parts that the gated recurrent cores share.

The pre-activations of a layer, to which its gates apply their nonlinear functions, are the sum of a product with the
input, a product with the previous hidden vector (the recurrent part) and a bias.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.kernels.cores.numerics import layer_norm
from seqloom.kernels.cores.spec import PackedLayer, Shapes, Weights
from seqloom.kernels.cores.token_input import TokenInput, token_products

__all__ = ["input_products", "pack_recurrent_layer", "recurrent_shapes"]

Vector = Float32[np.ndarray, "*streams width"]


def recurrent_shapes(num_gates: int, config: ModelConfig, inputs: int, size: int) -> Shapes:
    """Return the shapes of a layer with input weights, recurrent weights and one bias per gate."""
    rows = num_gates * size
    shapes: Shapes = {"weight_input": (rows, inputs), "weight_hidden": (rows, size), "bias": (rows,)}
    if config.layer_norm:
        shapes |= {"norm_input.weight": (rows,), "norm_hidden.weight": (rows,)}
    return shapes


def input_products(weights: Weights, tokens: TokenInput | None) -> Callable[[Any], Vector]:
    """Return the function that computes a layer's pre-activations from its input, without the recurrent part.

    The bias is included.

    Args:
        weights: arrays of the layer.
        tokens: embedding or one-hot input of the first layer: the returned function then takes a token id and reads a
            row of a precomputed table. None for later layers, where the function takes a vector.
    """
    weight, bias, gain = weights["weight_input"], weights["bias"], weights.get("norm_input.weight")
    if tokens is not None:
        table = token_products(weight, tokens)
        if tokens.parts is None:
            table = (table if gain is None else layer_norm(table, gain)) + bias
            look_up: Callable[[Any], Vector] = table.__getitem__
            return look_up
        if gain is not None:
            return lambda token: layer_norm(tokens.look_up(table, token), gain) + bias
        return lambda token: tokens.look_up(table, token) + bias
    if gain is not None:
        return lambda x: layer_norm(x @ weight.T, gain) + bias
    return lambda x: x @ weight.T + bias


def pack_recurrent_layer(weights: Weights, index: int, tokens: TokenInput | None) -> PackedLayer:
    """Return a layer in the layout of the compiled decoder; see `NativeCore.pack_layer`.

    The layer has no layer norm, which the compiled decoder does not support.
    """
    weight, bias = weights["weight_input"], weights["bias"]
    arrays = {"bias": bias, "hidden": weights["weight_hidden"]}
    if tokens is not None:
        table = token_products(weight, tokens)
        # The bias must be in exactly one row of each token: in the row of its first part.
        has_bias = np.full((len(table), 1), tokens.parts is None)
        if tokens.parts is not None:
            has_bias[tokens.parts[:, 0]] = True
        arrays["table"] = table + has_bias * bias
    else:
        arrays["input"] = weight
    return PackedLayer(arrays)
