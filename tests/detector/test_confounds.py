"""Lengths and formatting that tell nothing."""

import numpy as np

from seqloom.detector.augmentation import ALTERATIONS, first_words, spliced, words_of
from seqloom.detector.confounds import find_confounds, match_lengths, same_texts


def texts_of(lengths, word):
    return [" ".join([word] * length) for length in lengths]


def test_both_sides_have_the_same_lengths():
    random = np.random.default_rng(0)
    real = texts_of(random.integers(1, 200, 300), "real")
    generated = texts_of(random.integers(20, 60, 200), "made")
    found = match_lengths(real, generated, random)
    assert [len(side) for side in found] == [300, 200]
    lengths = [np.array([words_of(text) for text in side]) for side in found]
    for share in (0.1, 0.5, 0.9):
        one, other = (np.quantile(some, share) for some in lengths)
        assert abs(one - other) <= 0.12 * other + 2
    for before, after in zip(real, found[0], strict=True):
        assert before.startswith(after)


def test_a_text_is_cut_between_words_and_keeps_what_stands_there():
    assert first_words("One,  two\n\nthree four", 3) == "One,  two\n\nthree"
    assert first_words("One two", 5) == "One two"
    assert words_of(" \n") == 0


def test_signs_of_how_files_were_made_are_found():
    real = [f"a good place {number}" for number in range(300)]
    assert find_confounds(real, [f"a bad place {number}" for number in range(300)]) == []
    leaks = find_confounds(
        real, [f"a bad place {number} nan" if number % 3 else f"bad \u2019 {number} " for number in range(300)]
    )
    assert {leak.sign for leak in leaks} == {
        "the word 'nan'", "white space at the end", "the character '\u2019'", "a character beyond ASCII",
    }  # fmt: skip
    assert all(leak.real == 0 for leak in leaks)
    assert "0.0% of the real texts, 66.7% of the generated ones" in str(leaks[0])


def test_texts_on_both_sides_are_found_whatever_their_form():
    assert same_texts(["A good\n place"], ["another", "a good place "]) == ["a good place "]


def test_alterations_change_the_form_and_not_the_matter():
    random, text = np.random.default_rng(0), "The soup was warm. We came again, and the waiter was slow! It was nice."
    for name, alter in ALTERATIONS.items():
        made = {alter(text, random) for _ in range(20)}
        assert made - {text}
        for one in made:
            kept = "".join(one.lower().split()), "".join(text.lower().split())
            assert kept[0] == kept[1] or name == "typos"
            assert abs(len(one) - len(text)) < 20
    half = spliced(text, "Other words. Stand here. And there.", random)
    assert "The soup" in half
    assert "there" in half
