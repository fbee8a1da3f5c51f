"""Biases by which ratings, categories and noise act on a network: on its layers, and on its logits.

The conditions of a text (ratings, categories and noise) are one vector of features. Linear maps of the features are
added to the pre-activations of the layers and to the logits. The features thus bypass embedding and recurrence, which
could drown them (Lipton et al. 2015 feed the rating at every step).
"""

import itertools
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.kernels.heads import head_spec
from seqloom.kernels.weights import gate_widths
from seqloom.models.core_layer import LayerConditioning

__all__ = ["ConditionInputs", "Conditioning"]


_NOISE_SPREAD = 1.5
"""Initial standard deviation of the values whose tanh is a noise feature."""


class ConditionInputs(NamedTuple):
    """Conditions of a batch of texts.

    Many categories have many features, but a batch has few texts. The distinct rows of features are then enough.

    Attributes:
        features: features of the conditions at each token, or in each row.
        is_first: True at tokens that are read from the zero state, or for rows of such tokens.
        row_of_token: row in force at each token; None if features and `is_first` are those of each token.
    """

    features: Float[Tensor, "*places features"]
    is_first: Bool[Tensor, "*places"]
    row_of_token: Int[Tensor, "batch time"] | None = None

    def time_slice(self, start: int, stop: int) -> "ConditionInputs":
        """Return the conditions of the time steps from `start` to `stop`."""
        if self.row_of_token is not None:
            return self._replace(row_of_token=self.row_of_token[:, start:stop])
        return ConditionInputs(self.features[:, start:stop], self.is_first[:, start:stop])


class Conditioning(nn.Module):
    """Linear maps from features to biases of pre-activations and logits, zero before training.

    Parameters, each only if `config.condition_into` includes its name:

    - `input [gates, features]`: bias of the pre-activations at every token; the gates of all layers follow each other.
    - `state [gates, features]`: bias that is added at the first token of a text only.
    - `output [outputs, features]`: bias of the head's outputs, which are usually logits.

    If the model has noise, the parameter `noise [noise features, noise]` maps the noise to features; its initial values
    are random. `features` are then those of the ratings and categories, followed by those of the noise.

    Args:
        config: shape of the network.
        generator: generator of the initial weights.

    Attributes:
        gate_widths: number of pre-activations of each layer.
        has_density: whether the head puts out the parameters of a density, such as a mixture of Gaussians.
    """

    def __init__(self, config: ModelConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.gate_widths = gate_widths(config)
        num_gates = sum(self.gate_widths)
        self._num_outputs = head_spec(config.head).num_outputs(config)
        self.has_density = head_spec(config.head).make_distribution is not None
        num_biases = {"input": num_gates, "state": num_gates, "output": self._num_outputs}
        for name in config.condition_into:
            self.register_parameter(name, nn.Parameter(torch.zeros(num_biases[name], config.num_condition_features)))
        if config.noise_size:
            normal = torch.randn(config.noise_width, config.noise_size, generator=generator)
            self.noise = nn.Parameter(normal * (_NOISE_SPREAD / config.noise_size**0.5))
        self._condition_into = config.condition_into

    def noise_features(self, noise: Float[Tensor, "*axes noise"]) -> Float[Tensor, "*axes noise_width"]:
        """Return the features of Gaussian noise; zero noise has zero features."""
        return (noise @ self.noise.t()).tanh()

    def layer_conditioning(self, index: int, conditions: ConditionInputs) -> LayerConditioning:
        """Return the features that act on layer `index`, and the weights from these features to its pre-activations.

        If both `input` and `state` act on the layers, the features stand twice side by side; the second copy is zero
        except at first tokens. If neither does, the weights are zero. With `conditions.row_of_token`, the features say
        which row is in force, and the weights are the bias of each row.
        """
        bounds = [0, *itertools.accumulate(self.gate_widths)]
        layer_rows = slice(bounds[index], bounds[index + 1])
        first_features = conditions.features * conditions.is_first.unsqueeze(-1)
        features_by_name = {"input": conditions.features, "state": first_features}
        pairs = [
            (features, self.get_parameter(name)[layer_rows])
            for name, features in features_by_name.items()
            if name in self._condition_into
        ]
        if not pairs:
            features = conditions.features
            pairs = [(features, features.new_zeros(self.gate_widths[index], features.shape[-1]))]
        all_features, weights = zip(*pairs, strict=True)
        conditioning = LayerConditioning(torch.cat(all_features, -1), torch.cat(weights, -1))
        if conditions.row_of_token is None:
            return conditioning
        bias_of_rows = conditioning.bias
        is_row = nn.functional.one_hot(conditions.row_of_token, len(bias_of_rows)).to(bias_of_rows.dtype)
        return LayerConditioning(is_row, bias_of_rows.t())

    def output_bias(self, conditions: ConditionInputs) -> Float[Tensor, "batch time outputs"] | None:
        """Return the bias of the head's outputs at each token; None if `config.condition_into` excludes "output"."""
        bias = self.logit_bias(conditions.features)
        return (
            bias
            if bias is None or conditions.row_of_token is None
            else nn.functional.embedding(conditions.row_of_token, bias)
        )

    def logit_bias(self, features: Float[Tensor, "*axes features"]) -> Float[Tensor, "*axes vocab"] | None:
        """Return the bias of the logits; None if `config.condition_into` excludes "output"."""
        return features @ self.get_parameter("output").t() if "output" in self._condition_into else None

    def biases(
        self, features: Float[Tensor, "rows features"], is_first: Bool[Tensor, " rows"]
    ) -> tuple[Float[Tensor, "rows gates"], Float[Tensor, "rows vocab"]]:
        """Return the biases of all layers' pre-activations, side by side, and of the logits.

        For callers that add these biases themselves, such as the compiled kernels.

        Args:
            features: features of the conditions, one row per bias.
            is_first: True for rows of tokens that are read from the zero state.
        """
        gates = features.new_zeros(len(features), sum(self.gate_widths))
        if "input" in self._condition_into:
            gates = gates + features @ self.get_parameter("input").t()
        if "state" in self._condition_into:
            gates = gates + (features * is_first.unsqueeze(-1)) @ self.get_parameter("state").t()
        logits = self.logit_bias(features)
        if logits is None:
            logits = gates.new_zeros(len(features), self._num_outputs)
        return gates, logits
