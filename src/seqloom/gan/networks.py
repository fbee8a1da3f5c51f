"""The networks that read texts: the discriminator, and the encoder, which infers the noise behind a text.

Both compute hidden features of a text with a convolutional trunk. The discriminator judges several texts together, a
pack. The tokens of a generated text are discrete and have no gradient. A generated text can therefore also have
Gumbel-softmax probabilities of all token ids, which pass the gradient to the generator.
"""

import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["Discriminator", "DiscriminatorInput", "DiscriminatorOutput", "Encoder", "embed_straight_through"]

_NUM_DISCRIMINATOR_EMBEDDINGS, _NUM_ENCODER_EMBEDDINGS = 4, 2
"""Embeddings of each token id; each embedding has its own filters."""

_EMBEDDING_WIDTH = 32
_KERNEL_WIDTHS = (1, 2, 3, 4, 5)
_CHANNELS = 32
"""Number of filters of each kernel width for each embedding."""

_HIDDEN_SIZE = 256
_MASKED_VALUE = -1e4
"""Activation of the positions outside a text in max pooling, far below those inside."""


class DiscriminatorInput(NamedTuple):
    """Texts as input of the discriminator or of the encoder.

    Attributes:
        tokens: token ids.
        mask: True up to and including the end-of-text token of each text.
        soft: probabilities of all token ids, which receive the gradient in place of the tokens; None if no gradient
            passes through the texts.
    """

    tokens: Int[Tensor, "batch length"]
    mask: Bool[Tensor, "batch length"]
    soft: Float[Tensor, "batch length vocab"] | None = None


class DiscriminatorOutput(NamedTuple):
    """Output of the discriminator for each text, before packing.

    Attributes:
        hidden: hidden features.
        condition_scores: inner product of the hidden features and the projected conditions: how well a text fits the
            ratings that were requested.
        ratings: predicted rating, scaled to the range from 0 to 1; the first, if texts have several ratings.
    """

    hidden: Float[Tensor, "batch hidden"]
    condition_scores: Float[Tensor, " batch"]
    ratings: Float[Tensor, " batch"]

    def select(self, indices: Int[Tensor, " selected"]) -> "DiscriminatorOutput":
        """Return the output for the texts at `indices`."""
        return DiscriminatorOutput(*(part[indices] for part in self))


