"""Generate batches of texts with gradients for the generator."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seqloom.gan.networks import DiscriminatorInput
from seqloom.gan.short_texts import unpadded_ids
from seqloom.models.core_layer import CoreLayer
from seqloom.models.language_model import LanguageModel

__all__ = ["Rollout", "generate_rollout", "generator_features"]


class Rollout(NamedTuple):
    """A batch of generated texts.

    Attributes:
        tokens: token ids, padded with the boundary.
        mask: True up to and including the first boundary.
        soft: Gumbel-softmax probabilities of all token ids, which receive the gradient in place of the drawn tokens;
            None if no gradient passes through the texts.
        log_probs: log-probability of each text under the sampling distribution, in nats; None if not requested.
        boundary: end-of-text id.
    """

    tokens: Int[Tensor, "batch length"]
    mask: Bool[Tensor, "batch length"]
    soft: Float[Tensor, "batch length vocab"] | None
    log_probs: Float[Tensor, " batch"] | None
    boundary: int

    def ids(self) -> list[list[int]]:
        """Return the token ids of each text, without the boundary."""
        return unpadded_ids(self.tokens, self.mask, self.boundary)

    def discriminator_input(self) -> DiscriminatorInput:
        """Return the texts as input of the discriminator or of the encoder."""
        return DiscriminatorInput(self.tokens, self.mask, self.soft)

    def split(self, *counts: int) -> list[DiscriminatorInput]:
        """Divide the texts into consecutive groups of `counts` texts, and return each group as input of a network."""
        sizes = list(counts)
        softs = [None] * len(counts) if self.soft is None else torch.split(self.soft, sizes)
        groups = zip(torch.split(self.tokens, sizes), torch.split(self.mask, sizes), softs, strict=True)
        return [DiscriminatorInput(*group) for group in groups]


def generator_features(
    model: LanguageModel, conditions: Float[Tensor, "batch conditions"], noise: Float[Tensor, "batch noise"]
) -> Float[Tensor, "batch width"]:
    """Return the generator's inputs for texts: condition features and noise features."""
    assert model.condition is not None
    return torch.cat([conditions, model.condition.noise_features(noise)], 1)


def generate_rollout(
    model: LanguageModel,
    features: Float[Tensor, "batch width"],
    max_length: int,
    boundary: int,
    random: torch.Generator,
    *,
    gumbel_temperature: float | None = None,
    return_log_probs: bool = False,
    sampling_temperature: Float[Tensor, "batch 1"] | float = 1.0,
) -> Rollout:
    """Generate one text for each row of features.

    The gradient of a token reaches the probabilities of that token only. The generator reads earlier tokens as ids, so
    no gradient passes to the probabilities of earlier tokens. Such a gradient would grow from token to token and depend
    mostly on the random draws.

    Args:
        model: generator with gated recurrent layers and noise.
        features: condition features and noise features of each text, from `generator_features`.
        max_length: largest number of tokens of a text, with the boundary.
        boundary: end-of-text id.
        random: generator of the random draws.
        gumbel_temperature: softmax temperature of the straight-through Gumbel draws (Jang et al. 2017); None for draws
            without a gradient.
        return_log_probs: whether to return the log-probability of each text.
        sampling_temperature: softmax temperature of all texts, or one for each text. The number 0 chooses the most
            probable token; `return_log_probs` must then be False.
    """
    is_random = isinstance(sampling_temperature, Tensor) or sampling_temperature > 0
    ended = torch.zeros(len(features), dtype=torch.bool, device=features.device)
    token = torch.full((len(features),), boundary, device=features.device)
    decoder = _Decoder(model, features)
    tokens, mask, softs, log_probs = [], [], [], []
    for _ in range(max_length):
        logits = scores = decoder.step(token)
        if is_random:
            scores = logits + sampling_temperature * _gumbel(logits, random)
        token = torch.where(ended, boundary, scores.detach().argmax(-1))
        tokens.append(token)
        mask.append(~ended)
        if gumbel_temperature is not None:
            softs.append((scores / gumbel_temperature).softmax(-1))
        if return_log_probs:
            token_log_probs = (logits / sampling_temperature).log_softmax(-1).gather(1, token[:, None])[:, 0]
            log_probs.append(token_log_probs.masked_fill(ended, 0.0))
        ended = ended | (token == boundary)
        if bool(ended.all()):
            break
    return Rollout(
        torch.stack(tokens, 1),
        torch.stack(mask, 1),
        torch.stack(softs, 1) if softs else None,
        torch.stack(log_probs, 1).sum(1) if log_probs else None,
        boundary,
    )


class _Decoder:
    """The generator with its recurrent state for a batch of unfinished texts.

    Args:
        model: generator with gated recurrent layers and noise.
        features: condition features and noise features of each text.
    """

    def __init__(self, model: LanguageModel, features: Float[Tensor, "batch width"]) -> None:
        assert model.embedding is not None
        self._model, self._embedding = model, model.embedding.weight
        self._gate_biases, self._later_gate_biases, self._logit_bias = _condition_biases(model, features)
        self._layers = [layer for layer in model.core.layers if isinstance(layer, CoreLayer)]
        self._state = [layer.initial_state(len(features)) for layer in self._layers]

    def step(self, token: Int[Tensor, " batch"]) -> Float[Tensor, "batch vocab"]:
        """Read one token per text and return the logits of the next token."""
        values = nn.functional.embedding(token, self._embedding)  # input of each layer in turn
        for index, layer in enumerate(self._layers):
            values, self._state[index] = layer.step(values, self._state[index], self._gate_biases[index])
        self._gate_biases = self._later_gate_biases  # the biases of the first token are used once
        return self._model.logits(values) + self._logit_bias


def _condition_biases(model: LanguageModel, features: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """Return the biases computed from the features.

    Returns:
        Biases of the gates at the first token, and at all later tokens, both with one entry per layer; bias of the
        logits at every token.
    """
    condition = model.condition
    assert condition is not None
    (first, logits), (later, _) = (
        condition.biases(features, torch.full((len(features),), is_first, device=features.device))
        for is_first in (True, False)
    )
    layer_widths = list(condition.gate_widths)
    return list(torch.split(first, layer_widths, 1)), list(torch.split(later, layer_widths, 1)), logits


def _gumbel(like: Float[Tensor, "*axes"], random: torch.Generator) -> Float[Tensor, "*axes"]:
    """Return standard Gumbel draws `-log(-log(1 - u))`, with the shape and the device of `like`.

    The uniform draws `u` are multiples of 2^-24. A `u` of 0 is replaced by 2^-25, so that no draw is infinite.
    """
    uniform = torch.rand(like.shape, generator=random, device=like.device).clamp_(min=2.0**-25)
    return uniform.neg_().log1p_().neg_().log_().neg_()
