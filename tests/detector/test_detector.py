"""The detector as a whole, without language models."""

import json

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import roc_auc_score

from seqloom.detector.cross_fitting import cross_fit
from seqloom.detector.detector import Detector
from seqloom.detector.members import LIGHT_MEMBERS, LIGHT_OUTPUTS
from seqloom.detector.stack import REAL
from seqloom.detector.stacks import BASELINES, SUM_OF_BASELINES
from seqloom.detector.storage import load_detector, save_detector
from seqloom.detector.training_set import make_training_set, split_groups
from seqloom.errors import ConfigError, RunError
from seqloom.files import write_checked_json
from seqloom.text_features.config import EncoderSettings


@pytest.fixture(scope="module")
def detector(known) -> Detector:
    return Detector(encoder=False).fit(known.texts, known.generated)


def test_unseen_texts_are_separated(detector, unseen):
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


def test_random_labels_teach_nothing(known, unseen):
    """With 400 texts, the standard error of the AUC is .029: one of 2,000 seeds exceeds these bounds."""
    random = np.random.default_rng(0)
    detector = Detector(encoder=False).fit(known.texts, random.random(len(known.texts)) < 0.5)
    assert 0.4 < roc_auc_score(random.random(len(unseen.texts)) < 0.5, detector.predict_proba(unseen.texts)[:, 1]) < 0.6
    assert 0.3 < detector.report_["all"] < 0.7


def test_the_base_rate_changes_the_odds_and_nothing_else(detector, unseen):
    even, rare = (detector.score_texts(unseen.texts, base_rate=base_rate).probabilities for base_rate in (0.5, 0.02))
    odds = (rare / (1 - rare)) / (even / (1 - even))
    inside = (even > 1e-6) & (even < 1 - 1e-6)
    np.testing.assert_allclose(odds[inside], 0.02 / 0.98, rtol=1e-3)
    for wrong in (0, 1, -0.5, float("nan")):
        with pytest.raises(ConfigError, match="`base_rate` got"):
            detector.score_texts(unseen.texts, base_rate=wrong)


def test_short_and_foreign_texts_are_flagged_and_scored(detector, unseen):
    scores = detector.score_texts(["Soup.", "", "Суп был тёплый, и мы пришли снова за этот стол", *unseen.texts])
    assert scores.too_short[:2].all()
    assert not scores.too_short[2:].any()
    assert scores.out_of_distribution[2]
    assert scores.out_of_distribution[3:].mean() < 0.02
    assert np.isfinite(scores.probabilities).all()


def test_groups_stay_whole(known):
    groups = np.arange(len(known.texts)) // 6
    parts, folds = split_groups(known.generated, groups, 0, print)
    for side in (False, True):
        for group in np.unique(groups):
            mine = (groups == group) & (known.generated == side)
            assert len(set(zip(parts[mine].tolist(), folds[mine].tolist(), strict=True))) <= 1
    assert {0, 1, 2} == set(parts.tolist())
    assert {0, 1, 2, 3} == set(folds.tolist())


def test_large_corpora_are_subsampled(monkeypatch, known):
    monkeypatch.setattr("seqloom.detector.training_set._MAX_TEXTS", 100)
    messages = []
    parts, _ = split_groups(known.generated, np.arange(len(known.texts)), 0, messages.append)
    assert [(parts[known.generated == side] != 3).sum() for side in (False, True)] == [100, 100]
    assert messages == ["training on 100 of 300 real texts", "training on 100 of 300 generated texts"]


def test_light_members_of_a_fold_have_not_seen_it(known):
    """A word of a single text is new to the members that compute the outputs for that text."""
    texts = [f"{text} word{number}" for number, text in enumerate(known.texts)]
    split = split_groups(known.generated, np.arange(len(texts)), 0, print)
    data = make_training_set(texts, known.generated, split, 0)
    fitted = cross_fit(data, 0, with_segments=False)
    marked = np.array(["word" in text for text in data.texts])
    original = marked & data.is_original & (data.classes == REAL)
    unseen = LIGHT_OUTPUTS.index("words, unseen, real")
    assert (fitted.outputs[original, unseen] > 0).all()
    words = [text.split()[-1] for text in data.select(original)]
    assert (fitted.members.outputs([f"Some other {word}" for word in words])[:, unseen] < 1).all()
    assert (fitted.members.outputs(data.select(original))[:, unseen] > 0).all()


