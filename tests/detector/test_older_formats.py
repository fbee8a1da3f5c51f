"""Stacks of detectors of formats 5 and 6, whose biases did not contain the offsets of the classes."""

import numpy as np
import pytest

from seqloom.detector.ngram_regression import REGRESSION_MEMBERS
from seqloom.detector.older_formats import with_new_members
from seqloom.detector.stack import StackedClassifier

NUM_OUTPUTS, NUM_TEXTS = 4, 50
OFFSETS = np.array([0.0, -1.5, -2.5])


@pytest.fixture
def stored():
    """Two stacks of an old detector, and the stack of one member."""
    random = np.random.default_rng(0)

    def stack(num_outputs, num_classes):
        features = 5 * num_outputs + 3
        return {
            "centre": random.normal(size=num_outputs).astype(np.float32),
            "spread": random.uniform(0.5, 2, num_outputs).astype(np.float32),
            "weight": random.normal(size=(features, num_classes)).astype(np.float32),
            "bias": random.normal(size=num_classes).astype(np.float32),
            "calibration": np.array([1, 0, 0, 0], np.float32),
        }

    return {"light": stack(NUM_OUTPUTS, 3), "stack": stack(3 + 2, 2), "alone wording": stack(1, 3)}


def old_logits(arrays, outputs, num_words):
    """Logits of the version that wrote format 6: the offsets were added to the class logits."""
    class_logits = StackedClassifier.from_arrays(arrays).class_logits(outputs, num_words)
    return class_logits, np.logaddexp.reduce(class_logits + OFFSETS[: class_logits.shape[1]], axis=1)


def test_stacks_of_older_formats_give_the_same_logits(stored):
    random = np.random.default_rng(1)
    outputs, slow = random.normal(size=(NUM_TEXTS, NUM_OUTPUTS)), random.normal(size=(NUM_TEXTS, 2))
    num_words = random.integers(1, 300, NUM_TEXTS)
    arrays_of = with_new_members(lambda part: stored.get(part, {}))
    light, full, alone = (StackedClassifier.from_arrays(arrays_of(part)) for part in stored)

    with_regressions = np.hstack([random.normal(size=(NUM_TEXTS, len(REGRESSION_MEMBERS))), outputs])
    class_logits, expected = old_logits(stored["light"], outputs, num_words)
    np.testing.assert_allclose(light.logits(with_regressions, num_words), expected, rtol=1e-5)
    contributions = light.contributions(with_regressions, num_words)
    assert not contributions[:, : len(REGRESSION_MEMBERS)].any()
    assert contributions[:, len(REGRESSION_MEMBERS) :].all()

    _, expected = old_logits(stored["stack"], np.hstack([class_logits, slow]), num_words)
    new_class_logits = light.class_logits(with_regressions, num_words)
    np.testing.assert_allclose(full.logits(np.hstack([new_class_logits, slow]), num_words), expected, rtol=1e-4)

    _, expected = old_logits(stored["alone wording"], outputs[:, :1], num_words)
    np.testing.assert_allclose(alone.logits(outputs[:, :1], num_words), expected, rtol=1e-5)


def test_parts_that_are_not_there_stay_missing(stored):
    assert with_new_members(lambda part: stored.get(part, {}))("encoder") == {}
