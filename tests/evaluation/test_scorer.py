"""The compiled scorers against torch's, by every protocol."""

import numpy as np
import pytest
import torch

from seqloom.config import ModelConfig
from seqloom.data.batch import IGNORED
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore
from seqloom.evaluation.likelihood import block_likelihood, full_likelihood, window_likelihood
from seqloom.evaluation.make_scorer import make_fast_scorer, make_scorer
from seqloom.evaluation.native_scorers import ForwardScorer, NativeScorer
from seqloom.evaluation.scorer import Window
from seqloom.evaluation.token_scores import token_scores
from seqloom.evaluation.torch_scorer import TorchScorer
from seqloom.kernels.library import BFLOAT16_KERNELS, available_kernels
from seqloom.models.language_model import LanguageModel

VOCABULARY = 37
CHARACTERS = np.arange(VOCABULARY) % 3

MODELS = {
    "lstm": {"core": "lstm", "hidden_sizes": (40,)},
    "lstm, two layers, tied": {"core": "lstm", "hidden_sizes": (33, 12), "embedding": 12, "tied": True},
    "gru": {"core": "gru", "hidden_sizes": (24,), "embedding": 8},
    "gru, two layers": {"core": "gru", "hidden_sizes": (5, 70), "prediction_heads": 2},
    "conv": {"core": "conv", "hidden_sizes": (20,), "embedding": 8},
    "conv, two layers": {"core": "conv", "hidden_sizes": (16, 24)},
}

PROTOCOLS = {
    "full context": full_likelihood,
    "blocks": lambda *given: block_likelihood(*given, 16),
    "windows": lambda *given: window_likelihood(*given, 12, 5),
}

native_only = pytest.mark.skipif(not available_kernels(), reason="the compiled kernels are not there")


@pytest.fixture
def kernels(request, monkeypatch):
    monkeypatch.setenv("SEQLOOM_KERNELS", request.param)
    return request.param


def make_model(name: str, noise: float = 0.3) -> LanguageModel:
    model = LanguageModel(ModelConfig(vocabulary=VOCABULARY, **MODELS[name]), seed=1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(noise * torch.randn(parameter.shape, generator=generator))
    return model


def arrays(model: LanguageModel) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in model.state_dict().items()}


@pytest.fixture(scope="module")
def store() -> TokenStore:
    """Separate documents, one of them too short to predict anything, one longer than a window of time."""
    lengths = [300, 2, 1, 77, 12, 610]
    random = np.random.Generator(np.random.Philox(4))
    return TokenStore(
        records=random.integers(0, VOCABULARY, sum(lengths)).astype(np.uint8),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        conditions={},
        categories={},
        groups=None,
        num_units=sum(lengths),
        skipped={},
    )


@native_only
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kernels", available_kernels(), indirect=True)
def test_the_kernels_measure_what_torch_measures(store, kernels, name, protocol):
    model = make_model(name)
    native = make_scorer(model.config, arrays(model), lambda: pytest.fail("torch is not needed"), threads=2)
    assert isinstance(native, NativeScorer)
    expected = PROTOCOLS[protocol](TorchScorer(model), store, Spans.whole_documents(store), CHARACTERS)
    likelihood = PROTOCOLS[protocol](native, store, Spans.whole_documents(store), CHARACTERS)
    assert (likelihood.tokens, likelihood.characters) == (expected.tokens, expected.characters)
    assert likelihood.nats_per_token == pytest.approx(expected.nats_per_token, abs=1e-5)


@native_only
@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ["lstm", "gru, two layers"])
@pytest.mark.parametrize("kernels", sorted(set(BFLOAT16_KERNELS) & set(available_kernels())), indirect=True)
def test_bfloat16_measures_nearly_the_same(store, kernels, name, protocol):
    model = make_model(name, noise=0.15)
    fast = make_fast_scorer(model.config, arrays(model), lambda: model, threads=2)
    assert isinstance(fast, ForwardScorer)
    expected = PROTOCOLS[protocol](TorchScorer(model), store, Spans.whole_documents(store), CHARACTERS)
    likelihood = PROTOCOLS[protocol](fast, store, Spans.whole_documents(store), CHARACTERS)
    assert (likelihood.tokens, likelihood.characters) == (expected.tokens, expected.characters)
    assert likelihood.nats_per_token == pytest.approx(expected.nats_per_token, abs=5e-4)


@native_only
@pytest.mark.parametrize("kernels", sorted(set(available_kernels()) - set(BFLOAT16_KERNELS)), indirect=True)
@pytest.mark.parametrize("name", ["lstm", "gru, two layers"])
def test_the_forward_pass_of_training_measures_what_torch_measures(store, kernels, name):
    model = make_model(name)
    forward = ForwardScorer(model.config, arrays(model), kernels, threads=2)
    expected = full_likelihood(TorchScorer(model), store, Spans.whole_documents(store), CHARACTERS)
    likelihood = full_likelihood(forward, store, Spans.whole_documents(store), CHARACTERS)
    assert likelihood.nats_per_token == pytest.approx(expected.nats_per_token, abs=1e-5)


