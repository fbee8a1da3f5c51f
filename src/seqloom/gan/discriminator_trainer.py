"""Train the discriminator, and measure its accuracy on unseen texts.

The discriminator gives one score to a pack of several texts.
"""

import torch
from torch import Tensor, nn

from seqloom.config.gan import GanConfig
from seqloom.gan.gradient_clipping import clip_gradients
from seqloom.gan.losses import GanLoss
from seqloom.gan.networks import Discriminator, DiscriminatorInput, DiscriminatorOutput
from seqloom.gan.short_texts import ShortTexts, TextBatch
from seqloom.training.adam import Adam

__all__ = ["DiscriminatorTrainer"]

_PENALTY_WEIGHT = 10.0
"""Weight of the gradient penalty, for losses that use it."""

_MAX_NORM = 5.0
"""Largest total norm of the gradients in one step."""

_RATE_AFTER_WARMUP = 0.3
"""Learning rate of adversarial training, as a share of the initial learning rate."""

_NUM_REPACKINGS = 8
"""Number of random packings of the texts for one measurement of the accuracy."""


class DiscriminatorTrainer:
    """Trainer of a discriminator.

    Args:
        discriminator: network; it is trained in place.
        unseen: real texts that are not trained on, for measuring the accuracy.
        loss: losses of both networks.
        config: GAN settings.
        device: device of all tensors.
    """

    def __init__(
        self, discriminator: Discriminator, unseen: ShortTexts, loss: GanLoss, config: GanConfig, device: torch.device
    ) -> None:
        self.discriminator, self.unseen, self.loss = discriminator, unseen, loss
        self.config, self.device = config, device
        self.optimizer = Adam(discriminator.parameters(), config.discriminator_learning_rate, (0.5, 0.99))

    def step(
        self, real: TextBatch, generated: TextBatch, warmup_share: float, noise: float, random: torch.Generator
    ) -> float:
        """Run one training step and return the loss.

        Args:
            real: real texts.
            generated: generated texts.
            warmup_share: finished share of the discriminator warm-up.
            noise: standard deviation of the noise on the embeddings.
            random: source of the noise.

        Raises:
            TrainingError: the gradient is not finite.
        """
        real_output, generated_output = self._judge(real, generated, noise, random)
        scores = self.discriminator.scores
        loss = self.loss.discriminator_loss(real=scores(real_output), generated=scores(generated_output))
        loss = loss + (real_output.ratings - real.ratings).square().mean()
        if self.loss.penalised:
            loss = loss + _PENALTY_WEIGHT * self._gradient_penalty(real, generated, random)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        clip_gradients(self.discriminator.parameters(), _MAX_NORM, "discriminator")
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.discriminator_learning_rate * _RATE_AFTER_WARMUP**warmup_share
        self.optimizer.step()
        return float(loss.detach())

    @torch.no_grad()
    def evaluate(self, step: int, generated: TextBatch, noise: float, random: torch.Generator) -> tuple[float, float]:
        """Measure the accuracy on unseen real and new generated texts, and the correlation of the ratings.

        The relativistic and the Wasserstein loss depend on differences of scores only; all scores may be shifted by the
        same amount. Therefore a threshold between real and generated texts is computed from one half of the texts, and
        the accuracy is measured on the other half; then the halves swap.

        Args:
            step: number of the training step; it determines the batch of unseen real texts.
            generated: generated texts.
            noise: standard deviation of the noise on the embeddings.
            random: source of the noise and of the packings.

        Returns:
            The accuracy, and the correlation of requested and predicted ratings of the generated texts.
        """
        num_real = min(4 * self.config.batch_size, len(self.unseen))
        real = self.unseen.sample(self.config.seed, step, num_real, self.device)
        real_output, generated_output = self._judge(real, generated, noise, random)
        correlation = float(torch.corrcoef(torch.stack([generated_output.ratings, generated.ratings]))[0, 1])
        halves = [
            [self._repacked_scores(output, half, random) for output in (real_output, generated_output)]
            for half in (0, 1)
        ]
        accuracy = 0.0
        for (fit_real, fit_generated), (test_real, test_generated) in (halves, halves[::-1]):
            threshold = (fit_real.mean() + fit_generated.mean()) / 2
            true_positives, true_negatives = test_real > threshold, test_generated <= threshold
            # The mean of four rates: of real and of generated texts, in both halves.
            accuracy += float(true_positives.float().mean() + true_negatives.float().mean()) / 4
        return accuracy, correlation

    def _repacked_scores(self, output: DiscriminatorOutput, half: int, random: torch.Generator) -> Tensor:
        """Return the scores of one half of the texts in several random packings, which reduce the variance.

        Half 0 has the texts with even indices, half 1 those with odd indices.
        """
        indices = torch.arange(half, len(output.condition_scores), 2, device=self.device)
        orders = [torch.randperm(len(indices), generator=random, device=self.device) for _ in range(_NUM_REPACKINGS)]
        return torch.cat([self.discriminator.scores(output.select(indices[order])) for order in orders])

    def _judge(
        self, real: TextBatch, generated: TextBatch, noise: float, random: torch.Generator
    ) -> list[DiscriminatorOutput]:
        """Return the discriminator's output for real and for generated texts, computed in one batch."""
        longest = max(real.tokens.shape[1], generated.tokens.shape[1])
        tokens, mask = (
            torch.cat([nn.functional.pad(part, (0, longest - part.shape[1])) for part in parts])
            for parts in ((real.tokens, generated.tokens), (real.mask, generated.mask))
        )
        conditions = torch.cat([real.conditions, generated.conditions])
        counts = [len(real.conditions), len(generated.conditions)]
        output = self.discriminator.judge(DiscriminatorInput(tokens, mask), conditions, noise, random)
        split_fields = (torch.split(field, counts) for field in output)
        return [DiscriminatorOutput(*fields) for fields in zip(*split_fields, strict=True)]

    def _gradient_penalty(self, real: TextBatch, generated: TextBatch, random: torch.Generator) -> Tensor:
        """Return the gradient penalty (Gulrajani et al. 2017).

        At random points between the embeddings of a real and of a generated text, the score's gradient should have the
        norm 1. The penalty is the mean squared deviation of the norm from 1.
        """
        length = min(real.tokens.shape[1], generated.tokens.shape[1])
        real_input, generated_input = (
            DiscriminatorInput(batch.tokens[:, :length], batch.mask[:, :length]) for batch in (real, generated)
        )
        with torch.no_grad():
            real_embedded, generated_embedded = map(self.discriminator.trunk.embed, (real_input, generated_input))
        share = torch.rand(len(real.conditions), 1, 1, generator=random, device=self.device)
        interpolated = (share * real_embedded + (1 - share) * generated_embedded).requires_grad_()
        output = self.discriminator(interpolated, real_input.mask | generated_input.mask, real.conditions)
        (gradients,) = torch.autograd.grad(self.discriminator.scores(output).sum(), interpolated, create_graph=True)
        penalty: Tensor = (gradients.flatten(1).norm(dim=1) - 1).square().mean()
        return penalty
