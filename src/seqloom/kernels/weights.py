"""The names and shapes of a model's arrays, and whether a mapping holds them all."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32, Int32

from seqloom.config import ModelConfig
from seqloom.errors import RunError

__all__ = [
    "DraftWeights",
    "Weights",
    "checked_weights",
    "dilation",
    "draft_weights",
    "expected_shapes",
    "gate_columns",
    "layer_weights",
]

_GATES = {"lstm": 4, "gru": 3, "conv": 2}

Weights = Mapping[str, Float32[Any, "..."]]
Shapes = dict[str, tuple[int, ...]]


class DraftWeights(NamedTuple):
    """Heads that draft the tokens after the next one.

    Attributes:
        weight: of each head.
        bias: of each head.
        tokens: that they draft, ascending.
    """

    weight: Float32[np.ndarray, "drafts tokens hidden"]
    bias: Float32[np.ndarray, "drafts tokens"]
    tokens: Int32[np.ndarray, " tokens"]


def dilation(layer: int) -> int:
    """Steps between two taps of the convolution `layer`: doubled by each layer, from 1 to 512, then anew."""
    return int(2 ** (layer % 10))


def expected_shapes(config: ModelConfig) -> Shapes:
    """Every array that decoding needs, by name; the heads for tokens further ahead are not among them."""
    shapes: Shapes = {}
    if config.embedding:
        shapes["embedding.weight"] = (config.vocabulary, config.embedding)
    inputs = config.embedding or config.vocabulary
    for index, size in enumerate(config.hidden_sizes):
        layer = _LAYER_SHAPES[config.core](config, inputs, size)
        shapes.update({f"core.layers.{index}.{name}": shape for name, shape in layer.items()})
        inputs = size
    if not config.tied:
        shapes["head.weight"] = (config.vocabulary, inputs)
    shapes["head.bias"] = (config.vocabulary,)
    if config.num_condition_features:
        rows = {"input": sum(gate_columns(config)), "state": sum(gate_columns(config)), "output": config.vocabulary}
        shapes |= {f"condition.{name}": (rows[name], config.num_condition_features) for name in config.condition_into}
    if config.noise_size:
        shapes["condition.noise"] = (config.noise_width, config.noise_size)
    return shapes


def gate_columns(config: ModelConfig) -> tuple[int, ...]:
    """Pre-activations of each layer."""
    return tuple(_GATES[config.core] * size for size in config.hidden_sizes)


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


def draft_weights(config: ModelConfig, weights: Mapping[str, np.ndarray], most: int) -> DraftWeights:
    """The heads for tokens further ahead, cut to the `most` tokens of the largest bias, which are frequent.

    Raises:
        RunError: a head is missing, has another shape, or holds NaN or infinity; one line for each.
    """
    names = [f"head.ahead.{head}" for head in range(config.prediction_heads - 1)]
    shapes = {"weight": (config.vocabulary, config.hidden_sizes[-1]), "bias": (config.vocabulary,)}
    arrays = {f"{name}.{kind}": shape for name in names for kind, shape in shapes.items()}
    faults = [fault for name, shape in arrays.items() if (fault := _fault(name, shape, weights.get(name)))]
    if faults:
        raise RunError(*faults)
    tokens = np.sort(np.argsort(-weights["head.bias"], kind="stable")[:most])
    parts = DraftWeights(
        np.zeros((len(names), len(tokens), config.hidden_sizes[-1]), np.float32),
        np.zeros((len(names), len(tokens)), np.float32),
        tokens.astype(np.int32),
    )
    for head, name in enumerate(names):
        parts.weight[head], parts.bias[head] = weights[f"{name}.weight"][tokens], weights[f"{name}.bias"][tokens]
    return parts


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
    if found.dtype.kind not in "fiu":
        return f"{name} holds {found.dtype}, expected numbers: {advice}"
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
