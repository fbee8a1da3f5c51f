"""The networks that read texts: the discriminator, and what recognises the noise that a text was made of."""

import math
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["Discriminator", "DiscriminatorInput", "DiscriminatorOutput", "Encoder", "embed_straight_through"]

_REPRESENTATIONS = 4
_WIDTH = 32
_REACHES = (1, 2, 3, 4, 5)
_CHANNELS = 32
_HIDDEN = 256
_LOWEST = -1e4


class DiscriminatorInput(NamedTuple):
    """Texts as they are shown to a network.

    Attributes:
        tokens: ids.
        kept: True up to the end of each text.
        soft: the probabilities that the tokens' gradients go to; None where nothing learns from them.
    """

    tokens: Int[Tensor, "batch length"]
    kept: Bool[Tensor, "batch length"]
    soft: Float[Tensor, "batch length vocab"] | None = None


class DiscriminatorOutput(NamedTuple):
    """What the discriminator makes of texts, one by one.

    Attributes:
        hidden: what it sees in each.
        fits: how well each fits its rating.
        levels: the rating that it reads in each.
    """

    hidden: Float[Tensor, "batch hidden"]
    fits: Float[Tensor, " batch"]
    levels: Float[Tensor, " batch"]

    def chosen(self, places: Int[Tensor, " some"]) -> "DiscriminatorOutput":
        """Some of them."""
        return DiscriminatorOutput(*(part[places] for part in self))


class _StraightThrough(torch.autograd.Function):
    """Rows of an embedding, whose gradient goes to probabilities as if they were its product (Bengio et al. 2013)."""

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
    """The rows of tokens; where they are soft, the gradient goes to that and not to the weight."""
    if soft is None:
        return nn.functional.embedding(tokens, weight)
    rows: Tensor = _StraightThrough.apply(soft, weight, tokens)  # type: ignore[no-untyped-call]
    return rows


class _Trunk(nn.Module):
    """Convolutions of several widths over several embeddings of the same text (RelGAN, Nie et al. 2019).

    Each filter's largest and mean answer go into one hidden layer.

    Args:
        vocabulary: number of token ids.
        representations: embeddings, each with filters of its own.
        normalised: whether weights are divided by their largest singular value (Miyato et al. 2018).
    """

    def __init__(self, vocabulary: int, representations: int, *, normalised: bool) -> None:
        super().__init__()
        held = spectral_norm if normalised else _as_it_is
        self.embedding = nn.Parameter(torch.randn(vocabulary, representations * _WIDTH))
        channels = representations * _CHANNELS
        self.filters = nn.ModuleList(
            held(nn.Conv1d(representations * _WIDTH, channels, reach, padding=reach - 1, groups=representations))
            for reach in _REACHES
        )
        self.mix = held(nn.Linear(2 * len(_REACHES) * channels, _HIDDEN))

    def embedded(self, shown: DiscriminatorInput) -> Float[Tensor, "batch length width"]:
        """The embeddings of texts, zeros after their end."""
        return embed_straight_through(self.embedding, shown.tokens, shown.soft) * shown.kept.unsqueeze(-1)

    def forward(
        self, embedded: Float[Tensor, "batch length width"], kept: Bool[Tensor, "batch length"]
    ) -> Float[Tensor, "batch hidden"]:
        """What is made of texts."""
        number = kept.sum(1, keepdim=True)
        pooled = []
        for reach, one in zip(_REACHES, self.filters, strict=True):
            answers = nn.functional.leaky_relu(one(embedded.transpose(1, 2)), 0.2)
            # A filter may look at the text's end from beyond it, and no further.
            room = nn.functional.pad(kept, (0, reach - 1))
            for step in range(1, reach):
                room = room | nn.functional.pad(kept, (step, reach - 1 - step))
            beyond = ~room.unsqueeze(1)
            pooled += [answers.masked_fill(beyond, _LOWEST).amax(-1), answers.masked_fill(beyond, 0).sum(-1) / number]
        return nn.functional.leaky_relu(self.mix(torch.cat(pooled, 1)), 0.2)


