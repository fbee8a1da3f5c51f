"""The parts of a critic, each against an oracle of its own."""

import numpy as np
import pytest

from seqloom.critic.naive_bayes import NaiveBayesRater
from seqloom.critic.ordinal_targets import OrdinalTargets, sigmoid
from seqloom.critic.rank_calibration import RankCalibration
from seqloom.critic.stacking import StackedRegressor
from seqloom.data.scale import fit_scale

STARS = OrdinalTargets(fit_scale("stars", np.arange(1.0, 6)))


def stars_of(logits):
    return STARS.scale.from_unit(STARS.expected_rating(logits))


def test_a_rating_is_the_sum_of_its_answers():
    above = STARS.above(np.array([1.0, 3, 4.6, 5]))
    np.testing.assert_array_equal(above.sum(axis=1), [0, 2, 4, 4])
    certain = np.where(above, 40.0, -40.0)
    np.testing.assert_allclose(stars_of(certain), [1, 3, 5, 5])
    halfway = np.zeros((1, 4))
    assert stars_of(halfway)[0] == pytest.approx(3)


def test_stacking_prefers_the_informative_member():
    random = np.random.default_rng(5)
    stars = random.integers(1, 6, 2000).astype(float)
    above = STARS.above(stars)
    good = np.where(above, 1.0, -1.0) + random.normal(size=above.shape)
    bad = random.normal(size=above.shape)
    blend = StackedRegressor.fit(np.stack([bad, good]), above, STARS.scale.to_unit(stars), STARS)
    assert blend.weights[1] > 20 * blend.weights[0]
    assert blend.sharpness > 1
    plain = np.abs(stars_of(blend.logits([bad, good])) - stars).mean()
    sharp = np.abs(stars_of(blend.sharpness * blend.logits([bad, good])) - stars).mean()
    assert sharp < plain
    np.testing.assert_allclose(sigmoid(blend.logits([bad, good])).mean(axis=0), above.mean(axis=0), atol=0.02)


def test_the_naive_bayes_rater_is_calibrated_and_informative(reviews, others):
    judge = NaiveBayesRater.fit(reviews.texts, reviews.stars, "stars")
    found = judge.predict(others.texts)
    assert np.corrcoef(found, others.stars)[0, 1] > 0.7
    assert abs(found.mean() - others.stars.mean()) < 0.25


def test_ranks_undo_what_shrinks_to_the_middle():
    random = np.random.default_rng(0)
    true = random.random(5000)
    predicted = 0.5 + 0.05 * (true - 0.5) + 0.05 * random.normal(size=5000)
    placed = RankCalibration.fit(predicted, true).transform(predicted)
    assert np.quantile(predicted, 0.95) < 0.65
    np.testing.assert_allclose(np.quantile(placed, [0.05, 0.5, 0.95]), [0.05, 0.5, 0.95], atol=0.03)
    np.testing.assert_array_equal(np.argsort(placed, kind="stable")[[0, -1]], np.argsort(predicted)[[0, -1]])
    assert RankCalibration.fit(predicted, true).transform(np.array([-9.0, 9.0])).tolist() == [true.min(), true.max()]
