"""The discriminator's training: which side it is right about, and the penalty on its slope."""

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


def teacher(unseen, loss):
    torch.manual_seed(0)
    config = GanConfig(adversarial_steps=1, pretrain_steps=1, batch_size=16, pack_size=4, max_length=6)
    reader = Discriminator(VOCABULARY, 2, config.pack_size, normalised=not loss.penalised)
    return DiscriminatorTrainer(reader, unseen, loss, config, CPU)


def half(texts, level):
    """The texts of one rating."""
    places = np.flatnonzero(texts.levels == level)
    return ShortTexts(*(part[places] for part in (texts.tokens, texts.lengths, texts.ratings, texts.levels)))


def test_the_accuracy_is_of_real_texts_against_generated_ones(texts):
    real, generated = half(texts, 1), half(texts, 0)
    one = teacher(real, Relativistic())
    random = torch.Generator().manual_seed(0)
    first, _ = one.evaluate(0, generated.sample(0, 0, 16, CPU), 0.0, random)
    for number in range(40):
        one.step(real.sample(0, number, 32, CPU), generated.sample(1, number, 32, CPU), 0.0, 0.0, random)
    assert one.evaluate(0, generated.sample(0, 1, 16, CPU), 0.0, random)[0] > max(0.95, first)
    one.unseen = generated
    assert one.evaluate(0, real.sample(0, 1, 16, CPU), 0.0, random)[0] < 0.05


@pytest.mark.parametrize("steepness", [1.0, 3.0])
def test_a_slope_other_than_one_costs_its_square(texts, steepness):
    one = teacher(texts, Wasserstein())
    batch, other = (texts.sample(seed, 0, 16, CPU) for seed in (0, 1))
    shape = one.discriminator.trunk.embedded(DiscriminatorInput(batch.tokens, batch.kept)).shape[1:]
    direction = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    direction *= steepness / direction.norm()
    one.discriminator.forward = lambda rows, kept, ratings: rows
    one.discriminator.scores = lambda rows: (rows * direction).sum((1, 2))
    off = one._slope(batch, other, torch.Generator().manual_seed(0))
    assert float(off) == pytest.approx((steepness - 1) ** 2, abs=1e-5)
