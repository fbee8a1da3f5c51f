import math

import numpy as np
import pytest
import torch

from seqloom.config import ModelConfig
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore
from seqloom.evaluation import scoring_windows
from seqloom.evaluation import token_scores as scores_module
from seqloom.evaluation.likelihood import Likelihood, block_likelihood, full_likelihood, window_likelihood
from seqloom.evaluation.token_scores import document_scores, token_scores
from seqloom.evaluation.torch_scorer import TorchScorer
from seqloom.models.language_model import LanguageModel

VOCABULARY = 6
CHARACTERS = np.array([1, 1, 2, 1, 3, 0])


def make_store(lengths: list[int]) -> TokenStore:
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


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    model = LanguageModel(ModelConfig(vocabulary=VOCABULARY, hidden_sizes=(8,)), seed=1)
    with torch.no_grad():
        model.head.weight.mul_(4)
    return model


def nats_of(model: LanguageModel, tokens: np.ndarray, first: int = 1) -> float:
    """What `tokens[first:]` cost, each after all before it, one token at a time."""
    total, state = 0.0, list(model.initial_state(1))
    for now, then in enumerate(tokens[1:], start=1):
        row = torch.nn.functional.one_hot(torch.tensor([int(tokens[now - 1])]), VOCABULARY).float()
        for index, layer in enumerate(model.core.layers):
            row, state[index] = layer.step(row, state[index])
        if now >= first:
            total -= float(model.logits(row).detach().log_softmax(-1)[0, int(then)])
    return total


def test_full_context_equals_a_plain_loop(model: LanguageModel) -> None:
    store = make_store([300, 2, 77, 1, 610])
    scored = full_likelihood(TorchScorer(model), store, Spans.whole_documents(store), CHARACTERS)
    texts = np.split(store.records, store.offsets[1:-1])
    assert scored.nats == pytest.approx(sum(nats_of(model, text) for text in texts), rel=1e-5)
    assert scored.tokens == sum(len(text) - 1 for text in texts)
    assert scored.characters == sum(int(CHARACTERS[text[1:]].sum()) for text in texts)


def test_a_long_text_in_lanes_equals_one_reading(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make_store([4000])
    monkeypatch.setattr(scoring_windows, "WARM_UP", 100)
    monkeypatch.setattr(scoring_windows, "MIN_STREAM_TOKENS", 400)
    scored = full_likelihood(TorchScorer(model), store, Spans.whole_documents(store), CHARACTERS)
    assert scored.tokens == 3999
    assert scored.nats == pytest.approx(nats_of(model, store.records), rel=1e-5)


def test_the_first_token_is_predicted_from_the_start_token(model: LanguageModel) -> None:
    store = make_store([40, 1, 7])
    spans = Spans.whole_documents(store)
    scored = full_likelihood(TorchScorer(model), store, spans, CHARACTERS, start_token=3)
    texts = [np.concatenate([[3], text]) for text in np.split(store.records, store.offsets[1:-1])]
    assert scored.tokens == 48
    assert scored.nats == pytest.approx(sum(nats_of(model, text) for text in texts), rel=1e-5)


def test_blocks_begin_from_nothing(model: LanguageModel) -> None:
    store = make_store([50, 33])
    scored = block_likelihood(TorchScorer(model), store, Spans.whole_documents(store), CHARACTERS, 16)
    texts = np.split(store.records, store.offsets[1:-1])
    blocks = [text[start : start + 17] for text in texts for start in range(0, len(text) - 1, 16)]
    assert scored.tokens == 49 + 32
    assert scored.nats == pytest.approx(sum(nats_of(model, block) for block in blocks), rel=1e-5)


def test_windows_score_the_token_after_them(model: LanguageModel) -> None:
    store = make_store([50, 9])
    scored = window_likelihood(TorchScorer(model), store, Spans.whole_documents(store), CHARACTERS, 12, 4)
    windows = [store.records[start : start + 13] for start in range(0, 38, 4)]
    assert scored.tokens == len(windows)
    assert scored.nats == pytest.approx(sum(nats_of(model, window, first=12) for window in windows), rel=1e-5)


def test_units() -> None:
    scored = Likelihood(nats=20 * math.log(2), tokens=10, num_units=40)
    assert scored.nats_per_token == pytest.approx(2 * math.log(2))
    assert scored.bits_per_char == pytest.approx(0.5)
    assert scored.perplexity == pytest.approx(4.0)


def test_documents_side_by_side_score_as_each_alone(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores_module, "MAX_STREAMS", 3)
    monkeypatch.setattr(scores_module, "MIN_STREAM_TOKENS", 200)
    store = make_store([30, 0, 1, 70, 300, 2, 5])
    documents = np.split(store.records, store.offsets[1:-1])
    scorer = TorchScorer(model)
    together = [list(document) for document in document_scores(scorer, iter(documents))]
    assert [len(scores) for scores in together] == [29, 0, 0, 69, 299, 1, 4]
    for scores, document in zip(together, documents, strict=True):
        alone = list(token_scores(scorer, document))
        assert [score.token for score in scores] == document[1:].tolist() == [score.token for score in alone]
        assert [score.log_prob for score in scores] == pytest.approx([score.log_prob for score in alone], abs=1e-5)


def test_scores_of_a_long_text_are_those_of_one_reading(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two stretches of lanes, the last of them cut short."""
    monkeypatch.setattr(scoring_windows, "WARM_UP", 100)
    monkeypatch.setattr(scoring_windows, "MIN_STREAM_TOKENS", 200)
    monkeypatch.setattr(scoring_windows, "MAX_STREAMS", 2)
    monkeypatch.setattr(scoring_windows, "_MAX_STREAM_TOKENS", 350)
    store = make_store([1200])
    scores = list(token_scores(TorchScorer(model), store.records))
    assert [score.token for score in scores] == store.records[1:].tolist()
    assert -sum(score.log_prob for score in scores) == pytest.approx(nats_of(model, store.records), rel=1e-5)


def test_scores_of_every_token(model: LanguageModel) -> None:
    tokens = torch.from_numpy(make_store([600]).records.astype(np.int64))
    scores = list(token_scores(TorchScorer(model), tokens.numpy()))
    assert [score.token for score in scores] == tokens[1:].tolist()
    assert -sum(score.log_prob for score in scores) == pytest.approx(nats_of(model, tokens.numpy()), rel=1e-5)
    hidden, _ = model(tokens[None, :1], model.initial_state(1))
    probabilities = model.logits(hidden)[0, 0].detach().double().softmax(-1).numpy()
    first = int(tokens[1])
    assert scores[0].rank == int((probabilities > probabilities[first]).sum())
    assert scores[0].entropy == pytest.approx(float(-(probabilities * np.log(probabilities)).sum()), rel=1e-6)
