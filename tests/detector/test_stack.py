"""The stack on member outputs."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from seqloom.detector.stack import GENERATED, HARD_NEGATIVE, REAL, StackedClassifier
from seqloom.detector.stacks import _is_better


def make_outputs(number: int, seed: int, *, hard_negatives: bool = True):
    random = np.random.default_rng(seed)
    classes = random.choice([REAL, GENERATED, HARD_NEGATIVE] if hard_negatives else [REAL, GENERATED], number)
    outputs = random.normal(2, 3, (number, 4))
    outputs[classes == GENERATED, 0] += 6
    outputs[classes == HARD_NEGATIVE, 1] -= 9
    return outputs, random.integers(5, 200, number), classes


@pytest.mark.parametrize("hard_negatives", [True, False])
def test_generated_texts_and_decoys_are_told_from_real_ones_and_the_answer_is_calibrated(hard_negatives):
    """Decoys less well, since the offset of their class favours the known generators."""
    stack = StackedClassifier.fit(
        *make_outputs(4000, 0, hard_negatives=hard_negatives), np.arange(4000) > 3000, np.tile([1.0, 0.4], 2000)
    )
    outputs, words, classes = make_outputs(4000, 1, hard_negatives=hard_negatives)
    logits = stack.logits(outputs, words)
    known = classes != HARD_NEGATIVE
    assert roc_auc_score(classes[known] == GENERATED, logits[known]) > 0.9
    if hard_negatives:
        assert roc_auc_score(classes[classes != GENERATED] == HARD_NEGATIVE, logits[classes != GENERATED]) > 0.75
    chance = 1 / (1 + np.exp(-logits))
    for low, high in ((0, 0.2), (0.2, 0.8), (0.8, 1)):
        here = known & (chance >= low) & (chance < high)
        assert abs(chance[here].mean() - (classes[here] == GENERATED).mean()) < 0.07
    assert stack.class_logits(outputs, words).shape == (4000, 1 + hard_negatives)


def test_contributions_and_the_rest_add_up_to_the_logit():
    """Of two classes: the rest is what a text whose outputs are all average gets."""
    outputs, words, classes = make_outputs(600, 0, hard_negatives=False)
    stack = StackedClassifier.fit(outputs, words, classes, np.arange(600) > 400, np.ones(600))
    rest = stack.logits(outputs, words) - stack.contributions(outputs, words).sum(axis=1)
    average = np.tile(stack.mean, (600, 1)).astype(np.float64)
    np.testing.assert_allclose(rest, stack.logits(average, words), atol=1e-4)


def test_contributions_find_the_informative_outputs():
    outputs, words, classes = make_outputs(3000, 0)
    stack = StackedClassifier.fit(outputs, words, classes, np.arange(3000) > 2000, np.ones(3000))
    added = stack.contributions(outputs, words)
    assert added[classes == GENERATED, 0].mean() > 1
    assert added[classes == HARD_NEGATIVE, 1].mean() > 1
    assert abs(added[:, 2:]).mean() < 0.3


def test_it_can_be_stored():
    outputs, words, classes = make_outputs(300, 0)
    stack = StackedClassifier.fit(outputs, words, classes, np.arange(300) > 200, np.ones(300))
    again = StackedClassifier.from_arrays(stack.to_arrays())
    np.testing.assert_array_equal(again.logits(outputs, words), stack.logits(outputs, words))


def test_logits_are_better_only_by_more_than_chance():
    random = np.random.default_rng(0)
    generated = random.random(400) < 0.5
    signal = np.where(generated, 1.0, -1.0)
    some = signal + random.normal(0, 2, 400)
    assert _is_better(signal + some, some, generated)
    assert not _is_better(some, signal + some, generated)
    assert not _is_better(some, some, generated)
    # One text gains, and another one loses half as much: the mean gain is less than its standard error.
    some[:2], change = 0.0, np.zeros(400)
    change[:2] = 0.01, -0.005
    assert not _is_better(some + change * signal, some, generated)
