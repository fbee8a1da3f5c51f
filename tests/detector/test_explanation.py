"""What is said of a text and why, held to what the members compute."""

import numpy as np
import pytest
import torch

from seqloom.codecs.bytes import ByteCodec
from seqloom.codecs.chars import CharCodec
from seqloom.config import ModelConfig
from seqloom.corpora import Document
from seqloom.detector.detector import Detector
from seqloom.detector.explanation import chances
from seqloom.detector.likelihood import FEATURES, LanguageModelPair
from seqloom.detector.members import LIGHT
from seqloom.detector.percentiles import Reference
from seqloom.detector.storage import load_detector, save_detector
from seqloom.errors import ConfigError
from seqloom.evaluation.torch_scorer import TorchScorer
from seqloom.models.language_model import LanguageModel


class _Corpus:
    separate = True
    name = "some"

    def __init__(self, texts):
        self.texts = texts

    def __iter__(self):
        return (Document(chunks=[text]) for text in self.texts)


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
    return Detector(encoder=False).fit(known.texts, known.generated)


@pytest.fixture(scope="module")
def with_models(known) -> Detector:
    return Detector(encoder=False, teacher=lambda real, made: make_pair(CharCodec.fit(_Corpus(real)))).fit(
        known.texts, known.generated
    )


def test_shares_are_those_of_the_texts():
    random = np.random.default_rng(0)
    answers, generated = random.normal(hidden_size=(4000, 3)), random.random(4000) < 0.4
    reference = Reference.fit(answers, generated)
    for side in (False, True):
        for one in (np.array([-9.0, 0.0, 9.0]), np.array([0.7, -1.3, 0.1])):
            found = reference.shares_below(one, generated=side)
            np.testing.assert_allclose(found, (answers[generated == side] < one).mean(axis=0), atol=0.012)


def test_an_explanation_agrees_with_the_judgement(detector, unseen):
    for prior in (0.5, 0.03):
        judged = detector.score(unseen.texts[:20], base_rate=prior)
        for text, chance in zip(unseen.texts[:20], judged.probabilities, strict=True):
            found = detector.explain(text, base_rate=prior)
            assert found.probability == pytest.approx(chance, rel=1e-4)
            assert set(found.contributions) == set(LIGHT)
            assert found.tokens == ()
            assert str(found) == " ".join(found.sentences)
            assert f"({chances(found.probability)} such texts" in str(found)
    with pytest.raises(ConfigError, match="`base_rate` got"):
        detector.explain("a text", base_rate=1)


def test_telling_words_are_those_of_the_wording(detector, unseen):
    text = unseen.texts[1]
    words = [word.strip(".") for word in text.lower().split()]
    without = {word: " ".join(other for other in words if other != word) for word in words}
    found = detector.explain(text)
    told = [*found.for_generated, *found.for_real]
    assert {one.words for one in told} <= set(words)
    assert [one.logit for one in found.for_generated] == sorted(
        (one.logit for one in found.for_generated), reverse=True
    )
    assert all(one.logit < 0 for one in found.for_real)
    weight = detector.members_.readers.wording.words(f"{told[0].words}")[told[0].words]
    assert told[0].logit == pytest.approx(weight * words.count(told[0].words) / (len(words) + 1) ** 0.5)
    assert told[0].words not in detector.members_.readers.wording.words(without[told[0].words])


def test_words_that_nobody_wrote_are_named(detector, unseen):
    found = detector.explain("The soup was glimmel and we came again to the Frobnitz, too warm.")
    assert found.unheard == ("glimmel", "to", "Frobnitz")
    assert any("“glimmel”, “to”, “Frobnitz”" in line for line in found.sentences)
    assert detector.explain(unseen.texts[0]).unheard == ()


def test_what_is_short_or_strange_is_said_first(detector):
    short = detector.explain("Soup.")
    assert short.too_short
    assert short.sentences[0].startswith("It has 1 word, which is too short to tell")
    strange = detector.explain("Суп был тёплый, и мы пришли снова за этот стол")
    assert strange.out_of_distribution
    assert strange.sentences[0].startswith("It is unlike all texts")
    assert not strange.for_generated
    assert detector.explain("").words == 0


def test_the_prior_is_said_where_it_is_not_even(detector, unseen):
    assert "where 3 % of all are" in str(detector.explain(unseen.texts[0], base_rate=0.03))
    assert "where" not in detector.explain(unseen.texts[0]).sentences[0]
    assert [chances(one) for one in (0.001, 0.012, 0.5, 0.968, 0.9999)] == [
        "fewer than 1 of 100", "1 of 100", "50 of 100", "97 of 100", "more than 99 of 100",
    ]  # fmt: skip


def test_language_models_are_one_member_and_say_how_expected_a_text_is(with_models, unseen):
    found = with_models.explain(unseen.texts[0])
    assert set(found.contributions) == {*LIGHT, "language models", "parts"}
    assert set(FEATURES) < set(found.shares_below)
    assert any(line.startswith("Its characters are") for line in found.sentences)


@pytest.mark.parametrize("text", ["The soup was warm.", "☃The ☃☃soup é☃", "☃", "", "a\n\tb"])
def test_tokens_are_all_of_the_text(with_models, text):
    tokens = with_models.explain(text).tokens
    assert "".join(token.text for token in tokens) == text
    known = with_models.members_.pair.codec
    for token in tokens:
        assert (token.probability is None) == bool(known.unknown_symbols(token.text)) == (token.rank is None)


def test_tokens_have_the_probabilities_of_the_model_of_real_text(with_models):
    pair = with_models.members_.pair
    text = "The soup"
    found = with_models.explain(text).tokens
    model = pair.real._model
    ids = torch.from_numpy(pair.encoded(text))[None]
    with torch.no_grad():
        hidden, _ = model(ids[:, :-1], model.initial_state(1))
        chance = model.logits(hidden)[0].double().softmax(-1).numpy()
    for place, (token, target) in enumerate(zip(found, ids[0, 1:].tolist(), strict=True)):
        assert token.probability == pytest.approx(chance[place, target], rel=1e-4)
        assert token.rank == (chance[place] > chance[place, target]).sum()


def test_bytes_of_one_character_are_one_token(known):
    texts = [f"{text} é" for text in known.texts]
    detector = Detector(encoder=False, teacher=lambda real, made: make_pair(ByteCodec(separate=True)))
    detector.fit(texts, known.generated)
    tokens = detector.explain("né ☃!").tokens
    assert [token.text for token in tokens] == ["n", "é", " ", "☃", "!"]
    assert tokens[3].probability < 1e-4
    long = detector.explain("é " * 2500).tokens
    assert "".join(token.text for token in long) == "é " * 2500
    assert long[-1].probability is None


def test_a_detector_that_was_kept_explains_alike(detector, unseen, tmp_path):
    save_detector(detector, tmp_path, {})
    again = load_detector(tmp_path, lambda folder: None)
    assert again.explain(unseen.texts[0]) == detector.explain(unseen.texts[0])
    np.testing.assert_array_equal(again.reference_.real, detector.reference_.real)
