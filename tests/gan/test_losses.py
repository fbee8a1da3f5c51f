"""What both play for: signs and optima."""

import pytest
import torch

from seqloom.gan.losses import Relativistic, ScoreFunction, Wasserstein, policy_gradient_loss, standardize

REAL, GENERATED = torch.tensor([2.0, 1.5, 2.5]), torch.tensor([-1.0, -2.0, -0.5])


@pytest.mark.parametrize("loss", [Relativistic(), Wasserstein(), ScoreFunction()])
def test_a_discriminator_that_is_right_pays_less(loss):
    assert loss.discriminator(REAL, GENERATED) < loss.discriminator(GENERATED, REAL)


@pytest.mark.parametrize("loss", [Relativistic(), Wasserstein(), ScoreFunction()])
def test_a_generator_wants_high_scores(loss):
    scores = GENERATED.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss.generator(REAL, scores), scores)
    assert (gradient < 0).all()


def test_rewards_make_the_better_texts_likelier():
    log_probs = torch.zeros(3, requires_grad=True)
    rewards = standardize(GENERATED)
    assert rewards.std() == pytest.approx(1, abs=1e-2)
    (gradient,) = torch.autograd.grad(policy_gradient_loss(rewards, log_probs), log_probs)
    assert gradient.argmin() == GENERATED.argmax()
    assert gradient.sum() == pytest.approx(0, abs=1e-6)


def test_relativistic_scores_may_be_shifted():
    shifted = Relativistic().discriminator(REAL + 10, GENERATED + 10)
    assert float(shifted) == pytest.approx(float(Relativistic().discriminator(REAL, GENERATED)), abs=1e-5)
