"""How the discriminator learns, and how right it is on texts that it has not learned from."""

import torch
from torch import Tensor, nn

from seqloom.config.gan import GanConfig
from seqloom.gan.gradient_clipping import clip_gradients
from seqloom.gan.losses import GanLoss
from seqloom.gan.networks import Discriminator, DiscriminatorInput, DiscriminatorOutput
from seqloom.gan.short_texts import ShortTexts, TextBatch

__all__ = ["DiscriminatorTrainer"]

_PENALTY = 10.0

_SETTLED = 0.3
"""The learning rate in the rounds, as a share of what it is at first."""

_REGROUPED = 8
"""Times that texts are put into packs anew to measure the accuracy."""


class DiscriminatorTrainer:
    """A discriminator that learns.

    Args:
        discriminator: it is changed.
        unseen: real texts that it does not learn from.
        loss: what it plays for.
        config: how.
        device: that everything is computed on.
    """

    def __init__(
        self, discriminator: Discriminator, unseen: ShortTexts, loss: GanLoss, config: GanConfig, device: torch.device
    ) -> None:
        self.discriminator, self.unseen, self.loss = discriminator, unseen, loss
        self.config, self.device = config, device
        self.optimizer = torch.optim.Adam(discriminator.parameters(), config.discriminator_learning_rate, (0.5, 0.99))

    def step(self, real: TextBatch, drafts: TextBatch, schooled: float, noise: float, random: torch.Generator) -> float:
        """One update.

        Args:
            real: real texts.
            drafts: generated ones.
            schooled: share of the schooling that is done.
            noise: see `Discriminator.judge`.
            random: draws that.

        Returns:
            The loss.

        Raises:
            TrainingError: its gradient is not finite.
        """
        of_real, of_drafts = self._judged(real, drafts, noise, random)
        loss = self.loss.discriminator(*map(self.discriminator.scores, (of_real, of_drafts)))
        loss = loss + (of_real.levels - real.levels).square().mean()
        if self.loss.penalised:
            loss = loss + _PENALTY * self._slope(real, drafts, random)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        clip_gradients(self.discriminator.parameters(), 5.0, "discriminator")
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.discriminator_learning_rate * _SETTLED**schooled
        self.optimizer.step()
        return float(loss.detach())

    @torch.no_grad()
    def evaluate(self, number: int, drafts: TextBatch, noise: float, random: torch.Generator) -> tuple[float, float]:
        """How often it is right on texts and on unseen real ones, and how it reads ratings.

        The score that divides one half of both is found on the other half: only differences of scores are learned.

        Args:
            number: of the real texts' batch.
            drafts: generated texts.
            noise: see `Discriminator.judge`.
            random: draws that, and packs.

        Returns:
            The accuracy, and the correlation of wanted and read ratings of generated texts.
        """
        size = min(4 * self.config.batch_size, len(self.unseen))
        real = self.unseen.sample(self.config.seed, number, size, self.device)
        of_real, of_drafts = self._judged(real, drafts, noise, random)
        rating = float(torch.corrcoef(torch.stack([of_drafts.levels, drafts.levels]))[0, 1])
        halves = [[self._regrouped(one, half, random) for one in (of_real, of_drafts)] for half in (0, 1)]
        right = 0.0
        for (known_real, known_drafts), (asked_real, asked_drafts) in (halves, halves[::-1]):
            threshold = (known_real.mean() + known_drafts.mean()) / 2
            right += float((asked_real > threshold).float().mean() + (asked_drafts <= threshold).float().mean()) / 4
        return right, rating

    def _regrouped(self, judged: DiscriminatorOutput, half: int, random: torch.Generator) -> Tensor:
        """Scores of packs that half of the texts are put into again and again, which hang less on chance."""
        places = torch.arange(half, len(judged.fits), 2, device=self.device)
        orders = [torch.randperm(len(places), generator=random, device=self.device) for _ in range(_REGROUPED)]
        return torch.cat([self.discriminator.scores(judged.chosen(places[order])) for order in orders])

    def _judged(
        self, real: TextBatch, drafts: TextBatch, noise: float, random: torch.Generator
    ) -> list[DiscriminatorOutput]:
        """What it says of both."""
        longest = max(real.tokens.shape[1], drafts.tokens.shape[1])
        tokens, kept = (
            torch.cat([nn.functional.pad(part, (0, longest - part.shape[1])) for part in parts])
            for parts in ((real.tokens, drafts.tokens), (real.kept, drafts.kept))
        )
        ratings, counts = torch.cat([real.ratings, drafts.ratings]), [len(real.ratings), len(drafts.ratings)]
        judged = self.discriminator.judge(DiscriminatorInput(tokens, kept), ratings, noise, random)
        return [DiscriminatorOutput(*part) for part in zip(*(torch.split(one, counts) for one in judged), strict=True)]

    def _slope(self, real: TextBatch, drafts: TextBatch, random: torch.Generator) -> Tensor:
        """How far the slope between real and generated texts is from 1 (Gulrajani et al. 2017)."""
        longest = min(real.tokens.shape[1], drafts.tokens.shape[1])
        cut = [DiscriminatorInput(one.tokens[:, :longest], one.kept[:, :longest]) for one in (real, drafts)]
        with torch.no_grad():
            rows = [self.discriminator.trunk.embedded(one) for one in cut]
        share = torch.rand(len(real.ratings), 1, 1, generator=random, device=self.device)
        between = (share * rows[0] + (1 - share) * rows[1]).requires_grad_()
        scores = self.discriminator.scores(self.discriminator(between, cut[0].kept | cut[1].kept, real.ratings))
        (slopes,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
        off: Tensor = (slopes.flatten(1).norm(dim=1) - 1).square().mean()
        return off
