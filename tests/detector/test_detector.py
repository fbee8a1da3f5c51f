"""The detector as a whole, without language models."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from seqloom.detector.detector import Detector
from seqloom.detector.members import LIGHT, LIGHT_ANSWERS
from seqloom.detector.stack import REAL
from seqloom.detector.storage import load_detector, save_detector
from seqloom.detector.training_set import make_versions, split_groups
from seqloom.errors import ConfigError, RunError


@pytest.fixture(scope="module")
def detector(known) -> Detector:
    return Detector(encoder=False).fit(known.texts, known.generated)


def test_texts_that_it_has_not_seen_are_told_apart(detector, unseen):
    chance = detector.predict_proba(unseen.texts)
    assert chance.shape == (len(unseen.texts), 2)
    np.testing.assert_allclose(chance.sum(axis=1), 1)
    assert roc_auc_score(unseen.generated, chance[:, 1]) > 0.97
    assert detector.score(unseen.texts, unseen.generated) > 0.9
    assert detector.report_["all"] > 0.95


def test_probabilities_are_calibrated(detector, unseen):
    chance = detector.predict_proba(unseen.texts)[:, 1]
    assert abs(chance.mean() - unseen.generated.mean()) < 0.06
    assert abs(chance[chance > 0.8].mean() - unseen.generated[chance > 0.8].mean()) < 0.06


def test_labels_without_meaning_teach_nothing(known, unseen):
    """Of 400 texts, the area's standard error is .029: beyond these bounds it lies once in 2,000 seeds."""
    random = np.random.default_rng(0)
    found = Detector(encoder=False).fit(known.texts, random.random(len(known.texts)) < 0.5)
    assert 0.4 < roc_auc_score(random.random(len(unseen.texts)) < 0.5, found.predict_proba(unseen.texts)[:, 1]) < 0.6
    assert 0.3 < found.report_["all"] < 0.7


def test_a_prior_moves_the_odds_and_nothing_else(detector, unseen):
    even, rare = (detector.score(unseen.texts, base_rate=prior).probabilities for prior in (0.5, 0.02))
    odds = (rare / (1 - rare)) / (even / (1 - even))
    inside = (even > 1e-6) & (even < 1 - 1e-6)
    np.testing.assert_allclose(odds[inside], 0.02 / 0.98, rtol=1e-3)
    for wrong in (0, 1, -0.5, float("nan")):
        with pytest.raises(ConfigError, match="`base_rate` got"):
            detector.score(unseen.texts, base_rate=wrong)


def test_short_and_strange_texts_are_marked_and_rated_all_the_same(detector, unseen):
    found = detector.score(["Soup.", "", "Суп был тёплый, и мы пришли снова за этот стол", *unseen.texts])
    assert found.too_short[:2].all()
    assert not found.too_short[2:].any()
    assert found.out_of_distribution[2]
    assert found.out_of_distribution[3:].mean() < 0.02
    assert np.isfinite(found.probabilities).all()


def test_groups_stay_whole(known):
    groups = np.arange(len(known.texts)) // 6
    parts, folds = split_groups(known.generated, groups, 0, print)
    for side in (False, True):
        for group in np.unique(groups):
            mine = (groups == group) & (known.generated == side)
            assert len(set(zip(parts[mine].tolist(), folds[mine].tolist(), strict=True))) <= 1
    assert {0, 1, 2} == set(parts.tolist())
    assert {0, 1, 2, 3} == set(folds.tolist())


def test_of_very_many_texts_some_are_learned_from(monkeypatch, known):
    monkeypatch.setattr("seqloom.detector.training_set._MOST_TEXTS", 100)
    said = []
    parts, _ = split_groups(known.generated, np.arange(len(known.texts)), 0, said.append)
    assert [(parts[known.generated == side] != 3).sum() for side in (False, True)] == [100, 100]
    assert said == ["learning from 100 of 300 texts of one side"] * 2


def test_the_readers_of_a_fold_have_not_seen_it(known):
    """A word that one text alone has is unheard of by those who answer for that text."""
    texts = [f"{text} word{number}" for number, text in enumerate(known.texts)]
    detector = Detector(encoder=False)
    split = split_groups(known.generated, np.arange(len(texts)), 0, print)
    made = make_versions(texts, known.generated, split, 0)
    readers, answers, _ = detector._read_in_folds(made)
    whole = np.array([made.whole[at] and "word" in text for at, text in enumerate(made.texts)]) & (made.kinds == REAL)
    unseen = LIGHT_ANSWERS.index("words, unseen, real")
    assert (answers[whole, unseen] > 0).all()
    words = [text.split()[-1] for text in made.some(whole)]
    assert (readers.answers([f"Some other {word}" for word in words])[:, unseen] < 1).all()
    assert (readers.answers(made.some(whole))[:, unseen] > 0).all()


def test_texts_that_were_learned_from_are_known_and_judged_as_if_they_were_not(detector, known, unseen):
    texts = [text for text, generated in zip(known.texts, known.generated, strict=True) if not generated]
    found = detector.score([*texts, f" {texts[0]}\n", *unseen.texts])
    assert found.seen_in_training[: len(texts) + 1].all()
    assert found.seen_in_training[len(texts) + 1 :].mean() < 0.5  # these texts are of fourteen words in a cycle
    fresh = detector.score([text for text, made in zip(unseen.texts, unseen.generated, strict=True) if not made])
    assert (found.probabilities[: len(texts)] > 0.5).mean() <= (fresh.probabilities > 0.5).mean() + 0.05


def test_every_member_is_weighed_alone_too(detector, unseen):
    asked = detector.member_outputs(unseen.texts)
    found = detector.member_logits(asked)
    assert set(found) == {*LIGHT, "light members"} == set(detector.report_) - {"all"}
    assert detector.stack_ is None
    np.testing.assert_array_equal(found["light members"], detector.logits(asked))


def test_it_can_be_kept_and_cloned(detector, unseen, tmp_path):
    save_detector(detector, tmp_path / "d", {"real": "some"})
    again = load_detector(tmp_path / "d", lambda folder: pytest.fail("there are no models"))
    np.testing.assert_array_equal(again.predict_proba(unseen.texts), detector.predict_proba(unseen.texts))
    assert clone(detector).get_params() == detector.get_params()
    weights = tmp_path / "d" / "detector.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(RunError, match="damaged"):
        load_detector(tmp_path / "d", lambda folder: None)
    with pytest.raises(RunError, match="no detector at"):
        load_detector(tmp_path / "nothing", lambda folder: None)


@pytest.mark.parametrize(
    ("texts", "labels", "said"),
    [
        (["a text"] * 100, [1] * 100, "0 different real texts are too few"),
        ([f"text {n}" for n in range(60)], [0] * 30 + [1] * 30, "30 different real texts are too few"),
        ([f"text {n}" for n in range(90)], [0, 1, 2] * 30, "the labels hold 2"),
        ([f"text {n}" for n in range(90)], [0, 1] * 40, r"90 texts have labels of shape \[80\]"),
        ([f"text {n % 50}" for n in range(100)], [0] * 50 + [1] * 50, "50 generated texts stand among the real"),
        ("one text", [1], "one string"),
        ([None] * 80, [0, 1] * 40, "the texts hold None"),
    ],
)
def test_what_nothing_can_be_learned_of_is_refused(texts, labels, said):
    with pytest.raises(ConfigError, match=said):
        Detector().fit(texts, labels)
