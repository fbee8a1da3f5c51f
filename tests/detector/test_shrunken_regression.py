"""The regression that is shrunk towards given weights."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from seqloom.detector.shrunken_regression import fit_shrunken


def make_data(number, num_classes=2):
    random = np.random.default_rng(0)
    classes = np.arange(number) % num_classes
    return random.normal(size=(number, 3)) + 0.7 * classes[:, None] * [1, -1, 0], classes


def test_towards_zeros_it_is_a_plain_logistic_regression():
    features, classes = make_data(200)
    weight, bias = fit_shrunken(features, classes, np.ones(200), np.zeros((3, 1)), 0.5)
    plain = LogisticRegression(C=0.5, class_weight="balanced", tol=1e-8, max_iter=1000).fit(features, classes)
    np.testing.assert_allclose(weight[:, 0], plain.coef_[0], atol=2e-3)
    np.testing.assert_allclose(bias, plain.intercept_, atol=2e-3)


@pytest.mark.parametrize("num_classes", [2, 3])
def test_few_texts_stay_near_the_prior_and_many_leave_it(num_classes):
    prior = np.full((3, num_classes - 1), 2.0)
    distances = []
    for number in (6, 60, 6000):
        features, classes = make_data(number, num_classes)
        weight, _ = fit_shrunken(features, classes, np.ones(number), prior, 0.01)
        distances.append(np.linalg.norm(weight - prior))
    assert distances[0] < 0.2
    assert distances[0] < distances[1] < distances[2]
    assert distances[2] > 1


def test_a_text_of_double_weight_counts_as_two():
    features, classes = make_data(40)
    weights = np.where(np.arange(40) < 20, 2.0, 1.0)
    doubled = np.concatenate([np.arange(40), np.arange(20)])
    one, two = (
        fit_shrunken(features[at], classes[at], some, np.zeros((3, 1)), penalty)
        for at, some, penalty in ((np.arange(40), weights, 0.03), (doubled, np.ones(60), 0.02))
    )
    np.testing.assert_allclose(one[0], two[0], atol=1e-3)
