"""How far ratings show in generated texts beside real ones."""

import pytest
import torch

from seqloom.gan.condition_adherence import ConditionAdherence
from seqloom.gan.networks import Discriminator, DiscriminatorInput


def seen(share: float, rounds: int = 200) -> ConditionAdherence:
    """Rounds in which generated texts show so much of what real ones do, with noise in what is read."""
    expression, random = ConditionAdherence(), torch.Generator().manual_seed(0)
    for _ in range(rounds):
        had = torch.rand(64, generator=random)
        in_real, in_generated = (slope * had + 0.2 * torch.randn(64, generator=random) for slope in (0.4, 0.4 * share))
        expression.update(had, in_real, in_generated)
    return expression


def test_slopes_are_those_of_the_readings():
    expression = seen(0.5)
    assert expression.real == pytest.approx(0.4, abs=0.05)
    assert expression.generated == pytest.approx(0.2, abs=0.05)


def test_all_force_is_asked_for_from_a_tenth_on_and_none_where_nothing_lacks():
    assert seen(0.5).shortfall == 1
    assert 0.1 < seen(0.95, rounds=2000).shortfall < 0.95
    assert seen(1.3).shortfall == 0
    assert ConditionAdherence().shortfall == 0


def test_the_first_rounds_count_alike():
    expression, had = ConditionAdherence(), torch.tensor([0.0, 1.0])
    expression.update(had, had, had)
    expression.update(had, 0 * had, had)
    assert expression.real == pytest.approx(0.5, abs=1e-3)
    assert expression.generated == pytest.approx(1.0, abs=1e-3)


def test_ratings_that_are_all_alike_ask_for_nothing():
    expression, had = ConditionAdherence(), torch.ones(4)
    expression.update(had, torch.rand(4), torch.rand(4))
    assert expression.shortfall == 0


def test_the_rating_of_words_teaches_the_probabilities_of_tokens_up_to_the_end():
    discriminator = Discriminator(5, 1, 2, normalised=True)
    levels = torch.arange(5.0)
    discriminator.word_levels.data = levels[:, None]
    tokens, kept = torch.tensor([[3, 1, 0, 0]]), torch.tensor([[True, True, True, True]])
    kept[0, 3] = False
    soft = torch.full((1, 4, 5), 0.2, requires_grad=True)
    read = discriminator.word_scores(DiscriminatorInput(tokens, kept, soft))
    assert read.item() == pytest.approx((3 + 1 + 0) / 3**0.5)
    read.sum().backward()
    assert torch.allclose(soft.grad[0, :3], (levels / 3**0.5).expand(3, -1))
    assert not soft.grad[0, 3].any()
