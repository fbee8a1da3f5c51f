"""Explanations of scores, compared with the outputs of the members."""

import numpy as np
import pytest
import torch

from seqloom.codecs.bytes import ByteCodec
from seqloom.codecs.chars import CharCodec
from seqloom.config import ModelConfig
from seqloom.corpora import Document, TextPayload
from seqloom.detector.detector import Detector
from seqloom.detector.explanation_text import frequency_phrase
from seqloom.detector.likelihood import LIKELIHOOD_FEATURES, LanguageModelPair
from seqloom.detector.members import LIGHT_MEMBERS
from seqloom.detector.percentiles import OutputPercentiles
from seqloom.detector.storage import load_detector, save_detector
from seqloom.errors import ConfigError
from seqloom.evaluation.torch_scorer import TorchScorer
from seqloom.models.language_model import LanguageModel

FEW = 160
"""Number of texts that the detectors here learn from."""


class _Corpus:
    has_separate_documents = True
    name = "some"

    def __init__(self, texts):
        self.texts = texts

    def __iter__(self):
        return (Document(TextPayload([text])) for text in self.texts)


def make_pair(codec) -> LanguageModelPair:
    models = [
        LanguageModel(ModelConfig(vocabulary=len(codec), core="lstm", hidden_sizes=(8,)), seed=seed) for seed in (1, 2)
    ]
    with torch.no_grad():
        for model in models:
            model.eval()
    return LanguageModelPair(codec, *map(TorchScorer, models))


@pytest.fixture(scope="module")
def detector(known) -> Detector:
    return Detector(encoder=False).fit(known.texts[:FEW], known.generated[:FEW])