class Discriminator(nn.Module):
    """Says whether packs of texts are real, given their ratings, and which rating it reads in each.

    One short text hardly tells, and whether texts are alike shows in several only (PacGAN, Lin et al. 2018): a pack is
    judged by the mean of what is seen in its texts, and by how much that varies (Karras et al. 2018). The rating
    enters by projection (Miyato, Koyama 2018; of continuous ones, Ding et al. 2021).

    Args:
        vocabulary: number of token ids.
        ratings: features of a rating.
        pack: texts of a pack.
        normalised: see `_Trunk`.
    """

    def __init__(self, vocabulary: int, ratings: int, pack: int, *, normalised: bool) -> None:
        super().__init__()
        held = spectral_norm if normalised else _as_it_is
        self.pack = pack
        self.trunk = _Trunk(vocabulary, _REPRESENTATIONS, normalised=normalised)
        self.score = held(nn.Linear(2 * _HIDDEN, 1))
        self.projection = held(nn.Linear(ratings, _HIDDEN, bias=False))
        self.level = nn.Linear(_HIDDEN, 1)
        self.word_levels = nn.Parameter(torch.zeros(vocabulary, 1))

    @torch.no_grad()
    def load_embedding(self, embedding: Float[Tensor, "vocab width"]) -> None:
        """Begin with what a generator knows of tokens: as many columns as there is room for, at the usual spread."""
        room = self.trunk.embedding[:, : embedding.shape[1]]
        room.copy_(embedding[:, : room.shape[1]] / embedding.std())

    def forward(
        self, embedded: Float[Tensor, "batch length width"], kept: Bool[Tensor, "batch length"], ratings: Tensor
    ) -> DiscriminatorOutput:
        """Judge embedded texts."""
        hidden = self.trunk(embedded, kept)
        return DiscriminatorOutput(hidden, (self.projection(ratings) * hidden).sum(1), self.level(hidden).squeeze(1))

    def judge(
        self,
        shown: DiscriminatorInput,
        ratings: Float[Tensor, "batch width"],
        noise: float = 0.0,
        random: torch.Generator | None = None,
    ) -> DiscriminatorOutput:
        """Judge texts.

        Args:
            shown: the texts.
            ratings: features of what they should be rated.
            noise: standard deviation of what is added to their embeddings (Sonderby et al. 2017).
            random: draws that.
        """
        embedded = self.trunk.embedded(shown)
        if noise:
            drawn = torch.randn(embedded.shape, generator=random, device=embedded.device)
            embedded = embedded + noise * drawn * shown.kept.unsqueeze(-1)
        judged: DiscriminatorOutput = self(embedded, shown.kept, ratings)
        return judged._replace(levels=judged.levels + self.word_scores(shown))

    def word_scores(self, shown: DiscriminatorInput) -> Float[Tensor, " batch"]:
        """What the words of texts add to the ratings that are read in them, each by itself."""
        added = embed_straight_through(self.word_levels, shown.tokens, shown.soft).squeeze(-1) * shown.kept
        return added.sum(1) / shown.kept.sum(1).sqrt()

    def scores(self, judged: DiscriminatorOutput) -> Float[Tensor, " packs"]:
        """How real packs are, the higher the more: texts that follow one another; what is over is left out."""
        hidden, fits = self._packed(judged)
        return self._scores(hidden.sum(1), hidden.square().sum(1), fits.sum(1))

    def credits(self, generated: DiscriminatorOutput, real: DiscriminatorOutput) -> Float[Tensor, " whole"]:
        """How much better a pack is for each of its texts, than with a real one in its place (difference rewards)."""
        (hidden, fits), (others, other_fits) = self._packed(generated), self._packed(real)
        sums, squares, fitting = hidden.sum(1, True), hidden.square().sum(1, True), fits.sum(1, True)
        without = self._scores(
            sums - hidden + others, squares - hidden.square() + others.square(), fitting - fits + other_fits
        )
        return (self._scores(sums, squares, fitting) - without).flatten()

    def _packed(
        self, judged: DiscriminatorOutput
    ) -> tuple[Float[Tensor, "packs pack hidden"], Float[Tensor, "packs pack"]]:
        packs = len(judged.fits) // self.pack
        hidden, fits = (part[: packs * self.pack] for part in (judged.hidden, judged.fits))
        return hidden.view(packs, self.pack, -1), fits.view(packs, self.pack)

    def _scores(self, sums: Tensor, squares: Tensor, fits: Tensor) -> Tensor:
        """Scores of packs by the sums of what is seen in their texts, of its squares, and of the fits."""
        mean = sums / self.pack
        spread = (squares / self.pack - mean.square()).clamp(min=0).add(1e-6).sqrt()
        scores: Tensor = self.score(torch.cat([mean, spread], -1)).squeeze(-1) + fits / self.pack
        return scores * math.sqrt(self.pack)


class Encoder(nn.Module):
    """Says which noise a text was made of: a normal distribution for each number.

    Args:
        vocabulary: number of token ids.
        ratings: features of a rating.
        noise: numbers.
    """

    def __init__(self, vocabulary: int, ratings: int, noise: int) -> None:
        super().__init__()
        self.trunk = _Trunk(vocabulary, 2, normalised=False)
        self.moments = nn.Linear(_HIDDEN + ratings, 2 * noise)

    def forward(
        self, shown: DiscriminatorInput, ratings: Float[Tensor, "batch width"]
    ) -> tuple[Float[Tensor, "batch noise"], Float[Tensor, "batch noise"]]:
        """The means, and the logarithms of the variances."""
        hidden = self.trunk(self.trunk.embedded(shown), shown.kept)
        mean, log_variance = self.moments(torch.cat([hidden, ratings], 1)).chunk(2, 1)
        return mean, log_variance.clamp(-8, 4)


def _as_it_is(module: nn.Module) -> nn.Module:
    return module
