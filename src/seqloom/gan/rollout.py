"""Writing texts side by side in a way that a generator can learn from."""

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
    """Texts of a generator.

    Attributes:
        tokens: ids; after the boundary stand boundaries.
        kept: True up to the boundary, which counts.
        soft: probabilities that the draws' gradients go to; None where none are wanted.
        log_probs: of each text as it was drawn, in nats; None where they are not wanted.
        boundary: the id.
    """

    tokens: Int[Tensor, "batch length"]
    kept: Bool[Tensor, "batch length"]
    soft: Float[Tensor, "batch length vocab"] | None
    log_probs: Float[Tensor, " batch"] | None
    boundary: int

    def ids(self) -> list[list[int]]:
        """The ids of each text, without the boundary."""
        return unpadded_ids(self.tokens, self.kept, self.boundary)

    def discriminator_input(self) -> DiscriminatorInput:
        """As a network is shown them."""
        return DiscriminatorInput(self.tokens, self.kept, self.soft)

    def split(self, *counts: int) -> list[DiscriminatorInput]:
        """As networks are shown some of them each, one after another."""
        sizes = list(counts)
        softs = [None] * len(counts) if self.soft is None else torch.split(self.soft, sizes)
        parts = zip(torch.split(self.tokens, sizes), torch.split(self.kept, sizes), softs, strict=True)
        return [DiscriminatorInput(*part) for part in parts]


def generator_features(
    model: LanguageModel, ratings: Float[Tensor, "batch ratings"], noise: Float[Tensor, "batch noise"]
) -> Float[Tensor, "batch width"]:
    """What a generator is told of texts: features of their ratings, and of their noise."""
    assert model.condition is not None
    return torch.cat([ratings, model.condition.noise_features(noise)], 1)


def generate_rollout(
    model: LanguageModel,
    features: Float[Tensor, "batch width"],
    length: int,
    boundary: int,
    random: torch.Generator,
    *,
    temperature: float | None = None,
    weighed: bool = False,
    spread: Float[Tensor, "batch 1"] | float = 1.0,
) -> Rollout:
    """Write a text for each row of features.

    The gradient goes to each token's own probabilities, and not on through the token that is read next: there it
    grows from token to token, and those of two batches had nothing in common.

    Args:
        model: of gated layers, told of ratings and noise.
        features: of each text.
        length: tokens of the longest text, the boundary included.
        boundary: the id that ends a text.
        random: draws.
        temperature: of straight-through Gumbel draws (Jang et al. 2017), whose gradient goes to a softmax of it; None
            has none.
        weighed: give the log-probabilities of texts that are drawn.
        spread: softmax temperature of the texts, or of each; 0 takes the likeliest token.
    """
    condition, embedding = model.condition, model.embedding
    assert condition is not None
    assert embedding is not None
    batch = len(features)
    drawn = isinstance(spread, Tensor) or spread > 0
    ends = torch.zeros(batch, dtype=torch.bool, device=features.device)
    first, rest, logits_added = _added(model, features)
    layers = [layer for layer in model.core.layers if isinstance(layer, CoreLayer)]
    state = [layer.initial_state(batch) for layer in layers]
    token = torch.full((batch,), boundary, device=features.device)
    tokens, kept, softs, log_probs = [], [], [], []
    for place in range(length):
        values = nn.functional.embedding(token, embedding.weight)
        for number, layer in enumerate(layers):
            added = (rest if place else first)[number]
            values, state[number] = layer.step(values, state[number], added)
        logits = model.logits(values) + logits_added
        scores = logits
        if drawn:
            scores = logits + spread * _gumbel(logits, random)
        token = torch.where(ends, boundary, scores.detach().argmax(-1))
        soft = None if temperature is None else (scores / temperature).softmax(-1)
        tokens.append(token)
        kept.append(~ends)
        softs.append(soft)
        if weighed:
            chosen = (logits / spread).log_softmax(-1).gather(1, token[:, None])[:, 0]
            log_probs.append(chosen.masked_fill(ends, 0.0))
        ends = ends | (token == boundary)
        if bool(ends.all()):
            break
    return Rollout(
        torch.stack(tokens, 1),
        torch.stack(kept, 1),
        None if temperature is None else torch.stack([one for one in softs if one is not None], 1),
        torch.stack(log_probs, 1).sum(1) if weighed else None,
        boundary,
    )


def _added(model: LanguageModel, features: Tensor) -> tuple[list[Tensor], list[Tensor], Tensor]:
    """What the features add to the gates of each layer at the first token, and at the others, and to the logits."""
    condition = model.condition
    assert condition is not None
    both = [torch.full((len(features),), at_first, device=features.device) for at_first in (True, False)]
    (first, logits), (rest, _) = (condition.biases(features, marks) for marks in both)
    gates = list(condition.gates)
    return list(torch.split(first, gates, 1)), list(torch.split(rest, gates, 1)), logits


def _gumbel(like: Float[Tensor, "*axes"], random: torch.Generator) -> Float[Tensor, "*axes"]:
    """Draws of the standard Gumbel distribution, by its quantiles; the uniform draws are multiples of 2^-24."""
    uniform = torch.rand(like.shape, generator=random, device=like.device).clamp_(min=2.0**-25)
    return uniform.neg_().log1p_().neg_().log_().neg_()
