"""How strongly ratings show in generated texts compared with real ones."""

import pytest
import torch

from seqloom.gan.condition_adherence import ConditionAdherence
from seqloom.gan.networks import Discriminator, DiscriminatorInput


def adherence_after(share: float, steps: int = 200) -> ConditionAdherence:
    """Return the adherence after steps in which generated texts show a share of the real slope, with noise."""
    adherence, random = ConditionAdherence(), torch.Generator().manual_seed(0)
    for _ in range(steps):
        ratings = torch.rand(64, generator=random)
        real, generated = (slope * ratings + 0.2 * torch.randn(64, generator=random) for slope in (0.4, 0.4 * share))
        adherence.update(ratings, real, generated)
    return adherence


def test_slopes_match_the_predictions():
    adherence = adherence_after(0.5)
    assert adherence.real == pytest.approx(0.4, abs=0.05)
    assert adherence.generated == pytest.approx(0.2, abs=0.05)


def test_the_shortfall_is_1_from_a_tenth_on_and_0_without_a_gap():
    assert adherence_after(0.5).shortfall == 1
    assert 0.1 < adherence_after(0.95, steps=2000).shortfall < 0.95
    assert adherence_after(1.3).shortfall == 0
    assert ConditionAdherence().shortfall == 0


def test_the_first_steps_have_equal_weight():
    adherence, ratings = ConditionAdherence(), torch.tensor([0.0, 1.0])
    adherence.update(ratings, ratings, ratings)
    adherence.update(ratings, 0 * ratings, ratings)
    assert adherence.real == pytest.approx(0.5, abs=1e-3)
    assert adherence.generated == pytest.approx(1.0, abs=1e-3)


def test_equal_ratings_have_no_shortfall():
    adherence, ratings = ConditionAdherence(), torch.ones(4)
    adherence.update(ratings, torch.rand(4), torch.rand(4))
    assert adherence.shortfall == 0


def test_word_scores_give_token_probabilities_a_gradient_up_to_the_end():
    discriminator = Discriminator(5, 1, 2, normalised=True)
    contributions = torch.arange(5.0)
    discriminator.word_levels.data = contributions[:, None]
    tokens, mask = torch.tensor([[3, 1, 0, 0]]), torch.tensor([[True, True, True, True]])
    mask[0, 3] = False
    soft = torch.full((1, 4, 5), 0.2, requires_grad=True)
    read = discriminator.word_scores(DiscriminatorInput(tokens, mask, soft))
    assert read.item() == pytest.approx((3 + 1 + 0) / 3**0.5)
    read.sum().backward()
    assert torch.allclose(soft.grad[0, :3], (contributions / 3**0.5).expand(3, -1))
    assert not soft.grad[0, 3].any()
