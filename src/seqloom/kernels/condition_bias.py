"""The bias that conditions add to pre-activations and logits, computed once for a whole text."""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.kernels.weights import Weights, gate_widths

__all__ = ["ConditionBias", "condition_bias", "fold_bias", "noise_features"]


class ConditionBias(NamedTuple):
    """Bias of one text.

    Attributes:
        gates: bias of the pre-activations, one array per layer.
        first: bias of the pre-activations at a token that is read from the zero state, in place of `gates`.
        logits: bias of the logits.
    """

    gates: tuple[Float32[np.ndarray, " gates"], ...]
    first: tuple[Float32[np.ndarray, " gates"], ...]
    logits: Float32[np.ndarray, " vocab"]

    @property
    def first_token(self) -> "ConditionBias":
        """Bias at a token that is read from the zero state."""
        return ConditionBias(self.first, self.first, self.logits)


def condition_bias(config: ModelConfig, weights: Weights, features: Float32[np.ndarray, " features"]) -> ConditionBias:
    """Return the bias of conditions; see `models.conditioning.Conditioning`.

    Args:
        config: shape of the network.
        weights: checked arrays by name.
        features: features of the conditions.
    """
    widths = gate_widths(config)
    rows = {"input": sum(widths), "state": sum(widths), "output": config.vocabulary}
    parts = {
        name: weights[f"condition.{name}"] @ features if name in config.condition_into else np.zeros(width, np.float32)
        for name, width in rows.items()
    }
    ends = list(itertools.accumulate(widths))[:-1]
    return ConditionBias(
        tuple(np.split(parts["input"], ends)),
        tuple(np.split(parts["input"] + parts["state"], ends)),
        parts["output"],
    )


def noise_features(weights: Weights, noise: Float32[np.ndarray, " noise"]) -> Float32[np.ndarray, " noise_width"]:
    """Return the features of Gaussian noise; see `models.conditioning.Conditioning.noise_features`."""
    features: np.ndarray = np.tanh(weights["condition.noise"] @ noise)
    return features


def fold_bias(weights: Weights, bias: ConditionBias) -> Weights:
    """Return weights with the bias added to their own."""
    changed = {
        f"core.layers.{layer}.bias": weights[f"core.layers.{layer}.bias"] + gates
        for layer, gates in enumerate(bias.gates)
    }
    return {**weights, **changed, "head.bias": weights["head.bias"] + bias.logits}
