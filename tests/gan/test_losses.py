"""The losses: signs and optima."""

import pytest
import torch

from seqloom.gan.losses import Relativistic, ScoreFunction, Wasserstein, policy_gradient_loss, standardize

REAL, GENERATED = torch.tensor([2.0, 1.5, 2.5]), torch.tensor([-1.0, -2.0, -0.5])


@pytest.mark.parametrize("loss", [Relativistic(), Wasserstein(), ScoreFunction()])
def test_a_correct_discriminator_has_a_lower_loss(loss):
    assert loss.discriminator_loss(REAL, GENERATED) < loss.discriminator_loss(GENERATED, REAL)


@pytest.mark.parametrize("loss", [Relativistic(), Wasserstein(), ScoreFunction()])
def test_the_generator_loss_falls_with_its_scores(loss):
    scores = GENERATED.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss.generator_loss(REAL, scores), scores)
    assert (gradient < 0).all()


def test_policy_gradients_raise_the_log_prob_of_better_texts():
    log_probs = torch.zeros(3, requires_grad=True)
    rewards = standardize(GENERATED)
    assert rewards.std() == pytest.approx(1, abs=1e-2)
    (gradient,) = torch.autograd.grad(policy_gradient_loss(rewards, log_probs), log_probs)
    assert gradient.argmin() == GENERATED.argmax()
    assert gradient.sum() == pytest.approx(0, abs=1e-6)


def test_relativistic_losses_ignore_a_common_offset():
    shifted = Relativistic().discriminator_loss(REAL + 10, GENERATED + 10)
    assert float(shifted) == pytest.approx(float(Relativistic().discriminator_loss(REAL, GENERATED)), abs=1e-5)
