"""Figures against scikit-learn's, and intervals against what they promise."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

from seqloom.evaluation.classification_metrics import (
    LabelledSample,
    binomial_interval,
    brier_score,
    calibration_error,
    positive_fraction,
    roc_auc,
    true_positive_rate,
)

RANDOM = np.random.default_rng(0)


def drawn(number: int, *, round_to: int = 1) -> tuple[np.ndarray, np.ndarray]:
    generated = RANDOM.random(number) < 0.4
    return (RANDOM.normal(size=number) + generated).round(round_to), generated


def repeated(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.repeat(values, weights.astype(int))


@pytest.mark.parametrize("round_to", [0, 1, 9])
def test_figures_are_those_of_scikit_learn_whatever_the_weights(round_to):
    scores, generated = drawn(300, round_to=round_to)
    chance = 1 / (1 + np.exp(-scores))
    weights = np.stack([np.ones(300), *RANDOM.integers(0, 4, (5, 300))]).astype(float)
    found = {
        "area": roc_auc(scores, generated)(weights),
        "share": true_positive_rate(scores, generated, 0.05)(weights),
        "brier": brier_score(chance, generated, 0.3)(weights),
    }
    for place, row in enumerate(weights):
        some, truth, said = (repeated(values, row) for values in (scores, generated, chance))
        assert found["area"][place] == pytest.approx(roc_auc_score(truth, some))
        alarms, hits, _ = roc_curve(truth, some, drop_intermediate=False)
        assert found["share"][place] == pytest.approx(hits[alarms <= 0.05].max())
        balance = np.where(truth, 0.3 / truth.sum(), 0.7 / (~truth).sum())
        assert found["brier"][place] == pytest.approx(brier_score_loss(truth, said, sample_weight=balance))


def test_calibration_error_is_the_mean_distance_of_scikit_learns_curve():
    chance = RANDOM.random(2000)
    generated = RANDOM.random(2000) < chance**2
    prior = generated.mean()
    true, said = calibration_curve(generated, chance, n_bins=10)
    counts = np.histogram(chance, bins=10, range=(0, 1))[0]
    expected = np.abs(true - said) @ counts / counts.sum()
    assert calibration_error(chance, generated, prior)(np.ones((1, 2000)))[0] == pytest.approx(expected)
    shares = [positive_fraction((chance * 10).astype(int) == place, generated, prior) for place in range(10)]
    np.testing.assert_allclose([share(np.ones((1, 2000)))[0] for share in shares], true)


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Of 80 samples 95 % should; fewer than 67 do once in 100,000 seeds."""
    truth, held = norm.cdf(1 / np.sqrt(2)), 0
    for seed in range(80):
        random = np.random.default_rng(seed)
        generated = np.arange(160) % 2 == 0
        scores = random.normal(size=160) + generated
        found = LabelledSample(generated, np.arange(160), seed).interval(roc_auc(scores, generated))
        held += found.low <= truth <= found.high
    assert held >= 67


def test_groups_are_drawn_whole():
    """Ten copies of each text tell no more than one does."""
    scores, generated = drawn(120)
    once = LabelledSample(generated, np.arange(120)).interval(roc_auc(scores, generated))
    many, sides = np.repeat(scores, 10), np.repeat(generated, 10)
    copied = LabelledSample(sides, np.repeat(np.arange(120), 10)).interval(roc_auc(many, sides))
    fooled = LabelledSample(sides, np.arange(1200)).interval(roc_auc(many, sides))
    assert copied.value == pytest.approx(once.value)
    assert copied.high - copied.low == pytest.approx(once.high - once.low, rel=0.2)
    assert fooled.high - fooled.low < 0.5 * (once.high - once.low)


def test_a_part_with_one_side_has_no_figure():
    scores, generated = drawn(50)
    assert (
        LabelledSample(generated, np.arange(50)).interval(roc_auc(scores[generated], generated[generated]), generated)
        is None
    )


def test_many_texts_are_drawn_in_portions():
    scores, generated = drawn(30_000, round_to=3)
    found = LabelledSample(generated, np.arange(30_000)).interval(roc_auc(scores, generated))
    assert found.value == pytest.approx(roc_auc_score(generated, scores))
    assert found.low < found.value < found.high < found.low + 0.02


def test_shares_have_exact_intervals():
    none = binomial_interval(0, 100)
    assert (none.value, none.low) == (0, 0)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 100))
    assert binomial_interval(0, 0) is None
