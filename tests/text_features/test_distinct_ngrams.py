"""Distinct n-grams, compared with plain sets of strings."""

import numpy as np
import pytest

from seqloom.text_features.distinct_ngrams import common_words, distinct_ngrams, ngram_rows, token_hashes
from seqloom.text_features.patterns import extract_patterns


def ngrams_of(texts, common=()):
    return distinct_ngrams(texts, extract_patterns(texts), token_hashes(common))


def sequences(tokens, longest):
    return {tuple(tokens[at : at + n]) for n in range(1, longest + 1) for at in range(len(tokens) - n + 1)}


TEXTS = ["The cat sat.", "", "the Cat sat, the cat sat!", "It's 9 o'clock", "a"]


def test_words_are_counted_once_with_case_and_marks():
    tokens = [
        ["The", "cat", "sat", "."],
        [],
        ["the", "Cat", "sat", ",", "the", "cat", "sat", "!"],
        ["It's", "9", "o'clock"],
        ["a"],
    ]
    assert ngrams_of(TEXTS)["words"].counts.tolist() == [len(sequences(row, 3)) for row in tokens]


def test_characters_are_those_of_the_text():
    expected = [len({text[at : at + n] for n in range(2, 6) for at in range(len(text) - n + 1)}) for text in TEXTS]
    assert ngrams_of(TEXTS)["characters"].counts.tolist() == expected


def test_style_replaces_rare_words_by_their_shape():
    same = ngrams_of(["The dog ran to Rome", "The cow ate to Bern", "The dog ran to rome"], ["The", "to"])["style"]
    rows = np.split(same.buckets, np.cumsum(same.counts)[:-1])
    assert rows[0].tolist() == rows[1].tolist()
    assert rows[0].tolist() != rows[2].tolist()
    # With markers of the begin and the end, there are seven tokens: "<", The, x3, x3, to, X4, ">".
    assert same.counts[0] == len(sequences(["<", "The", "x3", "x3", "to", "X4", ">"], 5))


def test_ngrams_of_a_text_do_not_depend_on_the_other_texts():
    together = ngrams_of(TEXTS, ["the"])
    for view, ngrams in together.items():
        rows = np.split(ngrams.buckets, np.cumsum(ngrams.counts)[:-1])
        for row, text in zip(rows, TEXTS, strict=True):
            np.testing.assert_array_equal(row, ngrams_of([text], ["the"])[view].buckets)


def test_common_words_are_those_of_most_texts():
    assert common_words(["b a a a", "b c", "c b"])[:2] == ["b", "c"]


@pytest.mark.parametrize("view", ["words", "style", "characters"])
def test_rows_have_a_one_for_each_ngram(view):
    first, second = ngrams_of(TEXTS[:2])[view], ngrams_of(TEXTS[2:])[view]
    rows = ngram_rows([first, second])
    assert rows.shape[0] == len(TEXTS)
    assert np.diff(rows.indptr).tolist() == [*first.counts, *second.counts]
    assert set(rows.data.tolist()) == {1.0}
