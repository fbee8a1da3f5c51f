"""The training set of a detector: versions and classes of texts."""

import numpy as np
import pytest

from seqloom.detector.stack import GENERATED, HARD_NEGATIVE, REAL, SPLICED
from seqloom.detector.training_set import CALIBRATION, STACKING, TRAINING, make_training_set, split_groups


def test_spliced_texts_are_a_kind_of_their_own(known):
    labels = np.asarray(known.generated)
    data = make_training_set(known.texts, labels, split_groups(labels, np.arange(len(labels)), 0, print), 0)
    assert set(data.classes.tolist()) == {REAL, GENERATED, HARD_NEGATIVE, SPLICED}
    own = data.classes == SPLICED
    assert not (own & data.is_original).any()
    assert not (own & (data.roles == CALIBRATION)).any()
    weighing = data.roles == STACKING
    assert (own & weighing).sum() == (weighing & data.is_original & (data.classes == GENERATED)).sum()


def test_a_spliced_text_is_half_of_a_generated_one_and_half_of_a_real_one(known):
    labels = np.asarray(known.generated)
    texts = [f"{'gen' if label else 'real'}{number} " * 8 for number, label in enumerate(labels)]
    data = make_training_set(texts, labels, split_groups(labels, np.arange(len(labels)), 0, print), 0)
    for text in data.select(data.classes == SPLICED):
        words = text.split()
        assert abs(sum(word.startswith("gen") for word in words) - len(words) / 2) <= 1


def test_of_many_texts_only_a_part_has_versions_and_keeps_their_total_weight(monkeypatch):
    texts = [" ".join(f"word{number * 7 + place}" for place in range(20)) for number in range(600)]
    generated = np.arange(600) % 2 == 1
    totals = []
    for most in (600, 150):
        monkeypatch.setattr("seqloom.detector.training_set._MAX_VARIED_TEXTS", most)
        split = split_groups(generated, np.arange(600), seed=0, note=print)
        data = make_training_set(texts, generated, split, seed=0)
        assert data.is_original[data.classes <= GENERATED].sum() == 600
        counted = (data.classes <= GENERATED) & ~data.is_original
        totals.append((counted.sum(), data.weights[counted].sum(), (data.classes == SPLICED).sum()))
    (all_versions, all_weight, all_spliced), (versions, weight, spliced) = totals
    assert versions == pytest.approx(all_versions / 4, rel=0.25)
    assert spliced == pytest.approx(all_spliced / 4, rel=0.35)
    assert weight == pytest.approx(all_weight, rel=0.25)


@pytest.mark.parametrize(("number", "folds"), [(1000, 4), (1002, 3), (3000, 3), (3002, 2)])
def test_many_texts_have_fewer_folds(number, folds):
    split = split_groups(np.arange(number) % 2 == 1, np.arange(number), seed=0, note=print)
    assert set(split.folds.tolist()) == set(range(folds))


def test_slow_members_score_a_part_of_the_unseen_texts_and_all_that_measure_the_result(known, monkeypatch):
    monkeypatch.setattr("seqloom.detector.training_set._MAX_SLOW_TEXTS", 60)
    split = split_groups(known.generated, np.arange(len(known.texts)), seed=0, note=print)
    data = make_training_set(known.texts, known.generated, split, seed=0)
    scored = data.scored_by_slow_members()
    measuring = (data.roles == CALIBRATION) & data.is_original
    assert scored[measuring].all()
    assert not scored[data.roles == TRAINING].any()
    assert scored.sum() == measuring.sum() + max(60 - measuring.sum(), 30)
    assert {STACKING, CALIBRATION} == set(data.roles[scored].tolist())
