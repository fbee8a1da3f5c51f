"""The discriminator's accuracy and its gradient penalty."""

import numpy as np
import pytest
import torch
from tests.gan.conftest import VOCABULARY

from seqloom.config.gan import GanConfig
from seqloom.gan.discriminator_trainer import DiscriminatorTrainer
from seqloom.gan.losses import Relativistic, Wasserstein
from seqloom.gan.networks import Discriminator, DiscriminatorInput
from seqloom.gan.short_texts import ShortTexts

CPU = torch.device("cpu")


def make_trainer(unseen, loss):
    torch.manual_seed(0)
    config = GanConfig(adversarial_steps=1, pretrain_steps=1, batch_size=16, pack_size=4, max_length=6)
    discriminator = Discriminator(VOCABULARY, 2, config.pack_size, normalised=not loss.penalised)
    return DiscriminatorTrainer(discriminator, unseen, loss, config, CPU)


def with_rating(texts, rating):
    """Return the texts with one rating."""
    indices = np.flatnonzero(texts.ratings == rating)
    return ShortTexts(*(part[indices] for part in (texts.tokens, texts.lengths, texts.conditions, texts.ratings)))


def test_the_accuracy_compares_real_with_generated_texts(texts):
    real, generated = with_rating(texts, 1), with_rating(texts, 0)
    trainer = make_trainer(real, Relativistic())
    random = torch.Generator().manual_seed(0)
    first, _ = trainer.evaluate(0, generated.sample(0, 0, 16, CPU), 0.0, random)
    for number in range(40):
        trainer.step(real.sample(0, number, 32, CPU), generated.sample(1, number, 32, CPU), 0.0, 0.0, random)
    assert trainer.evaluate(0, generated.sample(0, 1, 16, CPU), 0.0, random)[0] > max(0.95, first)
    trainer.unseen = generated
    assert trainer.evaluate(0, real.sample(0, 1, 16, CPU), 0.0, random)[0] < 0.05


@pytest.mark.parametrize("norm", [1.0, 3.0])
def test_a_gradient_penalty_other_than_one_costs_its_square(texts, norm):
    trainer = make_trainer(texts, Wasserstein())
    batch, other = (texts.sample(seed, 0, 16, CPU) for seed in (0, 1))
    shape = trainer.discriminator.trunk.embed(DiscriminatorInput(batch.tokens, batch.mask)).shape[1:]
    direction = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    direction *= norm / direction.norm()
    trainer.discriminator.forward = lambda rows, mask, conditions: rows
    trainer.discriminator.scores = lambda rows: (rows * direction).sum((1, 2))
    penalty = trainer._gradient_penalty(batch, other, torch.Generator().manual_seed(0))
    assert float(penalty) == pytest.approx((norm - 1) ** 2, abs=1e-5)
