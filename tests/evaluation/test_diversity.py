import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.evaluation.diversity import Loop, distinct_share, diversity, longest_loop, repeated_share


def test_counts_over_all_texts_together():
    measured = diversity(["a b a b", "a b"])
    # Words: a b a b a b; pairs: ab ba ab ab; triples: aba bab; one four.
    assert measured.distinct_words == (2 / 6, 2 / 4, 1.0, 1.0)
    assert measured.distinct_characters[0] == 3 / 10


def test_nothing_to_count_is_none():
    measured = diversity(["", "one two"])
    assert measured.distinct_words == (1.0, 1.0, None, None)
    assert measured.repeated_share is None
    assert diversity([]).loop == Loop("", 0)


def test_punctuation_marks_are_words():
    assert diversity(["Ah, ah!"]).distinct_words[0] == 1.0
    assert diversity(["!!"]).distinct_words[0] == 0.5


def test_repeated_share_forgets_beyond_the_window():
    words = ["a", "b", *map(str, range(10)), "a", "b"]
    assert repeated_share([words], n=2, window=12) == 1 / 13
    assert repeated_share([words], n=2, window=11) == 0


@pytest.mark.parametrize(
    ("text", "unit", "length"),
    [
        ("", "", 0),
        ("abc", "", 0),
        ("so the the the end", " the", 13),
        ("ha!ha!ha!h", "ha!", 10),
        ("aaaa", "a", 4),
        ("日本日本。", "日本", 4),
    ],
)
def test_longest_loop(text, unit, length):
    assert longest_loop(text) == Loop(unit, length)


def test_a_loop_says_how_often():
    assert longest_loop("xyxyxy").num_repeats == 3
    assert Loop("", 0).num_repeats == 0


def test_a_unit_longer_than_asked_for_is_not_looked_for():
    assert longest_loop("abcdabcd", longest_unit=3) == Loop("", 0)


def brute_loop(text):
    return max(
        (
            stop - start
            for start in range(len(text))
            for stop in range(start + 2, len(text) + 1)
            for period in range(1, (stop - start) // 2 + 1)
            if text[start + period : stop] == text[start : stop - period]
        ),
        default=0,
    )


@given(st.text("ab", max_size=14))
def test_longest_loop_against_all_stretches(text):
    loop = longest_loop(text)
    assert loop.length == brute_loop(text)
    assert not loop.unit or loop.unit * 2 in text


@given(st.lists(st.text("ab ", max_size=12)), st.integers(1, 4))
def test_distinct_share_of_characters_against_a_regular_expression(texts, n):
    grams = [gram for text in texts for gram in re.findall(f"(?=(.{{{n}}}))", text)]
    assert distinct_share(texts, n) == (len(set(grams)) / len(grams) if grams else None)
