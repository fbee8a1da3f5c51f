"""The compiled counter of n-grams counts what scikit-learn's vectorisers count."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqloom.kernels.library import chosen_kernels
from seqloom.kernels.text_hashing.ngrams import count_hashed
from seqloom.text_features import ngrams

pytestmark = pytest.mark.skipif(chosen_kernels() is None, reason="the compiled kernels are not in use")

LETTERS = st.characters(exclude_categories=("Cs",))
PIECES = st.sampled_from(
    ["not", "isn't", "n\u2019t", " ", "  \n", ".", "!?", "''", "_", "a", "\u00df", "e\u0301", "好"]
)
TEXTS = st.lists(PIECES | LETTERS, max_size=40).map("".join)


@settings(max_examples=200, deadline=None)
@example([""])
@example([])
@example(["ab", "", "I can\u2019t   say \u0130stanbul \U0001f600 isn't not good_at it's' 'quoted' don''t a.b,c!"])
@given(st.lists(TEXTS, max_size=4))
def test_it_counts_what_scikit_learn_counts(texts):
    theirs = ngrams._count_without_kernels(texts) if texts else None
    ours = ngrams.count_ngrams(texts)
    assert ours.shape[0] == len(texts)
    if theirs is not None:
        np.testing.assert_array_equal(ours.indptr, theirs.indptr)
        np.testing.assert_array_equal(ours.indices, theirs.indices)
        np.testing.assert_array_equal(ours.data, theirs.data)


def test_texts_of_many_characters_are_counted_in_batches(monkeypatch):
    texts = [f"text number {number} of some" * (number % 5) for number in range(50)]
    whole = count_hashed(texts, 1 << 16)
    monkeypatch.setattr("seqloom.kernels.text_hashing.ngrams._BATCH_CHARACTERS", 100)
    for one, other in zip(count_hashed(texts, 1 << 16), whole, strict=True):
        np.testing.assert_array_equal(one, other)


def test_lone_surrogates_are_no_fault():
    assert ngrams.count_ngrams(["a\ud800bc"]).nnz == ngrams.count_ngrams(["a?bc"]).nnz


def test_nothing_is_counted_where_the_kernels_are_off(monkeypatch):
    monkeypatch.setenv("SEQLOOM_KERNELS", "off")
    assert count_hashed(["some text"], 1 << 10) is None
    assert ngrams.count_ngrams(["some text"]).nnz > 0
