"""The bias that conditions add to pre-activations and logits, computed once for a whole text.

The conditions of a text are its ratings, categories and noise. A model reads them as one vector of features, which
linear maps turn into the biases. The pre-activations of a layer, also called gates, are the weighted sums to which the
layer applies its nonlinear functions.
"""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.kernels.heads import head_spec
from seqloom.kernels.weights import Weights, gate_widths

__all__ = ["ConditionBias", "condition_bias", "fold_bias", "noise_features"]


class ConditionBias(NamedTuple):
    """Biases that the conditions of one text add.

    Attributes:
        gates: bias of the pre-activations, one array per layer.
        first_gates: bias of the pre-activations at a token that is read from the zero state, in place of `gates`.
        logits: bias of the head's outputs, the logits.
    """

    gates: tuple[Float32[np.ndarray, " gates"], ...]
    first_gates: tuple[Float32[np.ndarray, " gates"], ...]
    logits: Float32[np.ndarray, " vocab"]

    @property
    def first_token(self) -> "ConditionBias":
        """These biases with `gates` replaced by `first_gates`, for a token that is read from the zero state."""
        return ConditionBias(self.first_gates, self.first_gates, self.logits)


def condition_bias(config: ModelConfig, weights: Weights, features: Float32[np.ndarray, " features"]) -> ConditionBias:
    """Return the biases that conditions add, the same as the torch module `models.conditioning.Conditioning` computes.

    Args:
        config: shape of the network.
        weights: checked arrays by name.
        features: features of the conditions.
    """
    layer_widths = gate_widths(config)
    widths = {
        "input": sum(layer_widths),
        "state": sum(layer_widths),
        "output": head_spec(config.head).num_outputs(config),
    }
    biases = {
        name: weights[f"condition.{name}"] @ features if name in config.condition_into else np.zeros(width, np.float32)
        for name, width in widths.items()
    }
    layer_ends = list(itertools.accumulate(layer_widths))[:-1]
    # "state" stands in for an initial state: it is one more bias, at the first token only.
    return ConditionBias(
        gates=tuple(np.split(biases["input"], layer_ends)),
        first_gates=tuple(np.split(biases["input"] + biases["state"], layer_ends)),
        logits=biases["output"],
    )


def noise_features(weights: Weights, noise: Float32[np.ndarray, " noise"]) -> Float32[np.ndarray, " noise_width"]:
    """Return the features of Gaussian noise, as `models.conditioning.Conditioning.noise_features` does in torch."""
    features: np.ndarray = np.tanh(weights["condition.noise"] @ noise)
    return features


def fold_bias(weights: Weights, bias: ConditionBias) -> Weights:
    """Return the weights of a model that always has these conditions: the model's biases plus those in `bias`."""
    changed = {
        f"core.layers.{layer}.bias": weights[f"core.layers.{layer}.bias"] + gates
        for layer, gates in enumerate(bias.gates)
    }
    return {**weights, **changed, "head.bias": weights["head.bias"] + bias.logits}
