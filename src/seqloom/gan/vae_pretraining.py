"""VAE pretraining: teach the generator to use its noise by a variational autoencoder with a target KL divergence.

The encoder infers a posterior of the noise, a normal distribution, from a text. The generator reconstructs the text
from noise drawn from this posterior. New texts are generated from noise of the prior, the standard normal distribution.
"""

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

_MOMENT_WEIGHT = 1.0
"""Weight of the moment penalty, in nats per text."""


class VaeLoss(NamedTuple):
    """The loss of the autoencoder, and its two main parts without gradients.

    Attributes:
        loss: minimised loss, in nats per token.
        reconstruction_nats: reconstruction loss, in nats per text.
        kl_nats: KL divergence of the posterior from the prior, in nats per text: the information in the noise.
    """

    loss: Tensor
    reconstruction_nats: Tensor
    kl_nats: Tensor


def vae_loss(
    model: LanguageModel,
    encoder: Encoder,
    batch: TextBatch,
    conditions: Float[Tensor, "batch width"],
    target_kl_nats: float,
    random: torch.Generator,
    token_dropout: float = 0.0,
) -> VaeLoss:
    """Return the loss of a variational autoencoder (Kingma and Welling 2014).

    The loss keeps the KL divergence at a target, divided equally among the noise dimensions (Burgess et al. 2018).
    Without a target the KL divergence falls to zero, and the generator ignores the noise (Bowman et al. 2016).

    Args:
        model: generator.
        encoder: posterior network.
        batch: texts.
        conditions: condition features for generator and encoder.
        target_kl_nats: target of the KL divergence, in nats per text.
        random: source of the noise and of the token dropout.
        token_dropout: share of the generator's input tokens to replace by the boundary, which forces the generator to
            use the noise (Bowman et al. 2016).
    """
    mean, log_variance = encoder(DiscriminatorInput(batch.tokens, batch.mask), conditions)
    standard_normal = torch.randn(mean.shape, generator=random, device=mean.device)
    noise = mean + (log_variance / 2).exp() * standard_normal
    kl_by_dimension = (mean.square() + log_variance.exp() - 1 - log_variance).mean(0) / 2
    features = generator_features(model, conditions, noise)
    inputs = _input_tokens(batch.tokens)
    if token_dropout:
        dropped = torch.rand(inputs.shape, generator=random, device=inputs.device) < token_dropout
        inputs = torch.where(dropped, inputs[:, :1], inputs)  # the first input is the boundary
    reconstruction_nats = _token_nats(model, batch, inputs, features).sum() / len(features)
    tokens_per_text = batch.mask.sum() / len(features)
    penalty = (kl_by_dimension - target_kl_nats / len(kl_by_dimension)).abs().sum() + _MOMENT_WEIGHT * _moment_penalty(
        mean, log_variance, batch.ratings
    )
    return VaeLoss(
        loss=(reconstruction_nats + penalty) / tokens_per_text,
        reconstruction_nats=reconstruction_nats.detach(),
        kl_nats=kl_by_dimension.detach().sum(),
    )


def _moment_penalty(
    mean: Float[Tensor, "batch noise"], log_variance: Float[Tensor, "batch noise"], ratings: Float[Tensor, " batch"]
) -> Tensor:
    """Return the squared distance of the aggregate posterior's moments from those of the prior.

    The aggregate posterior is the distribution of the noise over all texts of the batch. The moments are its means, its
    second moments and its covariances with the rating, as in DIP-VAE (Kumar et al. 2018); those of the prior are 0, the
    identity matrix and 0. If the aggregate posterior leaves gaps in the prior, the generator has not learned what noise
    from these gaps means. If the noise contains the rating, the generator can ignore the requested rating.
    """
    covariance = mean.t() @ ((ratings - ratings.mean()) / (ratings.std() + 1e-4)) / len(mean)
    second_moments = mean.t() @ mean / len(mean) + log_variance.exp().mean(0).diag()
    return (
        mean.mean(0).square().sum()
        + covariance.square().sum()
        + (second_moments - torch.eye(len(second_moments), device=mean.device)).square().sum()
    )


def _token_nats(model: LanguageModel, batch: TextBatch, inputs: Tensor, features: Tensor) -> Float[Tensor, " tokens"]:
    """Return the cross-entropy of each token where the mask is True, in nats, with `inputs` as the preceding tokens."""
    is_first = torch.zeros_like(batch.mask)
    is_first[:, 0] = True
    repeated = features[:, None].expand(-1, inputs.shape[1], -1)
    hidden, _ = model(inputs, model.initial_state(len(inputs)), conditions=ConditionInputs(repeated, is_first))
    logits = model.logits(hidden[batch.mask], repeated[batch.mask])
    return torch.nn.functional.cross_entropy(logits, batch.tokens[batch.mask], reduction="none")


def _input_tokens(tokens: Int[Tensor, "batch length"]) -> Int[Tensor, "batch length"]:
    """Return the tokens shifted by one; the first input of each text is its last token, the boundary."""
    return torch.cat([tokens[:, -1:], tokens[:, :-1]], 1)