def test_training_texts_are_recognized_and_scored_like_unseen_ones(detector, known, unseen):
    texts = [text for text, generated in zip(known.texts, known.generated, strict=True) if not generated]
    scores = detector.score_texts([*texts, f" {texts[0]}\n", *unseen.texts])
    assert scores.seen_in_training[: len(texts) + 1].all()
    assert scores.seen_in_training[len(texts) + 1 :].mean() < 0.5  # these texts are of fourteen words in a cycle
    fresh = detector.score_texts(
        [text for text, generated in zip(unseen.texts, unseen.generated, strict=True) if not generated]
    )
    assert (scores.probabilities[: len(texts)] > 0.5).mean() <= (fresh.probabilities > 0.5).mean() + 0.05


def test_every_member_has_a_stack_of_its_own(detector, unseen):
    outputs = detector.member_outputs(unseen.texts)
    logits = detector.member_logits(outputs)
    assert set(logits) == {*LIGHT_MEMBERS, SUM_OF_BASELINES, "light members"} == set(detector.report_) - {"all"}
    assert detector.stacks_.full is None
    np.testing.assert_array_equal(logits["light members"], detector.logits(outputs))


def test_the_sum_of_the_baselines_adds_standardized_logits(detector, unseen):
    outputs = detector.member_outputs(unseen.texts)
    logits, stack = detector.member_logits(outputs), detector.stacks_.light
    columns = [LIGHT_OUTPUTS.index(name) for name in BASELINES]
    assert columns == [0, 1]
    expected = sum((logits[name] - stack.mean[at]) / stack.std[at] for name, at in zip(BASELINES, columns, strict=True))
    np.testing.assert_allclose(logits[SUM_OF_BASELINES], expected)


def test_slow_members_that_do_not_help_are_left_out_of_the_scores(known, unseen, monkeypatch):
    """The language models stay for the explanations."""
    monkeypatch.setattr("seqloom.detector.stacks._is_better", lambda *_: False)
    messages = []
    detector = Detector(encoder=True, encoder_settings=EncoderSettings(updates=2, epochs=1), note=messages.append)
    detector.fit(known.texts[:120], known.generated[:120])
    assert detector.members_.encoder is None
    assert detector.members_.slow_slices == {}
    assert detector.stacks_.full is None
    assert detector.member_outputs(unseen.texts[:3]).slow is None
    assert "encoder" not in detector.report_
    assert messages[-1] == "the language models and the encoder do not improve the scores, and are left out of them"


def test_the_same_seed_gives_the_same_detector(known):
    """The folds are fitted in threads, which share no random generator."""
    prints = {Detector(encoder=False).fit(known.texts[:160], known.generated[:160]).fingerprint() for _ in range(2)}
    assert len(prints) == 1


def test_formats_that_are_too_old_are_refused_with_advice(detector, tmp_path):
    save_detector(detector, tmp_path / "d", {})
    file = tmp_path / "d" / "detector.json"
    stored = json.loads(file.read_text(encoding="utf-8"))
    assert stored["format"] == 7
    del stored["sha256"]
    write_checked_json(file, {**stored, "format": 4})
    with pytest.raises(RunError, match="has detector format 4, which this version of seqloom no longer reads: fit the"):
        load_detector(tmp_path / "d", lambda folder: None)


def test_a_folder_of_another_kind_is_named(tmp_path):
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(RunError, match="is a run, not a detector: name the folder of a detector"):
        load_detector(tmp_path, lambda folder: None)


def test_it_can_be_stored_and_cloned(detector, unseen, tmp_path):
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
    ("texts", "labels", "message"),
    [
        (["a text"] * 100, [1] * 100, "0 different real texts are too few"),
        ([f"text {n}" for n in range(60)], [0] * 30 + [1] * 30, "30 different real texts are too few"),
        ([f"text {n}" for n in range(90)], [0, 1, 2] * 30, "the labels contain 2"),
        ([f"text {n}" for n in range(90)], [0, 1] * 40, r"90 texts have labels of shape \[80\]"),
        ([f"text {n % 50}" for n in range(100)], [0] * 50 + [1] * 50, "50 generated texts are also among the real"),
        ("one text", [1], "one string"),
        ([None] * 80, [0, 1] * 40, "the texts contain None"),
    ],
)
def test_unusable_training_texts_are_refused(texts, labels, message):
    with pytest.raises(ConfigError, match=message):
        Detector().fit(texts, labels)