class _StraightThrough(torch.autograd.Function):
    """Look up the embeddings of `tokens`, with a gradient as if the result were `soft @ weight` (Bengio et al. 2013).

    Only `soft` receives the gradient.
    """

    @staticmethod
    def forward(ctx: Any, soft: Tensor, weight: Tensor, tokens: Tensor) -> Tensor:
        ctx.save_for_backward(weight)
        return nn.functional.embedding(tokens, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        return gradients[0] @ weight.t(), None, None


def embed_straight_through(
    weight: Float[Tensor, "vocab width"], tokens: Int[Tensor, "*axes"], soft: Float[Tensor, "*axes vocab"] | None
) -> Float[Tensor, "*axes width"]:
    """Return the embeddings of tokens; with `soft`, the gradient goes to `soft` instead of `weight`."""
    if soft is None:
        return nn.functional.embedding(tokens, weight)
    embedded: Tensor = _StraightThrough.apply(soft, weight, tokens)  # type: ignore[no-untyped-call]
    return embedded


class _Trunk(nn.Module):
    """Convolutions of several widths over several embeddings of the same text (RelGAN, Nie et al. 2019).

    The maximum and the mean of each filter over the text feed one hidden layer.

    Args:
        vocabulary: number of token ids.
        num_embeddings: number of embeddings, each with its own filters.
        normalised: whether to apply spectral normalization (Miyato et al. 2018).
    """

    def __init__(self, vocabulary: int, num_embeddings: int, *, normalised: bool) -> None:
        super().__init__()
        normalize = spectral_norm if normalised else _identity
        self.embedding = nn.Parameter(torch.randn(vocabulary, num_embeddings * _EMBEDDING_WIDTH))
        channels = num_embeddings * _CHANNELS
        self.filters = nn.ModuleList(
            normalize(
                nn.Conv1d(num_embeddings * _EMBEDDING_WIDTH, channels, width, padding=width - 1, groups=num_embeddings)
            )
            for width in _KERNEL_WIDTHS
        )
        self.mix = normalize(nn.Linear(2 * len(_KERNEL_WIDTHS) * channels, _HIDDEN_SIZE))

    def embed(self, texts: DiscriminatorInput) -> Float[Tensor, "batch length width"]:
        """Return the embeddings of texts, zero after the end of each text."""
        return embed_straight_through(self.embedding, texts.tokens, texts.soft) * texts.mask.unsqueeze(-1)

    def forward(
        self, embedded: Float[Tensor, "batch length width"], mask: Bool[Tensor, "batch length"]
    ) -> Float[Tensor, "batch hidden"]:
        """Return the hidden features of embedded texts."""
        lengths = mask.sum(1, keepdim=True)
        pooled = []
        for width, convolution in zip(_KERNEL_WIDTHS, self.filters, strict=True):
            activations = nn.functional.leaky_relu(convolution(embedded.transpose(1, 2)), 0.2)
            # Padding lets the filter start before the text and end after the text. Mask the positions where the filter
            # covers no token.
            overlaps = nn.functional.pad(mask, (0, width - 1))
            for shift in range(1, width):
                overlaps = overlaps | nn.functional.pad(mask, (shift, width - 1 - shift))
            outside = ~overlaps.unsqueeze(1)
            pooled += [
                activations.masked_fill(outside, _MASKED_VALUE).amax(-1),
                activations.masked_fill(outside, 0).sum(-1) / lengths,
            ]
        return nn.functional.leaky_relu(self.mix(torch.cat(pooled, 1)), 0.2)


class Discriminator(nn.Module):
    """Score packs of texts as real or generated for the requested ratings, and predict the rating of each text.

    A single short text carries little evidence, and mode collapse shows only in several texts (PacGAN, Lin et al.
    2018). The score of a pack uses the mean and the standard deviation of the hidden features of its texts (Karras et
    al. 2018). Conditions enter by projection (Miyato and Koyama 2018; for continuous conditions, Ding et al. 2021).

    Args:
        vocabulary: number of token ids.
        num_conditions: number of condition features.
        pack_size: texts per pack.
        normalised: whether to apply spectral normalization.

    Attributes:
        level: linear layer that predicts the rating, here called level, from the hidden features.
        word_levels: contribution of each token id to the predicted rating.
    """

    def __init__(self, vocabulary: int, num_conditions: int, pack_size: int, *, normalised: bool) -> None:
        super().__init__()
        normalize = spectral_norm if normalised else _identity
        self.pack_size = pack_size
        self.trunk = _Trunk(vocabulary, _NUM_DISCRIMINATOR_EMBEDDINGS, normalised=normalised)
        self.score = normalize(nn.Linear(2 * _HIDDEN_SIZE, 1))
        self.projection = normalize(nn.Linear(num_conditions, _HIDDEN_SIZE, bias=False))
        self.level = nn.Linear(_HIDDEN_SIZE, 1)
        self.word_levels = nn.Parameter(torch.zeros(vocabulary, 1))

    @torch.no_grad()
    def load_embedding(self, embedding: Float[Tensor, "vocab width"]) -> None:
        """Copy a generator's embedding into the trunk's first embedding columns, scaled to unit standard deviation."""
        columns = self.trunk.embedding[:, : embedding.shape[1]]
        columns.copy_(embedding[:, : columns.shape[1]] / embedding.std())

    def forward(
        self, embedded: Float[Tensor, "batch length width"], mask: Bool[Tensor, "batch length"], conditions: Tensor
    ) -> DiscriminatorOutput:
        """Return the output for embedded texts; the ratings lack the part that `word_scores` adds in `judge`."""
        hidden = self.trunk(embedded, mask)
        return DiscriminatorOutput(hidden, (self.projection(conditions) * hidden).sum(1), self.level(hidden).squeeze(1))

    def judge(
        self,
        texts: DiscriminatorInput,
        conditions: Float[Tensor, "batch width"],
        noise: float = 0.0,
        random: torch.Generator | None = None,
    ) -> DiscriminatorOutput:
        """Return the output for texts.

        Args:
            texts: texts to judge.
            conditions: condition features of the requested ratings.
            noise: standard deviation of the noise added to the embeddings (instance noise, Sonderby et al. 2017).
            random: random generator of the noise; not used if `noise` is 0.
        """
        embedded = self.trunk.embed(texts)
        if noise:
            drawn = torch.randn(embedded.shape, generator=random, device=embedded.device)
            embedded = embedded + noise * drawn * texts.mask.unsqueeze(-1)
        output: DiscriminatorOutput = self(embedded, texts.mask, conditions)
        return output._replace(ratings=output.ratings + self.word_scores(texts))

    def word_scores(self, texts: DiscriminatorInput) -> Float[Tensor, " batch"]:
        """Return the part of the predicted ratings that is a sum over single tokens."""
        per_token = embed_straight_through(self.word_levels, texts.tokens, texts.soft).squeeze(-1) * texts.mask
        return per_token.sum(1) / texts.mask.sum(1).sqrt()

    def scores(self, output: DiscriminatorOutput) -> Float[Tensor, " packs"]:
        """Return one score per pack of consecutive texts, higher if they seem real; ignore an incomplete last pack."""
        hidden, condition_scores = self._pack(output)
        return self._pack_scores(hidden.sum(1), hidden.square().sum(1), condition_scores.sum(1))

    def credits(self, generated: DiscriminatorOutput, real: DiscriminatorOutput) -> Float[Tensor, " texts"]:
        """Return the contribution of each text to its pack's score (difference rewards).

        The contribution is the score of the pack minus the score with a real text in place of the text.
        """
        (hidden, condition_scores), (real_hidden, real_condition_scores) = self._pack(generated), self._pack(real)
        sums, squares, condition_sums = (
            part.sum(1, keepdim=True) for part in (hidden, hidden.square(), condition_scores)
        )
        scores_after_replacement = self._pack_scores(
            sums - hidden + real_hidden,
            squares - hidden.square() + real_hidden.square(),
            condition_sums - condition_scores + real_condition_scores,
        )
        return (self._pack_scores(sums, squares, condition_sums) - scores_after_replacement).flatten()

    def _pack(
        self, output: DiscriminatorOutput
    ) -> tuple[Float[Tensor, "packs pack hidden"], Float[Tensor, "packs pack"]]:
        """Return the hidden features and the condition scores of each pack, without an incomplete last pack."""
        packs = len(output.condition_scores) // self.pack_size
        hidden, condition_scores = (part[: packs * self.pack_size] for part in (output.hidden, output.condition_scores))
        return hidden.view(packs, self.pack_size, -1), condition_scores.view(packs, self.pack_size)

    def _pack_scores(self, sums: Tensor, squares: Tensor, condition_sums: Tensor) -> Tensor:
        """Return scores from sums over each pack: of the hidden features, of their squares, of the condition scores."""
        mean = sums / self.pack_size
        deviation = (squares / self.pack_size - mean.square()).clamp(min=0).add(1e-6).sqrt()
        scores: Tensor = self.score(torch.cat([mean, deviation], -1)).squeeze(-1) + condition_sums / self.pack_size
        return scores * math.sqrt(self.pack_size)  # a mean over n texts varies less than one text, by a factor sqrt(n)


class Encoder(nn.Module):
    """Infer the noise behind a text: the posterior network of the variational autoencoder.

    The posterior is one normal distribution for each noise dimension.

    Args:
        vocabulary: number of token ids.
        num_conditions: number of condition features.
        noise_size: dimension of the noise.
    """

    def __init__(self, vocabulary: int, num_conditions: int, noise_size: int) -> None:
        super().__init__()
        self.trunk = _Trunk(vocabulary, _NUM_ENCODER_EMBEDDINGS, normalised=False)
        self.moments = nn.Linear(_HIDDEN_SIZE + num_conditions, 2 * noise_size)

    def forward(
        self, texts: DiscriminatorInput, conditions: Float[Tensor, "batch width"]
    ) -> tuple[Float[Tensor, "batch noise"], Float[Tensor, "batch noise"]]:
        """Return the means and the log-variances of the posterior."""
        hidden = self.trunk(self.trunk.embed(texts), texts.mask)
        mean, log_variance = self.moments(torch.cat([hidden, conditions], 1)).chunk(2, 1)
        return mean, log_variance.clamp(-8, 4)


def _identity(module: nn.Module) -> nn.Module:
    return module
