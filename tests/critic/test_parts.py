"""The parts of a critic, each against an oracle of its own."""

import numpy as np
import pytest

from seqloom.critic.bayes import BayesJudge
from seqloom.critic.blend import Blend
from seqloom.critic.thresholds import Thresholds, sigmoid
from seqloom.data.conditions import fit_scale

STARS = Thresholds(fit_scale("stars", np.arange(1.0, 6)))


def test_a_rating_is_the_sum_of_its_answers():
    above = STARS.above(np.array([1.0, 3, 4.6, 5]))
    np.testing.assert_array_equal(above.sum(axis=1), [0, 2, 4, 4])
    certain = np.where(above, 40.0, -40.0)
    np.testing.assert_allclose(STARS.rating(certain), [1, 3, 5, 5])
    halfway = np.zeros((1, 4))
    assert STARS.rating(halfway)[0] == pytest.approx(3)


def test_a_blend_trusts_whom_it_should():
    random = np.random.default_rng(5)
    stars = random.integers(1, 6, 2000).astype(float)
    above = STARS.above(stars)
    good = np.where(above, 1.0, -1.0) + random.normal(size=above.shape)
    bad = random.normal(size=above.shape)
    blend = Blend.fit(np.stack([bad, good]), above, STARS.scale.scaled(stars), STARS)
    assert blend.weights[1] > 20 * blend.weights[0]
    assert blend.sharpness > 1
    plain = np.abs(STARS.rating(blend.logits([bad, good])) - stars).mean()
    sharp = np.abs(STARS.rating(blend.sharpness * blend.logits([bad, good])) - stars).mean()
    assert sharp < plain
    np.testing.assert_allclose(sigmoid(blend.logits([bad, good])).mean(axis=0), above.mean(axis=0), atol=0.02)


def test_the_judge_is_calibrated_and_of_use(reviews, others):
    judge = BayesJudge.fit(reviews.texts, reviews.stars, "stars")
    found = judge.predict(others.texts)
    assert np.corrcoef(found, others.stars)[0, 1] > 0.7
    assert abs(found.mean() - others.stars.mean()) < 0.25
