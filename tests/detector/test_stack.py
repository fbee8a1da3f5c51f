"""What a stack makes of answers."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from seqloom.detector.stack import DECOY, GENERATED, REAL, Stack


def make_answers(number: int, seed: int, *, decoys: bool = True):
    random = np.random.default_rng(seed)
    kinds = random.choice([REAL, GENERATED, DECOY] if decoys else [REAL, GENERATED], number)
    answers = random.normal(2, 3, (number, 4))
    answers[kinds == GENERATED, 0] += 6
    answers[kinds == DECOY, 1] -= 9
    return answers, random.integers(5, 200, number), kinds


@pytest.mark.parametrize("decoys", [True, False])
def test_generated_texts_and_decoys_are_told_from_real_ones_and_the_answer_is_calibrated(decoys):
    stack = Stack.fit(*make_answers(4000, 0, decoys=decoys), np.arange(4000) > 3000, np.tile([1.0, 0.4], 2000))
    answers, words, kinds = make_answers(4000, 1, decoys=decoys)
    logits = stack.logits(answers, words)
    known = kinds != DECOY
    assert roc_auc_score(kinds[known] == GENERATED, logits[known]) > 0.9
    if decoys:
        assert roc_auc_score(kinds[kinds != GENERATED] == DECOY, logits[kinds != GENERATED]) > 0.9
    chance = 1 / (1 + np.exp(-logits))
    for low, high in ((0, 0.2), (0.2, 0.8), (0.8, 1)):
        here = known & (chance >= low) & (chance < high)
        assert abs(chance[here].mean() - (kinds[here] == GENERATED).mean()) < 0.07
    assert stack.against_real(answers, words).shape == (4000, 1 + decoys)


def test_contributions_and_what_hangs_on_no_answer_make_the_logit():
    """Of two kinds: the rest is what a text whose answers are all average gets."""
    answers, words, kinds = make_answers(600, 0, decoys=False)
    stack = Stack.fit(answers, words, kinds, np.arange(600) > 400, np.ones(600))
    rest = stack.logits(answers, words) - stack.contributions(answers, words).sum(axis=1)
    average = np.tile(stack.centre, (600, 1)).astype(np.float64)
    np.testing.assert_allclose(rest, stack.logits(average, words), atol=1e-4)


def test_contributions_point_to_what_gives_a_text_away():
    answers, words, kinds = make_answers(3000, 0)
    stack = Stack.fit(answers, words, kinds, np.arange(3000) > 2000, np.ones(3000))
    added = stack.contributions(answers, words)
    assert added[kinds == GENERATED, 0].mean() > 1
    assert added[kinds == DECOY, 1].mean() > 1
    assert abs(added[:, 2:]).mean() < 0.3


def test_it_can_be_kept():
    answers, words, kinds = make_answers(300, 0)
    stack = Stack.fit(answers, words, kinds, np.arange(300) > 200, np.ones(300))
    again = Stack.from_arrays(stack.to_arrays())
    np.testing.assert_array_equal(again.logits(answers, words), stack.logits(answers, words))
