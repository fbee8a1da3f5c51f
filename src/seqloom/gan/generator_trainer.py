"""Train the generator: first by VAE pretraining, then by likelihood together with the discriminator's feedback.

The generator is a language model with two inputs, a rating and a noise vector. The likelihood is the VAE's loss. In
adversarial training the generator learns from the likelihood and from these gradients, each scaled to a norm relative
to the norm of the likelihood's gradient:

- a policy gradient: the log-probability of a text, weighted by its reward. The reward is the text's credit, which is
  its contribution to the discriminator's score of its pack, minus a penalty for a wrong rating;
- a gradient of the discriminator's score, which passes through the sampled tokens;
- a gradient of the error of the predicted rating, which also passes through the sampled tokens.

Losses with `through_text` False use the policy gradient only.
"""

import math
from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqloom.config.gan import GanConfig
from seqloom.gan.condition_adherence import ConditionAdherence
from seqloom.gan.gradient_clipping import clip_gradients
from seqloom.gan.losses import GanLoss, Scores, policy_gradient_loss, standardize
from seqloom.gan.networks import Discriminator, DiscriminatorInput, DiscriminatorOutput, Encoder
from seqloom.gan.rollout import Rollout, generate_rollout, generator_features
from seqloom.gan.short_texts import TextBatch
from seqloom.gan.vae_pretraining import VaeLoss, vae_loss
from seqloom.models.language_model import LanguageModel
from seqloom.training.adam import Adam

__all__ = ["Feedback", "GeneratorStep", "GeneratorTrainer"]

_CONDITION_DROPOUT = 0.1
"""Share of texts whose condition features are set to zero for the likelihood loss.

Classifier-free guidance needs a generator that can also generate without conditions.
"""

_TOKEN_DROPOUT = 0.9
"""Token dropout of the generator's input at the start of the VAE pretraining; it falls linearly to 0."""

_NOISE_WEIGHT, _RATING_WEIGHT = 0.1, 2.5
"""Weights of the noise reconstruction, relative to the adversarial loss, and of the rating error, relative to the
credit.
"""

_THROUGH_TEXT_NORM = 0.3
"""Norm of the gradient of the discriminator's score through the tokens, relative to that of the policy gradient."""

_RECONSTRUCTION_TEMPERATURE = 0.5
"""Sampling temperature of the texts for the noise reconstruction.

At a low temperature the texts depend less on random draws, which hide the noise vector.
"""

_MAX_NORM = 1.0
"""Largest total norm of the gradients in one step."""


class Feedback(NamedTuple):
    """The discriminator and the weights of its feedback.

    Attributes:
        discriminator: network that judges the texts.
        instance_noise: standard deviation of the noise on the discriminator's embeddings.
        score_weight: weight of the discriminator's score, from 0 to 1.
        gradient_norm: norm of an adversarial gradient, relative to the norm of the likelihood's gradient; without
            likelihood, a factor on the learning rate.
    """

    discriminator: Discriminator
    instance_noise: float
    score_weight: float
    gradient_norm: float


class GeneratorStep(NamedTuple):
    """Result of one adversarial step of the generator.

    Attributes:
        vae: likelihood, the VAE's loss; None if its weight is 0.
        loss: adversarial loss.
        credit_std: standard deviation of the texts' credits.
        rollout: generated texts.
    """

    vae: VaeLoss | None
    loss: float
    credit_std: float
    rollout: Rollout


