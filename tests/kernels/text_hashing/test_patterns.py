"""The compiled reader finds the patterns that operations on arrays find."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqloom.kernels.library import chosen_kernels
from seqloom.text_features import patterns

pytestmark = pytest.mark.skipif(chosen_kernels() is None, reason="the compiled kernels are not in use")

PIECES = st.sampled_from(["It's", "a", "'", "\u2019", " ", "\n", "...", "İ", "e\u0301", "Straße", "好", "\U0001f600"])
TEXTS = st.lists(PIECES | st.characters(exclude_categories=("Cs",)), max_size=30).map("".join)


@settings(max_examples=200, deadline=None)
@example([""])
@example(["", "a", "'", "a'", "'a", "a'b", "a''b", " a'b'c "])
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_both_ways_of_reading_find_the_same(texts):
    compiled = patterns.extract_patterns(texts)
    with pytest.MonkeyPatch.context() as changed:
        changed.setenv("SEQLOOM_KERNELS", "off")
        plain = patterns.extract_patterns(texts)
    assert list(compiled) == list(plain) == list(patterns.PATTERN_KINDS)
    for kind in patterns.PATTERN_KINDS:
        np.testing.assert_array_equal(compiled[kind].counts, plain[kind].counts, err_msg=kind)
        np.testing.assert_array_equal(compiled[kind].buckets, plain[kind].buckets, err_msg=kind)
