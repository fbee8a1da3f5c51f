"""Lengths and formatting, which must not separate the sides."""

import numpy as np

from seqloom.detector.augmentation import AUGMENTATIONS, count_words, first_words, splice
from seqloom.detector.confounds import find_confounds, match_lengths, shared_texts


def texts_with_lengths(lengths, word):
    return [" ".join([word] * length) for length in lengths]


def test_both_sides_have_the_same_lengths():
    random = np.random.default_rng(0)
    real = texts_with_lengths(random.integers(1, 200, 300), "real")
    generated = texts_with_lengths(random.integers(20, 60, 200), "made")
    matched = match_lengths(real, generated, random)
    assert [len(side) for side in matched] == [300, 200]
    lengths = [np.array([count_words(text) for text in side]) for side in matched]
    for share in (0.1, 0.5, 0.9):
        real_length, generated_length = (np.quantile(side, share) for side in lengths)
        assert abs(real_length - generated_length) <= 0.12 * generated_length + 2
    for before, after in zip(real, matched[0], strict=True):
        assert before.startswith(after)


def test_a_text_is_cut_between_words_and_keeps_its_white_space():
    assert first_words("One,  two\n\nthree four", 3) == "One,  two\n\nthree"
    assert first_words("One two", 5) == "One two"
    assert count_words(" \n") == 0


def test_formatting_of_one_side_is_found():
    real = [f"a good place {number}" for number in range(300)]
    assert find_confounds(real, [f"a bad place {number}" for number in range(300)]) == []
    confounds = find_confounds(
        real, [f"a bad place {number} nan" if number % 3 else f"bad \u2019 {number} " for number in range(300)]
    )
    assert {confound.sign for confound in confounds} == {
        "the word 'nan'", "white space at the end", "the character '\u2019'", "a character beyond ASCII",
    }  # fmt: skip
    assert all(confound.real_share == 0 for confound in confounds)
    assert "0 % of the real texts, 67 % of the generated ones" in str(confounds[0])


def test_shared_texts_are_found_despite_case_and_white_space():
    assert shared_texts(["A good\n place"], ["another", "a good place "]) == ["a good place "]


def test_augmentations_change_the_form_and_keep_the_words():
    random, text = np.random.default_rng(0), "The soup was warm. We came again, and the waiter was slow! It was nice."
    for name, alter in AUGMENTATIONS.items():
        changed = {alter(text, random) for _ in range(20)}
        assert changed - {text}
        for version in changed:
            kept = "".join(version.lower().split()), "".join(text.lower().split())
            assert kept[0] == kept[1] or name == "typos"
            assert abs(len(version) - len(text)) < 20
    half = splice(text, "Other words. Stand here. And there.", random)
    assert "The soup" in half
    assert "there" in half
