"""Segments of texts, and the extreme logits of segments."""

import numpy as np

from seqloom.detector.segments import SEGMENT_OUTPUTS, extreme_logits, split_segments


def test_a_text_is_cut_into_halves_and_quarters():
    words = [str(number) for number in range(22)]
    halves, quarters = (split_segments([" ".join(words)])[part] for part in (slice(0, 2), slice(2, 6)))
    for parts in (halves, quarters):
        assert " ".join(parts).split() == words
        assert max(len(part.split()) for part in parts) - min(len(part.split()) for part in parts) <= 1


def test_a_short_text_is_not_divided():
    assert split_segments(["one two three", ""]) == ["one two three"] * 6 + [""] * 6
    some = " ".join("abcdefghijkl")
    assert split_segments([some])[:2] == ["a b c d e f", "g h i j k l"]
    assert split_segments([some])[2:] == [some] * 4


def test_the_surest_and_the_least_sure_part_of_each_text_count():
    logits = np.array([1.0, -2.0, 3.0, 0.0, 4.0, 5.0, 0.0, 0.5, -1.0, -1.0, -4.0, -1.0])
    extremes = extreme_logits(logits)
    assert SEGMENT_OUTPUTS == ("surest half", "least sure half", "surest quarter", "least sure quarter")
    np.testing.assert_array_equal(extremes, [[1, -2, 5, 0], [0.5, 0, -1, -4]])
    assert extreme_logits(np.zeros(0)).shape == (0, 4)
