"""The names and shapes of a model's arrays, and whether a mapping holds them all."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.errors import RunError

__all__ = ["Weights", "checked_weights", "dilation", "expected_shapes", "layer_weights"]

Weights = Mapping[str, Float32[Any, "..."]]
Shapes = dict[str, tuple[int, ...]]


def dilation(layer: int) -> int:
    """Steps between two taps of the convolution `layer`: doubled by each layer, from 1 to 512, then anew."""
    return int(2 ** (layer % 10))


def expected_shapes(config: ModelConfig) -> Shapes:
    """Every array that decoding needs, by name; the heads for tokens further ahead are not among them."""
    shapes: Shapes = {}
    if config.embedding:
        shapes["embedding.weight"] = (config.vocabulary, config.embedding)
    inputs = config.embedding or config.vocabulary
    for index, size in enumerate(config.sizes):
        layer = _LAYER_SHAPES[config.core](config, inputs, size)
        shapes.update({f"core.layers.{index}.{name}": shape for name, shape in layer.items()})
        inputs = size
    if not config.tied:
        shapes["head.weight"] = (config.vocabulary, inputs)
    shapes["head.bias"] = (config.vocabulary,)
    return shapes


def checked_weights(config: ModelConfig, weights: Mapping[str, np.ndarray]) -> Weights:
    """The arrays that decoding needs, copied to contiguous float32.

    Raises:
        RunError: arrays are missing, have another shape, or hold NaN or infinity; one line for each.
    """
    expected = expected_shapes(config)
    faults = [fault for name, shape in expected.items() if (fault := _fault(name, shape, weights.get(name)))]
    if faults:
        raise RunError(*faults)
    return {name: np.array(weights[name], np.float32, order="C") for name in expected}


def layer_weights(weights: Weights, index: int) -> Weights:
    """The arrays of one layer, by their names within it."""
    prefix = f"core.layers.{index}."
    return {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}


def _fault(name: str, shape: tuple[int, ...], found: np.ndarray | None) -> str | None:
    advice = "the run is damaged or its settings are another model's; copy it anew or train again"
    if found is None:
        return f"the weights lack {name} of shape {list(shape)}: {advice}"
    if found.shape != shape:
        return f"{name} has shape {list(found.shape)}, expected {list(shape)}: {advice}"
    if not np.isfinite(found).all():
        return f"{name} holds NaN or infinity, expected finite numbers: {advice}"
    return None


def _lstm_shapes(config: ModelConfig, inputs: int, size: int) -> Shapes:
    shapes = _recurrent_shapes(4, config, inputs, size)
    if config.layer_norm:
        shapes |= {"norm_cell.weight": (size,), "norm_cell.bias": (size,)}
    return shapes


def _gru_shapes(config: ModelConfig, inputs: int, size: int) -> Shapes:
    return _recurrent_shapes(3, config, inputs, size)


def _recurrent_shapes(gates: int, config: ModelConfig, inputs: int, size: int) -> Shapes:
    rows = gates * size
    shapes: Shapes = {"weight_input": (rows, inputs), "weight_hidden": (rows, size), "bias": (rows,)}
    if config.layer_norm:
        shapes |= {"norm_input.weight": (rows,), "norm_hidden.weight": (rows,)}
    return shapes


def _conv_shapes(config: ModelConfig, inputs: int, size: int) -> Shapes:
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


_LAYER_SHAPES = {"lstm": _lstm_shapes, "gru": _gru_shapes, "conv": _conv_shapes}
