"""Where ratings enter the network: every layer at every token, what a text begins from, and the logits.

The features of a rating (see `Conditions`) are multiplied straight into the pre-activations and logits, past embedding
and recurrence, so that they cannot be drowned by them (Lipton et al. 2015 feed the rating at every step).
"""

import itertools
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.kernels.weights import gate_columns
from seqloom.models.recurrent_layer import LayerConditioning

__all__ = ["ConditionInputs", "Conditioning"]


_NOISE_SPREAD = 1.5
"""Standard deviation of what goes into the features of noise, at first."""


class ConditionInputs(NamedTuple):
    """What the network is told of the texts that it reads.

    Attributes:
        features: of the ratings that hold at each token.
        first: True at tokens that are read from the zero state.
    """

    features: Float[Tensor, "batch time features"]
    first: Bool[Tensor, "batch time"]

    def during(self, start: int, stop: int) -> "ConditionInputs":
        """From one time to another."""
        return ConditionInputs(self.features[:, start:stop], self.first[:, start:stop])


class Conditioning(nn.Module):
    """Linear maps from features to all that they change, zero at the start of training.

    Parameters: `input [gates, features]` and `state [gates, features]`, the gates of all layers below one another, and
    `output [vocab, features]`; each of them where `config.condition_into` has it. Where the network is told noise,
    `noise [noise features, noise]` too, which is drawn at random.
    """

    def __init__(self, config: ModelConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.gates = gate_columns(config)
        shapes = {"input": sum(self.gates), "state": sum(self.gates), "output": config.vocabulary}
        for name in config.condition_into:
            self.register_parameter(name, nn.Parameter(torch.zeros(shapes[name], config.num_condition_features)))
        if config.noise_size:
            drawn = torch.randn(config.noise_width, config.noise_size, generator=generator)
            self.noise = nn.Parameter(drawn * (_NOISE_SPREAD / config.noise_size**0.5))
        self._into, self._vocabulary = config.condition_into, config.vocabulary

    def of_noise(self, noise: Float[Tensor, "*axes noise"]) -> Float[Tensor, "*axes noise_width"]:
        """The features that are made of noise: zeros of zeros."""
        return (noise @ self.noise.t()).tanh()

    def of_layer(self, index: int, told: ConditionInputs) -> LayerConditioning:
        """What a layer's gates are told."""
        ends = [0, *itertools.accumulate(self.gates)]
        rows = slice(ends[index], ends[index + 1])
        at_first = told.features * told.first.unsqueeze(-1)
        parts = {"input": told.features, "state": at_first}
        held = [(part, self.get_parameter(name)[rows]) for name, part in parts.items() if name in self._into]
        if not held:
            return LayerConditioning(told.features, told.features.new_zeros(self.gates[index], told.features.shape[-1]))
        features, weights = zip(*held, strict=True)
        return LayerConditioning(torch.cat(features, -1), torch.cat(weights, -1))

    def of_logits(self, features: Float[Tensor, "*axes features"]) -> Float[Tensor, "*axes vocab"] | None:
        """What is added to the logits; None where that is nothing."""
        return features @ self.get_parameter("output").t() if "output" in self._into else None

    def biases(
        self, features: Float[Tensor, "rows features"], first: Bool[Tensor, " rows"]
    ) -> tuple[Float[Tensor, "rows gates"], Float[Tensor, "rows vocab"]]:
        """The same for the gates of all layers and the logits, a row for each rating and whether its token is a first.

        Args:
            features: of each row.
            first: whether it is for tokens that are read from the zero state.
        """
        gates = features.new_zeros(len(features), sum(self.gates))
        if "input" in self._into:
            gates = gates + features @ self.get_parameter("input").t()
        if "state" in self._into:
            gates = gates + (features * first.unsqueeze(-1)) @ self.get_parameter("state").t()
        logits = self.of_logits(features)
        return gates, gates.new_zeros(len(features), self._vocabulary) if logits is None else logits
