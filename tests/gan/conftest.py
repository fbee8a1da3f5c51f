"""A tiny rated language: the rating determines the last word, and the other two are free."""

import itertools

import numpy as np
import pytest
import torch

from seqloom.config import ModelConfig
from seqloom.config.gan import GanConfig
from seqloom.gan.short_texts import ShortTexts
from seqloom.gan.trainer import GanTrainer
from seqloom.models.language_model import LanguageModel

VOCABULARY, BOUNDARY, LENGTH, NOISE, WIDTH = 12, 11, 6, 3, 8


@pytest.fixture(scope="session")
def texts():
    rows, ratings = [], []
    for rating, first, second in itertools.product((0, 1), range(4), range(4)):
        rows += [[first, 4 + second, 8 + rating]] * 20
        ratings += [rating] * 20
    tokens = np.full((len(rows), LENGTH), BOUNDARY, np.int64)
    tokens[:, :3] = rows
    features = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)[ratings]
    return ShortTexts(tokens, np.full(len(rows), 4), features, np.array(ratings, np.float32))


@pytest.fixture
def trainer(texts):
    """Return a function that makes a trainer with settings."""

    def make(**settings):
        torch.manual_seed(0)
        config = ModelConfig(
            vocabulary=VOCABULARY,
            hidden_sizes=(24,),
            embedding=8,
            num_condition_features=2 + WIDTH,
            noise_size=NOISE,
            noise_width=WIDTH,
        )
        defaults = {
            "adversarial_steps": 20,
            "pretrain_steps": 20,
            "batch_size": 16,
            "max_length": LENGTH,
            "target_kl_nats": 2.0,
            "eval_every": 5,
        }
        return GanTrainer(
            LanguageModel(config, 0),
            texts,
            texts,
            GanConfig(**{**defaults, **settings}),
            boundary=BOUNDARY,
            decode=lambda rows: [" ".join(map(str, row)) for row in rows],
            device=torch.device("cpu"),
        )

    return make
