"""The names and shapes of a model's arrays, and their validation."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Int32

from seqloom.config import ModelConfig
from seqloom.errors import RunError
from seqloom.kernels.cores import Shapes, Weights, core_spec
from seqloom.kernels.heads import head_spec
from seqloom.kernels.token_parts import num_input_rows

__all__ = [
    "DraftWeights",
    "Weights",
    "checked_weights",
    "draft_weights",
    "expected_shapes",
    "gate_widths",
    "layer_weights",
]


class DraftWeights(NamedTuple):
    """Heads that draft (guess) the tokens after the next one; a later step of the model verifies the drafts.

    Attributes:
        weight: weight of each head, with rows for the tokens that it can draft.
        bias: bias of each head, for the tokens that it can draft.
        tokens: ids of the tokens that can be drafted, ascending.
    """

    weight: Float32[np.ndarray, "drafts tokens hidden"]
    bias: Float32[np.ndarray, "drafts tokens"]
    tokens: Int32[np.ndarray, " tokens"]


def expected_shapes(config: ModelConfig) -> Shapes:
    """Return the shape of every array that decoding needs, by name; draft heads are not among them.

    Raises:
        ConfigError: the core or the head is not registered.
    """
    core, head = core_spec(config.core), head_spec(config.head)
    shapes: Shapes = {}
    if config.embedding:
        shapes["embedding.weight"] = (num_input_rows(config), config.embedding)
    inputs = config.embedding or config.vocabulary
    for index, size in enumerate(config.hidden_sizes):
        layer = core.layer_shapes(config, inputs, size)
        shapes.update({f"core.layers.{index}.{name}": shape for name, shape in layer.items()})
        inputs = size
    shapes |= {f"head.{name}": shape for name, shape in head.shapes(config, inputs).items()}
    if config.num_condition_features:
        num_gates = sum(gate_widths(config))
        num_biases = {"input": num_gates, "state": num_gates, "output": head.num_outputs(config)}
        shapes |= {
            f"condition.{name}": (num_biases[name], config.num_condition_features) for name in config.condition_into
        }
    if config.noise_size:
        shapes["condition.noise"] = (config.noise_width, config.noise_size)
    return shapes


def gate_widths(config: ModelConfig) -> tuple[int, ...]:
    """Return the number of pre-activations of each layer."""
    num_gates = core_spec(config.core).num_gates
    return tuple(num_gates * size for size in config.hidden_sizes)


def checked_weights(config: ModelConfig, weights: Mapping[str, np.ndarray]) -> Weights:
    """Return the arrays that decoding needs, copied to contiguous float32.

    Raises:
        RunError: arrays are missing, have another shape, or contain NaN or infinity; one line for each.
    """
    expected = expected_shapes(config)
    faults = [fault for name, shape in expected.items() if (fault := _fault(name, shape, weights.get(name)))]
    if faults:
        raise RunError(*faults)
    return {name: np.array(weights[name], np.float32, order="C") for name in expected}


def draft_weights(config: ModelConfig, weights: Mapping[str, np.ndarray], max_tokens: int) -> DraftWeights:
    """Return the draft heads, limited to `max_tokens` tokens.

    These are the tokens with the largest bias in the head for the next token, which are about the most frequent ones.

    Raises:
        RunError: a head is missing, has another shape, or contains NaN or infinity; one line for each.
    """
    names = [f"head.ahead.{head}" for head in range(config.prediction_heads - 1)]
    shapes = {"weight": (config.vocabulary, config.hidden_sizes[-1]), "bias": (config.vocabulary,)}
    expected = {f"{name}.{parameter}": shape for name in names for parameter, shape in shapes.items()}
    faults = [fault for name, shape in expected.items() if (fault := _fault(name, shape, weights.get(name)))]
    if faults:
        raise RunError(*faults)
    tokens = np.sort(np.argsort(-weights["head.bias"], kind="stable")[:max_tokens])
    drafts = DraftWeights(
        np.zeros((len(names), len(tokens), config.hidden_sizes[-1]), np.float32),
        np.zeros((len(names), len(tokens)), np.float32),
        tokens.astype(np.int32),
    )
    for head, name in enumerate(names):
        drafts.weight[head], drafts.bias[head] = weights[f"{name}.weight"][tokens], weights[f"{name}.bias"][tokens]
    return drafts


def layer_weights(weights: Weights, index: int) -> Weights:
    """Return the arrays of one layer, by their names without the prefix of the layer."""
    prefix = f"core.layers.{index}."
    return {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}


def _fault(name: str, shape: tuple[int, ...], array: np.ndarray | None) -> str | None:
    """Return the message for an array that is missing or has another form than expected; None if it is right."""
    advice = "the run is damaged or its settings belong to another model; copy it again or train again"
    if array is None:
        return f"the weights lack {name} of shape {list(shape)}: {advice}"
    if array.shape != shape:
        return f"{name} has shape {list(array.shape)}, expected {list(shape)}: {advice}"
    if array.dtype.kind != "f":
        return f"{name} holds {array.dtype} numbers, expected float32: {advice}"
    if not np.isfinite(array).all():
        return f"{name} holds NaN or infinity, expected finite numbers: {advice}"
    return None
