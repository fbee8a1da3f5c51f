import math

import pytest

from seqloom.evaluation.self_bleu import self_bleu


def test_the_same_text_again_and_again_is_one():
    assert self_bleu(["the cat sat on the mat"] * 3) == pytest.approx(1)


def test_nothing_shared_is_nothing():
    assert self_bleu(["a b c d e", "f g h i j"]) == pytest.approx(0, abs=1e-6)


def test_by_hand_up_to_bigrams():
    """Of "a b c", a and b count against "a b d" and "a a", and of its bigrams one of two does; lengths are equal."""
    first = math.sqrt(2 / 3 * 1 / 2)
    # "a b d" is the first's mirror; "a a" counts a once (no other text has two) of two, and no bigram.
    last = math.exp(1 - 3 / 2) * math.sqrt(1 / 2 * 1e-9)
    assert self_bleu(["a b c", "a b d", "a a"], order=2) == pytest.approx((2 * first + last) / 3)


@pytest.mark.parametrize("texts", [[], ["one"], ["one", ""]])
def test_too_few_texts_have_none(texts):
    assert self_bleu(texts) is None


def test_copies_among_others_raise_it():
    texts = [f"word{i} stands before word{i + 1} and after word{i - 1}" for i in range(40)]
    assert self_bleu(texts + texts[:20]) > self_bleu(texts + [text[::-1] for text in texts[:20]])
