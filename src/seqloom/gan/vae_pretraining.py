"""Learning by likelihood to use noise: a variational autoencoder whose noise tells as much of a text as it should."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqloom.gan.networks import DiscriminatorInput, Encoder
from seqloom.gan.rollout import generator_features
from seqloom.gan.short_texts import TextBatch
from seqloom.models.conditioning import ConditionInputs
from seqloom.models.language_model import LanguageModel

__all__ = ["VaeLoss", "vae_loss"]

_EVENLY = 1.0
"""Nats a text that it costs where the noise of all texts together is not spread as new noise is."""


class VaeLoss(NamedTuple):
    """How well texts are explained, in nats a text.

    Attributes:
        loss: what is minimised, in nats a token.
        nats: of the texts, given their noise.
        information: that the noise tells of a text.
    """

    loss: Tensor
    nats: Tensor
    information: Tensor


def vae_loss(
    model: LanguageModel,
    recognizer: Encoder,
    batch: TextBatch,
    ratings: Float[Tensor, "batch width"],
    information: float,
    random: torch.Generator,
    hidden: float = 0.0,
) -> VaeLoss:
    """Explain texts by noise that is recognised in them (Kingma, Welling 2014).

    That the noise is of use is seen to by holding what it tells at a number of nats (Burgess et al. 2018): left to
    itself it would tell nothing (Bowman et al. 2016).

    Args:
        model: the generator.
        recognizer: of noise.
        batch: the texts.
        ratings: features of what the generator is told.
        information: nats that the noise shall tell.
        random: draws the noise, and what is hidden.
        hidden: share of the tokens that the generator does not read, so that it must go by its noise (Bowman et al.
            2016).
    """
    mean, log_variance = recognizer(DiscriminatorInput(batch.tokens, batch.kept), ratings)
    drawn = torch.randn(mean.shape, generator=random, device=mean.device)
    noise = mean + (log_variance / 2).exp() * drawn
    told = (mean.square() + log_variance.exp() - 1 - log_variance).mean(0) / 2
    features = generator_features(model, ratings, noise)
    before = _before_each(batch.tokens)
    if hidden:
        dropped = torch.rand(before.shape, generator=random, device=before.device) < hidden
        before = torch.where(dropped, before[:, :1], before)
    nats = _nats(model, batch, before, features).sum() / len(features)
    tokens = batch.kept.sum() / len(features)
    off = (told - information / len(told)).abs().sum() + _EVENLY * _unlike_prior(mean, log_variance, batch.levels)
    return VaeLoss((nats + off) / tokens, nats.detach(), told.detach().sum())


def _unlike_prior(
    mean: Float[Tensor, "batch noise"], log_variance: Float[Tensor, "batch noise"], levels: Float[Tensor, " batch"]
) -> Tensor:
    """How far the noise of all texts is from a standard normal one that knows nothing of ratings: squared, summed.

    Means, second moments and products with the rating are compared, as in DIP-VAE (Kumar et al. 2018). Where the noise
    that texts were recognised by does not fill the space that new noise is drawn from, new noise means what the
    generator has never learned; where it tells the rating, the generator need not heed the one that it is told.
    """
    rated = mean.t() @ ((levels - levels.mean()) / (levels.std() + 1e-4)) / len(mean)
    moments = mean.t() @ mean / len(mean) + log_variance.exp().mean(0).diag()
    return (
        mean.mean(0).square().sum()
        + rated.square().sum()
        + (moments - torch.eye(len(moments), device=mean.device)).square().sum()
    )


def _nats(model: LanguageModel, batch: TextBatch, before: Tensor, features: Tensor) -> Float[Tensor, " kept"]:
    """Of each token, the boundary included, where these are read before them."""
    first = torch.zeros_like(batch.kept)
    first[:, 0] = True
    everywhere = features[:, None].expand(-1, before.shape[1], -1)
    hidden, _ = model(before, model.initial_state(len(before)), conditions=ConditionInputs(everywhere, first))
    logits = model.logits(hidden[batch.kept], everywhere[batch.kept])
    return torch.nn.functional.cross_entropy(logits, batch.tokens[batch.kept], reduction="none")


def _before_each(tokens: Int[Tensor, "batch length"]) -> Int[Tensor, "batch length"]:
    """The token before each; a text follows the boundary, which is what stands last."""
    return torch.cat([tokens[:, -1:], tokens[:, :-1]], 1)
