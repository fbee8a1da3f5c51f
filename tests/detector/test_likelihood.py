"""Statistics of tokens under two models, compared with their definitions."""

import numpy as np
import pytest
import torch

from seqloom.config import ModelConfig
from seqloom.detector.likelihood import LIKELIHOOD_FEATURES, likelihood_features, token_statistics
from seqloom.evaluation.torch_scorer import TorchScorer
from seqloom.models.language_model import LanguageModel

VOCABULARY = 11


def make_model(seed: int) -> LanguageModel:
    model = LanguageModel(ModelConfig(vocabulary=VOCABULARY, core="lstm", hidden_sizes=(8,)), seed=seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.5 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(seed)))
    return model


MODELS = make_model(1), make_model(2)
TEXTS = [np.random.default_rng(length).integers(0, VOCABULARY, length) for length in (40, 1, 300, 2, 7)]


@pytest.fixture(scope="module")
def statistics():
    return list(token_statistics(*(TorchScorer(model) for model in MODELS), TEXTS))


def test_every_token_but_the_first_is_compared(statistics):
    assert [one.cross_entropies.size for one in statistics] == [len(text) - 1 for text in TEXTS]


def test_statistics_are_those_of_their_definitions(statistics):
    for text, text_statistics in zip(TEXTS, statistics, strict=True):
        if len(text) == 1:
            continue
        logs = []
        for model in MODELS:
            with torch.no_grad():
                hidden, _ = model(torch.from_numpy(text[None, :-1]), model.initial_state(1))
                logs.append(model.logits(hidden)[0].double().log_softmax(-1).numpy())
        places = np.arange(len(text) - 1)
        for side, log in enumerate(logs):
            chance = np.exp(log)
            mean = (chance * log).sum(axis=1)
            own = log[places, text[1:]]
            np.testing.assert_allclose(text_statistics.log_probs[side], own, atol=1e-4)
            np.testing.assert_allclose(text_statistics.entropies[side], -mean, atol=1e-4)
            variance = (chance * (log - mean[:, None]) ** 2).sum(axis=1)
            np.testing.assert_allclose(text_statistics.variances[side], variance, atol=1e-3)
            np.testing.assert_array_equal(text_statistics.ranks[side], (log > own[:, None]).sum(axis=1))
        np.testing.assert_allclose(text_statistics.cross_entropies, -(np.exp(logs[0]) * logs[1]).sum(axis=1), atol=1e-4)


def test_features_have_names_and_survive_nothing(statistics):
    values = np.stack([likelihood_features(one) for one in statistics])
    assert values.shape == (len(TEXTS), len(LIKELIHOOD_FEATURES))
    assert np.isfinite(values).all()
    assert not values[1].any()


def test_text_of_a_model_has_no_curvature_under_it():
    """Drawn text is as likely as the model expects: its curvature is a standard normal number (odds of 1 in 10,000)."""
    random, model = np.random.default_rng(0), MODELS[0]
    text, state = [0], model.initial_state(1)
    for _ in range(2000):
        with torch.no_grad():
            hidden, state = model(torch.tensor([[text[-1]]]), state)
            chance = model.logits(hidden)[0, 0].double().softmax(-1).numpy()
        text.append(int(random.choice(VOCABULARY, p=chance / chance.sum())))
    (text_statistics,) = token_statistics(*(TorchScorer(model) for model in MODELS), [np.array(text)])
    features = dict(zip(LIKELIHOOD_FEATURES, likelihood_features(text_statistics).tolist(), strict=True))
    assert abs(features["curvature"]) < 3.9
    assert features["ratio"] > 0.05
    assert features["curvature, generated"] < -3.9
