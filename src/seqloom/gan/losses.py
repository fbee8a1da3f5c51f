"""What the generator and the discriminator play for, behind one interface."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

__all__ = ["GanLoss", "Relativistic", "ScoreFunction", "Scores", "Wasserstein", "policy_gradient_loss", "standardize"]

Scores = Float[Tensor, " batch"]
"""A number for each text or pack."""


def standardize(values: Scores) -> Scores:
    """How many standard deviations each is above the mean."""
    return (values - values.mean()) / (values.std() + 1e-4)


def policy_gradient_loss(rewards: Scores, log_probs: Scores) -> Tensor:
    """What is minimised to make texts of higher rewards likelier (Williams 1992).

    Args:
        rewards: of each text, less what is expected.
        log_probs: of each, in nats.
    """
    return -(rewards * log_probs).mean()


class GanLoss(ABC):
    """The losses of both.

    Attributes:
        through_text: whether the generator's gradient goes through its texts (straight-through Gumbel draws); else
            through their log-probabilities.
        penalised: whether the discriminator's gradient is held to norm 1 between real and generated texts; else its
            weights are normalised by their largest singular value.
        from_likelihood: whether the generator is one that has learned by likelihood.
    """

    through_text = True
    penalised = False
    from_likelihood = True

    @abstractmethod
    def discriminator(self, real: Scores, generated: Scores) -> Tensor:
        """What the discriminator minimises."""

    @abstractmethod
    def generator(self, real: Scores, generated: Scores) -> Tensor:
        """What the generator minimises.

        Args:
            real: scores of real texts.
            generated: of its own.
        """


class Relativistic(GanLoss):
    """Whether a text is more real than the mean of the other side (Jolicoeur-Martineau 2018; as in RelGAN)."""

    def discriminator(self, real: Scores, generated: Scores) -> Tensor:
        """See `GanLoss`."""
        return (softplus(-(real - generated.mean())) + softplus(generated - real.mean())).mean() / 2

    def generator(self, real: Scores, generated: Scores) -> Tensor:
        """See `GanLoss`."""
        return self.discriminator(generated, real)


class Wasserstein(GanLoss):
    """How far the sides are apart, by a discriminator without steep slopes (Gulrajani et al. 2017)."""

    penalised = True

    def discriminator(self, real: Scores, generated: Scores) -> Tensor:
        """See `GanLoss`."""
        return generated.mean() - real.mean()

    def generator(self, real: Scores, generated: Scores) -> Tensor:
        """See `GanLoss`."""
        return -generated.mean()


class ScoreFunction(GanLoss):
    """Texts that pass for real are made likelier (Williams 1992; from nothing as in ScratchGAN, d'Autume et al. 2019).

    No gradient goes through the texts; as with the other losses, they are rewarded by what the discriminator says.
    """

    through_text = False
    from_likelihood = False

    def discriminator(self, real: Scores, generated: Scores) -> Tensor:
        """See `GanLoss`."""
        ones, zeros = torch.ones_like(real), torch.zeros_like(generated)
        return (binary_cross_entropy_with_logits(real, ones) + binary_cross_entropy_with_logits(generated, zeros)) / 2

    def generator(self, real: Scores, generated: Scores) -> Tensor:
        """See `GanLoss`."""
        return binary_cross_entropy_with_logits(generated, torch.ones_like(generated))