class GeneratorTrainer:
    """Trainer of a generator and of the encoder of its noise.

    Args:
        model: generator; it is trained in place.
        encoder: posterior network; it is trained in place.
        loss: losses of both networks.
        config: GAN settings.
        boundary: end-of-text id.
        device: device of all tensors.

    Attributes:
        ema_model: generator with the exponential moving average of the weights, which the run stores.
        adherence: how clearly generated texts show the requested ratings, compared with real texts.
    """

    def __init__(
        self,
        model: LanguageModel,
        encoder: Encoder,
        loss: GanLoss,
        config: GanConfig,
        *,
        boundary: int,
        device: torch.device,
    ) -> None:
        self.model, self.encoder, self.ema_model = model, encoder, deepcopy(model)
        self.loss, self.config, self.boundary, self.device = loss, config, boundary, device
        self.adherence = ConditionAdherence()
        self.optimizer = Adam(self._parameters, config.generator_learning_rate, (0.5, 0.99))

    def pretrain_step(self, batch: TextBatch, step: int, share: float, random: torch.Generator) -> VaeLoss:
        """Run one step of the VAE pretraining.

        The target of the KL divergence rises over the first quarter of the pretraining.

        Args:
            batch: real texts.
            step: finished steps of the pretraining.
            share: finished share of the pretraining.
            random: source of all draws.

        Raises:
            TrainingError: the gradient is not finite.
        """
        config = self.config
        target_kl_nats = min(1.0, 4 * share) * config.target_kl_nats
        conditions = self._drop_conditions(batch.conditions, random)
        token_dropout = _TOKEN_DROPOUT * (1 - share)
        loss = vae_loss(self.model, self.encoder, batch, conditions, target_kl_nats, random, token_dropout)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss.loss)
        clip_gradients(self._parameters, _MAX_NORM, "generator")
        cosine = (1 + math.cos(math.pi * share)) / 2  # falls from 1 to 0
        # The learning rate falls from ten times the setting to the setting.
        self._optimizer_step(config.generator_learning_rate * (1 + 9 * cosine))
        # A lower decay in the first steps lets the average forget the initial weights.
        self._update_ema(min(config.ema_decay, (1 + step) / (10 + step)))
        return loss

    def adversarial_step(
        self, feedback: Feedback, requested: TextBatch, texts: TextBatch, share: float, random: torch.Generator
    ) -> GeneratorStep:
        """Run one step on the likelihood and on the discriminator's feedback.

        Args:
            feedback: discriminator and weights of its feedback.
            requested: real texts; one text is generated for the rating of each.
            texts: real texts for the likelihood.
            share: finished share of the adversarial training.
            random: source of all draws.

        Raises:
            TrainingError: the gradient is not finite.
        """
        config = self.config
        losses, step = self._adversarial_losses(feedback, requested, share, random)
        gradients = [
            torch.autograd.grad(loss, self._parameters, retain_graph=True, allow_unused=True) for loss in losses
        ]
        norms = [_total_norm(gradient) for gradient in gradients]
        likelihood_weight = config.likelihood_weight * (1 + (config.final_likelihood_share - 1) * share)
        self.optimizer.zero_grad(set_to_none=True)
        allowed_norm = 1.0
        if likelihood_weight:
            conditions = self._drop_conditions(texts.conditions, random)
            vae = vae_loss(self.model, self.encoder, texts, conditions, config.target_kl_nats, random)
            torch.autograd.backward(likelihood_weight * vae.loss)
            likelihood_norm = _total_norm([parameter.grad for parameter in self._parameters])
            # The division gives the norm of the unweighted likelihood gradient.
            allowed_norm = feedback.gradient_norm * likelihood_norm / likelihood_weight
            step = step._replace(vae=vae)
        # The order is that of `_adversarial_losses`: policy gradient, score through the text, ratings through the text.
        # A loss without gradients through the text has the policy gradient only.
        score_weight, rating_weight = feedback.score_weight, self.adherence.shortfall
        weights = (max(score_weight, rating_weight), _THROUGH_TEXT_NORM * score_weight, rating_weight)
        for gradient, norm, weight in zip(gradients, norms, weights[: len(gradients)], strict=True):
            self._add_gradient(gradient, weight * allowed_norm / max(norm, 1e-12))
        clip_gradients(self._parameters, _MAX_NORM, "generator")
        # Adam's step does not depend on a common factor of all gradients. Without likelihood, all gradients are
        # adversarial, so their norm is replaced by a factor on the learning rate.
        rate_factor = 1.0 if likelihood_weight else feedback.gradient_norm
        # The factor with the cosine falls from 1 to about 0.05.
        self._optimizer_step(rate_factor * config.generator_learning_rate * (1.1 + math.cos(math.pi * share)) / 2.1)
        self._update_ema(config.ema_decay)
        return step

    def draw_features(
        self, model: LanguageModel, conditions: Float[Tensor, "batch width"], random: torch.Generator
    ) -> tuple[Float[Tensor, "batch features"], Float[Tensor, "batch noise"]]:
        """Draw noise. Return the generator's inputs (condition features and noise features) and the noise itself."""
        noise = torch.randn(len(conditions), self.model.config.noise_size, generator=random, device=self.device)
        return generator_features(model, conditions, noise), noise

    @torch.no_grad()
    def generate(
        self, model: LanguageModel, conditions: Float[Tensor, "batch width"], random: torch.Generator
    ) -> Rollout:
        """Return one new text for each row of condition features, without gradients."""
        features, _ = self.draw_features(model, conditions, random)
        return generate_rollout(model, features, self.config.max_length, self.boundary, random)

    @property
    def _parameters(self) -> list[nn.Parameter]:
        return [*self.model.parameters(), *self.encoder.parameters()]

    def _drop_conditions(
        self, conditions: Float[Tensor, "batch width"], random: torch.Generator
    ) -> Float[Tensor, "batch width"]:
        """Return the condition features with those of some randomly chosen texts set to zero."""
        keep = torch.rand(len(conditions), generator=random, device=self.device) >= _CONDITION_DROPOUT
        return conditions * keep[:, None]

    def _adversarial_losses(
        self, feedback: Feedback, requested: TextBatch, share: float, random: torch.Generator
    ) -> tuple[list[Tensor], GeneratorStep]:
        """Return the losses from the discriminator's feedback, and the step's result, which lacks the likelihood loss.

        The first loss is the policy gradient loss. If gradients pass through the texts, two more follow: the sum of the
        adversarial loss and the weighted noise reconstruction loss, and the squared error of the ratings. The noise is
        reconstructed from extra texts, which are generated at a low temperature from the first half of the noise
        vectors.
        """
        conditions, discriminator = requested.conditions, feedback.discriminator
        instance_noise = feedback.instance_noise
        features, noise = self.draw_features(self.model, conditions, random)
        num_extra = len(noise) // 2 if self.loss.through_text else 0
        rollout = self._training_rollout(features, num_extra, share, random)
        texts, extra_texts = rollout.split(len(noise), num_extra)
        generated = discriminator.judge(texts, conditions, instance_noise, random)
        with torch.no_grad():
            real_texts = DiscriminatorInput(requested.tokens, requested.mask)
            real = discriminator.judge(real_texts, conditions, instance_noise, random)
            credits = discriminator.credits(generated, real)
            self.adherence.update(requested.ratings, real.ratings, generated.ratings)
        adversarial_loss = self.loss.generator_loss(
            real=discriminator.scores(real), generated=discriminator.scores(generated)
        )
        assert rollout.log_probs is not None
        rewards = self._rewards(feedback.score_weight, credits, generated.ratings.detach() - requested.ratings)
        losses = [policy_gradient_loss(rewards, rollout.log_probs[: len(credits)])]
        if self.loss.through_text:
            reconstruction = self._noise_loss(extra_texts, conditions[:num_extra], noise[:num_extra])
            rating_loss = _rating_loss(discriminator, texts, generated, requested.ratings)
            losses += [adversarial_loss + _NOISE_WEIGHT * reconstruction, rating_loss]
        loss, credit_std = float(adversarial_loss.detach()), float(credits.std())
        return losses, GeneratorStep(vae=None, loss=loss, credit_std=credit_std, rollout=rollout)

    def _training_rollout(
        self, features: Float[Tensor, "batch features"], num_extra: int, share: float, random: torch.Generator
    ) -> Rollout:
        """Generate a text for each row of features, then an extra text for each of the first rows.

        The extra texts have a low sampling temperature.

        Args:
            features: condition features and noise features of each text.
            num_extra: number of extra texts.
            share: finished share of the adversarial training.
            random: source of the draws.
        """
        config = self.config
        gumbel_temperature: float | None = None
        sampling_temperature: Tensor | float = 1.0
        if self.loss.through_text:
            gumbel_temperature = config.temperature * (config.final_temperature / config.temperature) ** share
            sampling_temperature = torch.ones(len(features) + num_extra, 1, device=self.device)
            sampling_temperature[len(features) :] = _RECONSTRUCTION_TEMPERATURE
        return generate_rollout(
            self.model,
            torch.cat([features, features[:num_extra]]),
            config.max_length,
            self.boundary,
            random,
            gumbel_temperature=gumbel_temperature,
            return_log_probs=True,
            sampling_temperature=sampling_temperature,
        )

    def _rewards(self, score_weight: float, credits: Scores, rating_error: Scores) -> Scores:
        """Return the weighted difference of the standardized credits and the standardized squared rating errors."""
        # The texts of an incomplete last pack have no credits.
        penalties = standardize(rating_error.square()[: len(credits)])
        return score_weight * standardize(credits) - _RATING_WEIGHT * self.adherence.shortfall * penalties

    def _noise_loss(self, texts: DiscriminatorInput, conditions: Tensor, noise: Tensor) -> Tensor:
        """Return the negative log-likelihood of the noise under the encoder's posterior, in nats per text.

        The constant term of the normal distribution is left out.
        """
        mean, log_variance = self.encoder(texts, conditions)
        loss: Tensor = ((noise - mean).square() / log_variance.exp() + log_variance).sum(1).mean() / 2
        return loss

    def _add_gradient(self, gradient: Sequence[Tensor | None], factor: float) -> None:
        for parameter, parameter_gradient in zip(self._parameters, gradient, strict=True):
            if parameter_gradient is not None:
                scaled = parameter_gradient * factor
                parameter.grad = scaled if parameter.grad is None else parameter.grad + scaled

    def _optimizer_step(self, learning_rate: float) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.step()

    @torch.no_grad()
    def _update_ema(self, decay: float) -> None:
        for average, parameter in zip(self.ema_model.parameters(), self.model.parameters(), strict=True):
            average.lerp_(parameter, 1 - decay)


def _rating_loss(
    discriminator: Discriminator, texts: DiscriminatorInput, output: DiscriminatorOutput, ratings: Scores
) -> Tensor:
    """Return the mean squared error of the predicted ratings.

    Only the part of the prediction that is a sum over single tokens has a gradient.
    """
    token_part = discriminator.word_scores(texts)
    predicted = output.ratings.detach() + token_part - token_part.detach()
    return (predicted - ratings).square().mean()


def _total_norm(gradients: Sequence[Tensor | None]) -> float:
    return float(nn.utils.get_total_norm([gradient for gradient in gradients if gradient is not None]))
