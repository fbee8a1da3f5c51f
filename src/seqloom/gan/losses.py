"""The losses of generator and discriminator, behind one interface."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

__all__ = ["GanLoss", "Relativistic", "ScoreFunction", "Scores", "Wasserstein", "policy_gradient_loss", "standardize"]

Scores = Float[Tensor, " batch"]
"""One number per text or per pack of texts."""


def standardize(values: Scores) -> Scores:
    """Shift and scale the values to mean 0 and standard deviation 1."""
    return (values - values.mean()) / (values.std() + 1e-4)


def policy_gradient_loss(rewards: Scores, log_probs: Scores) -> Tensor:
    """Return the REINFORCE loss (Williams 1992).

    Args:
        rewards: reward of each text, minus a baseline.
        log_probs: log-probability of each text, in nats.
    """
    return -(rewards * log_probs).mean()


class GanLoss(ABC):
    """A pair of losses, for the discriminator and for the generator.

    Attributes:
        through_text: whether the generator's gradient passes through its texts (straight-through Gumbel softmax) in
            addition to their log-probabilities.
        penalised: whether a gradient penalty regularises the discriminator; if not, spectral normalization does.
        from_likelihood: whether the generator starts from the weights of a likelihood-trained run.
    """

    through_text = True
    penalised = False
    from_likelihood = True

    @abstractmethod
    def discriminator_loss(self, real: Scores, generated: Scores) -> Tensor:
        """Return the loss of the discriminator.

        Args:
            real: discriminator's scores of packs of real texts; higher is more real.
            generated: scores of packs of generated texts.
        """

    @abstractmethod
    def generator_loss(self, real: Scores, generated: Scores) -> Tensor:
        """Return the loss of the generator; the arguments are those of `discriminator_loss`."""


class Relativistic(GanLoss):
    """Relativistic average loss (Jolicoeur-Martineau 2018).

    Each score of real texts is compared with the mean score of the generated texts, and each score of
    generated texts with the mean score of the real texts.
    """

    def discriminator_loss(self, real: Scores, generated: Scores) -> Tensor:
        """See `GanLoss`."""
        return (softplus(-(real - generated.mean())) + softplus(generated - real.mean())).mean() / 2

    def generator_loss(self, real: Scores, generated: Scores) -> Tensor:
        """See `GanLoss`."""
        # The generator has the opposite goal, so real and generated texts change places.
        return self.discriminator_loss(real=generated, generated=real)


class Wasserstein(GanLoss):
    """Wasserstein loss with gradient penalty (Gulrajani et al. 2017)."""

    penalised = True

    def discriminator_loss(self, real: Scores, generated: Scores) -> Tensor:
        """See `GanLoss`."""
        return generated.mean() - real.mean()

    def generator_loss(self, real: Scores, generated: Scores) -> Tensor:
        """See `GanLoss`."""
        return -generated.mean()


class ScoreFunction(GanLoss):
    """Policy gradients only (Williams 1992), from random weights as in ScratchGAN (d'Autume et al. 2019).

    No gradient passes through the texts. The rewards are the discriminator's credits, as with the other losses: the
    contribution of each text to the score of its pack.
    """

    through_text = False
    from_likelihood = False

    def discriminator_loss(self, real: Scores, generated: Scores) -> Tensor:
        """See `GanLoss`."""
        ones, zeros = torch.ones_like(real), torch.zeros_like(generated)
        return (binary_cross_entropy_with_logits(real, ones) + binary_cross_entropy_with_logits(generated, zeros)) / 2

    def generator_loss(self, real: Scores, generated: Scores) -> Tensor:
        """See `GanLoss`."""
        return binary_cross_entropy_with_logits(generated, torch.ones_like(generated))
