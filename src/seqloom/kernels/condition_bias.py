"""What a model's ratings add to its pre-activations and logits, worked out once for all that is written to them."""

import itertools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.kernels.weights import Weights, gate_widths

__all__ = ["ConditionBias", "condition_bias", "noise_features", "fold_bias"]


class ConditionBias(NamedTuple):
    """What is added.

    Attributes:
        gates: to the pre-activations of each layer.
        first: to them at a token that is read from the zero state, in place of `gates`.
        logits: to the next token's logits.
    """

    gates: tuple[Float32[np.ndarray, " columns"], ...]
    first: tuple[Float32[np.ndarray, " columns"], ...]
    logits: Float32[np.ndarray, " vocab"]

    @property
    def first_token(self) -> "ConditionBias":
        """What is added at a token that is read from the zero state."""
        return ConditionBias(self.first, self.first, self.logits)


def condition_bias(config: ModelConfig, weights: Weights, features: Float32[np.ndarray, " features"]) -> ConditionBias:
    """What ratings of these features add; see `Conditioning`.

    Args:
        config: of the model.
        weights: its arrays by name, checked.
        features: of what shall be written.
    """
    columns = gate_widths(config)
    widths = {"input": sum(columns), "state": sum(columns), "output": config.vocabulary}
    parts = {
        name: weights[f"condition.{name}"] @ features if name in config.condition_into else np.zeros(width, np.float32)
        for name, width in widths.items()
    }
    ends = list(itertools.accumulate(columns))[:-1]
    return ConditionBias(
        tuple(np.split(parts["input"], ends)),
        tuple(np.split(parts["input"] + parts["state"], ends)),
        parts["output"],
    )


def noise_features(weights: Weights, noise: Float32[np.ndarray, " noise"]) -> Float32[np.ndarray, " noise_width"]:
    """What a model that is told noise makes features of it by; see `Conditioning.of_noise`."""
    found: np.ndarray = np.tanh(weights["condition.noise"] @ noise)
    return found


def fold_bias(weights: Weights, added: ConditionBias) -> Weights:
    """The weights of a model that adds this at every token, whatever it is told."""
    changed = {
        f"core.layers.{layer}.bias": weights[f"core.layers.{layer}.bias"] + gates
        for layer, gates in enumerate(added.gates)
    }
    return {**weights, **changed, "head.bias": weights["head.bias"] + added.logits}