@pytest.mark.parametrize("name", ["lstm", "conv"])
@pytest.mark.parametrize("kernels", ["off", *available_kernels()], indirect=True)
def test_a_text_scores_the_same_in_any_lane(kernels, name):
    """Bit for bit by the kernels; torch's sums hang on the shape a little."""
    model = make_model(name)
    tokens = np.random.default_rng(3).integers(0, VOCABULARY, (7, 41))
    windows = [Window(tokens[:, :-1], tokens[:, 1:])]
    for make in (make_scorer, make_fast_scorer):
        together = next(make(model.config, arrays(model), lambda: model, threads=2).log_probs(windows))[1]
        for lane in (0, 3, 6):
            window = Window(tokens[[lane], :-1], tokens[[lane], 1:])
            alone = next(make(model.config, arrays(model), lambda: model, threads=1).log_probs([window]))[1][0]
            if kernels == "off":
                np.testing.assert_allclose(alone, together[lane], atol=1e-5)
            else:
                np.testing.assert_array_equal(alone, together[lane])


@pytest.mark.parametrize("kernels", ["off", *available_kernels()], indirect=True)
def test_lanes_end_and_tokens_are_passed_over(kernels):
    model = make_model("lstm")
    tokens = np.random.default_rng(3).integers(0, VOCABULARY, (2, 31))
    read, asked = tokens[:, :-1].copy(), tokens[:, 1:].copy()
    read[1, 20:], asked[1, 20:] = IGNORED, IGNORED
    passed_over = np.random.default_rng(4).random(asked.shape) < 0.7
    passed_over[:, 7:12] = True
    for make in (make_scorer, make_fast_scorer):
        scorer = make(model.config, arrays(model), lambda: model)
        (_, everything), *_ = scorer.log_probs([Window(read, asked)])
        halves = [
            Window(read[:, part], np.where(passed_over, IGNORED, asked)[:, part]) for part in (slice(13), slice(13, 30))
        ]
        some = np.concatenate([found for _, found in scorer.log_probs(halves)], axis=1)
        assert (everything[1, 20:] == 0).all()
        assert (everything[asked != IGNORED] < 0).all()
        np.testing.assert_allclose(some, np.where(passed_over, 0, everything), atol=1e-5)


@native_only
@pytest.mark.parametrize("kernels", available_kernels(), indirect=True)
def test_scores_of_every_token_are_those_of_torch(store, kernels):
    model = make_model("gru, two layers")
    native = make_scorer(model.config, arrays(model), lambda: model)
    tokens = store.records[:300].astype(np.int64)
    for found, expected in zip(token_scores(native, tokens), token_scores(TorchScorer(model), tokens), strict=True):
        assert (found.token, found.rank) == (expected.token, expected.rank)
        assert found.log_prob == pytest.approx(expected.log_prob, abs=2e-5)
        assert found.entropy == pytest.approx(expected.entropy, abs=2e-5)


@pytest.mark.parametrize("kernels", ["off", *available_kernels()], indirect=True)
def test_weights_that_have_exploded_score_as_no_number(kernels):
    model = make_model("lstm")
    with torch.no_grad():
        model.head.weight[3, 5] = torch.nan
    for make in (make_scorer, make_fast_scorer):
        scorer = make(model.config, arrays(model), lambda: model)
        (_, found), *_ = scorer.log_probs([Window(np.array([[1, 2]]), np.array([[4, 5]]))])
        assert np.isnan(found).all()


def test_layer_normalisation_is_left_to_torch():
    model = LanguageModel(ModelConfig(vocabulary=VOCABULARY, hidden_sizes=(8,), layer_norm=True))
    for make in (make_scorer, make_fast_scorer):
        assert isinstance(make(model.config, arrays(model), lambda: model), TorchScorer)


@native_only
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kernels", available_kernels(), indirect=True)
def test_all_that_was_predicted_is_what_torch_predicts(kernels, name):
    model = make_model(name)
    native = make_scorer(model.config, arrays(model), lambda: pytest.fail("torch is not needed"), threads=2)
    random = np.random.default_rng(3)
    shown = [
        Window(random.integers(0, VOCABULARY, (5, 9)), random.integers(0, VOCABULARY, (5, 9)), None) for _ in range(2)
    ]
    shown[1].targets[2, 3:] = IGNORED
    for (window, found), (_, expected) in zip(native.logits(shown), TorchScorer(model).logits(shown), strict=True):
        asked = window.targets != IGNORED
        np.testing.assert_allclose(found[asked], expected[asked], atol=2e-4)
        assert not found[~asked].any()