def fit_with_models(known, *, improve: bool) -> Detector:
    """Fit a detector with language models, which are found to improve the scores or not."""
    detector = Detector(
        encoder=False, language_model_trainer=lambda real, made: make_pair(CharCodec.fit(_Corpus(real)))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seqloom.detector.stacks._is_better", lambda logits, others, generated: improve)
        return detector.fit(known.texts[:FEW], known.generated[:FEW])


@pytest.fixture(scope="module")
def with_models(known) -> Detector:
    return fit_with_models(known, improve=True)


def test_shares_are_those_of_the_texts():
    random = np.random.default_rng(0)
    outputs, generated = random.normal(size=(4000, 3)), random.random(4000) < 0.4
    percentiles = OutputPercentiles.fit(outputs, generated)
    for side in (False, True):
        for row in (np.array([-9.0, 0.0, 9.0]), np.array([0.7, -1.3, 0.1])):
            shares = percentiles.shares_below(row, generated=side)
            np.testing.assert_allclose(shares, (outputs[generated == side] < row).mean(axis=0), atol=0.012)


def test_an_explanation_agrees_with_the_score(detector, unseen):
    for base_rate in (0.5, 0.03):
        judged = detector.score_texts(unseen.texts[:20], base_rate=base_rate)
        for text, chance in zip(unseen.texts[:20], judged.probabilities, strict=True):
            explanation = detector.explain(text, base_rate=base_rate)
            assert explanation.probability == pytest.approx(chance, rel=1e-4)
            assert set(explanation.contributions) == set(LIGHT_MEMBERS)
            assert explanation.tokens == ()
            assert str(explanation) == " ".join(explanation.sentences)
            assert f"({frequency_phrase(explanation.probability)} such texts" in str(explanation)
    with pytest.raises(ConfigError, match="`base_rate` got"):
        detector.explain("a text", base_rate=1)


def test_evidence_is_that_of_the_classifier(detector, unseen):
    text = unseen.texts[1]
    words = [word.strip(".") for word in text.lower().split()]
    without = {word: " ".join(other for other in words if other != word) for word in words}
    explanation = detector.explain(text)
    evidence = [*explanation.generated_evidence, *explanation.real_evidence]
    assert {item.word for item in evidence} <= set(words)
    assert [item.logit for item in explanation.generated_evidence] == sorted(
        (item.logit for item in explanation.generated_evidence), reverse=True
    )
    assert all(item.logit < 0 for item in explanation.real_evidence)
    weight = detector.members_.light.classifier.word_contributions(evidence[0].word)[evidence[0].word]
    assert evidence[0].logit == pytest.approx(weight * words.count(evidence[0].word) / (len(words) + 1) ** 0.5)
    assert evidence[0].word not in detector.members_.light.classifier.word_contributions(without[evidence[0].word])


def test_new_words_are_named(detector, unseen):
    explanation = detector.explain("The soup was glimmel and we came again to the Frobnitz, too warm.")
    assert explanation.new_words == ("glimmel", "to", "Frobnitz")
    assert any("“glimmel”, “to”, “Frobnitz”" in line for line in explanation.sentences)
    assert detector.explain(unseen.texts[0]).new_words == ()


def test_short_and_foreign_texts_are_named_first(detector):
    short = detector.explain("Soup.")
    assert short.too_short
    assert short.sentences[0].startswith("It has 1 word, too few for a reliable answer")
    strange = detector.explain("Суп был тёплый, и мы пришли снова за этот стол")
    assert strange.out_of_distribution
    assert strange.sentences[0].startswith("It is unlike all texts")
    assert not strange.generated_evidence
    assert detector.explain("").num_words == 0


def test_a_base_rate_other_than_a_half_is_named(detector, unseen):
    assert "if 3 % of all texts are" in str(detector.explain(unseen.texts[0], base_rate=0.03))
    assert "if " not in detector.explain(unseen.texts[0]).sentences[0]
    assert [frequency_phrase(one) for one in (0.001, 0.012, 0.5, 0.968, 0.9999)] == [
        "fewer than 1 of 100", "1 of 100", "50 of 100", "97 of 100", "more than 99 of 100",
    ]  # fmt: skip


def test_language_models_are_one_member_and_have_a_sentence(with_models, unseen):
    explanation = with_models.explain(unseen.texts[0])
    assert set(explanation.contributions) == {*LIGHT_MEMBERS, "language models", "parts"}
    assert set(LIKELIHOOD_FEATURES) < set(explanation.shares_below)
    assert any("model of real texts finds its characters" in line for line in explanation.sentences)


def test_language_models_that_are_left_out_of_the_scores_still_mark_the_tokens(known, with_models, unseen):
    detector, text = fit_with_models(known, improve=False), unseen.texts[0]
    explanation = detector.explain(text)
    assert set(explanation.contributions) == set(LIGHT_MEMBERS)
    assert not set(LIKELIHOOD_FEATURES) & set(explanation.shares_below)
    assert not any("model of real texts" in line for line in explanation.sentences)
    assert explanation.tokens == with_models.explain(text).tokens


@pytest.mark.parametrize("text", ["The soup was warm.", "☃The ☃☃soup é☃", "☃", "", "a\n\tb"])
def test_tokens_are_all_of_the_text(with_models, text):
    tokens = with_models.explain(text).tokens
    assert "".join(token.text for token in tokens) == text
    known = with_models.members_.language_models.codec
    for token in tokens:
        assert (token.probability is None) == bool(known.unknown_symbols(token.text)) == (token.rank is None)


def test_tokens_have_the_probabilities_of_the_model_of_real_text(with_models):
    pair = with_models.members_.language_models
    text = "The soup"
    tokens = with_models.explain(text).tokens
    model = pair.real._model
    ids = torch.from_numpy(pair.encode(text))[None]
    with torch.no_grad():
        hidden, _ = model(ids[:, :-1], model.initial_state(1))
        chance = model.logits(hidden)[0].double().softmax(-1).numpy()
    for place, (token, target) in enumerate(zip(tokens, ids[0, 1:].tolist(), strict=True)):
        assert token.probability == pytest.approx(chance[place, target], rel=1e-4)
        assert token.rank == (chance[place] > chance[place, target]).sum()


def test_bytes_of_one_character_are_one_token(known):
    texts = [f"{text} é" for text in known.texts[:FEW]]
    detector = Detector(
        encoder=False, language_model_trainer=lambda real, made: make_pair(ByteCodec(has_boundary=True))
    )
    detector.fit(texts, known.generated[:FEW])
    tokens = detector.explain("né ☃!").tokens
    assert [token.text for token in tokens] == ["n", "é", " ", "☃", "!"]
    assert tokens[3].probability < 1e-4
    long = detector.explain("é " * 2500).tokens
    assert "".join(token.text for token in long) == "é " * 2500
    assert long[-1].probability is None


def test_a_stored_detector_gives_the_same_explanation(detector, unseen, tmp_path):
    save_detector(detector, tmp_path, {})
    again = load_detector(tmp_path, lambda folder: None)
    assert again.explain(unseen.texts[0]) == detector.explain(unseen.texts[0])
    np.testing.assert_array_equal(again.percentiles_.real, detector.percentiles_.real)
