"""Each penalty of recent tokens against a naive loop over strings, and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.sampling import SamplingConfig, generate
from seqloom.sampling.chain import apply_chain, build_chain
from seqloom.sampling.penalties import (
    MAX_DRY_PENALTY,
    dry_penalties,
    frequency_penalty,
    presence_penalty,
)
from seqloom.sampling.request import prepare_request
from seqloom.sampling.transform import Context
from seqloom.sampling.transforms import log_softmax

VOCABULARY = 5
LETTERS = "abcde"

logit_rows = st.lists(
    st.one_of(st.integers(-80, 80).map(lambda n: n / 16), st.just(-math.inf)),
    min_size=VOCABULARY,
    max_size=VOCABULARY,
).filter(lambda row: max(row) > -math.inf)
recent_ids = st.lists(st.integers(0, VOCABULARY - 1), max_size=12)
penalties = st.floats(-3, 3)


def ids(text):
    return np.array([LETTERS.index(letter) for letter in text], np.int64)


def mask(letters):
    return np.array([letter in letters for letter in LETTERS])


# --- frequency and presence


@given(logit_rows, recent_ids, penalties, penalties, st.floats(-50, 50))
def test_frequency_and_presence_by_a_loop(row, recent, frequency, presence, offset):
    expected = [
        value - frequency * recent.count(token) - (presence if token in recent else 0)
        for token, value in enumerate(row)
    ]
    logits = np.array(row)
    ids_of_recent = np.array(recent, np.int64)
    result = presence_penalty(frequency_penalty(logits, ids_of_recent, frequency), ids_of_recent, presence)
    np.testing.assert_allclose(result, expected, atol=1e-12)
    shifted = apply_chain(
        build_chain(SamplingConfig(frequency_penalty=frequency, presence_penalty=presence), VOCABULARY),
        logits + offset,
        Context(ids_of_recent, None),
    )
    np.testing.assert_allclose(log_softmax(shifted), log_softmax(np.array(expected)), atol=1e-9)


def test_frequency_and_presence_by_hand():
    logits = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    recent = ids("abba")[1:]  # "bba"
    np.testing.assert_allclose(frequency_penalty(logits, recent, 0.5), [0.5, 1.0, 3.0, 4.0, 5.0])
    np.testing.assert_allclose(presence_penalty(logits, recent, 0.25), [0.75, 1.75, 3.0, 4.0, 5.0])
    assert logits.tolist() == [1, 2, 3, 4, 5]


# --- DRY


def naive_dry(text, breakers, multiplier, base, allowed_length):
    """Try every token as the next one: which end of the text, with it, has occurred before?"""
    result = []
    for letter in LETTERS:
        longest = 0
        for length in range(1, len(text)):
            end = text[-length:]
            if not set(end + letter) & set(breakers) and end + letter in text:
                longest = length
        result.append(multiplier * base ** (longest - allowed_length) if longest >= allowed_length else 0)
    return result


@given(
    st.text(st.sampled_from("ab"), max_size=12) | st.text(st.sampled_from(LETTERS), max_size=20),
    st.sampled_from(["", "c", "a", "de"]),
    st.sampled_from([(0.8, 1.75, 2), (1.5, 1.0, 1), (0.1, 3.0, 4)]),
)
def test_dry_by_a_search_in_the_text(text, breakers, settings):
    multiplier, base, allowed_length = settings
    result = dry_penalties(ids(text), mask(breakers), multiplier=multiplier, base=base, allowed_length=allowed_length)
    np.testing.assert_allclose(result, naive_dry(text, breakers, *settings), rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "breakers", "expected"),
    [
        # "abc" is repeated, and "d" would make that "abcd": 0.8 * 1.75 ** (3 - 2).
        ("abcdeabc", "", {"d": 1.4}),
        # "b" ends the repeat: only "c" is left of it, which is shorter than the allowed length.
        ("abcdeabc", "b", {}),
        ("abcdeabc", "a", {"d": 0.8}),  # "bc" is left
        ("abcdeabc", "d", {}),  # the token that would be penalised is a breaker
        ("abcdeabc", "c", {}),  # the text ends with a breaker
        # After "ab", both "c" and "d" have come; before "d" it was "cab".
        ("abcabdcab", "", {"c": 0.8, "d": 1.4}),
        # The end may overlap with its earlier occurrence.
        ("aaaa", "", {"a": 1.4}),
        ("ab", "", {}),
        ("", "", {}),
    ],
)
def test_dry_by_hand(text, breakers, expected):
    result = dry_penalties(ids(text), mask(breakers), multiplier=0.8, base=1.75, allowed_length=2)
    np.testing.assert_allclose(result, [expected.get(letter, 0) for letter in LETTERS])


@pytest.mark.parametrize(("multiplier", "base"), [(1e308, 1e308), (0.8, 1e308), (1e-320, 1e308), (1e308, 1.0)])
def test_dry_penalties_are_bounded(multiplier, base):
    history = ids("a" * 40)
    result = dry_penalties(history, mask(""), multiplier=multiplier, base=base, allowed_length=1)
    assert result.tolist() == [MAX_DRY_PENALTY, 0, 0, 0, 0]
    config = SamplingConfig(dry_multiplier=multiplier, dry_base=base, dry_allowed_length=1)
    context = Context(history, None, history=history)
    assert np.isfinite(log_softmax(apply_chain(build_chain(config, VOCABULARY), np.zeros(5), context))).all()


def test_only_the_window_counts():
    """DRY sees the window as if the text began there."""
    text = "abcdeabcd"
    whole = dry_penalties(ids(text), mask(""), multiplier=1, base=2, allowed_length=2)
    assert whole.tolist() == [0, 0, 0, 0, 4]  # "abcd" is repeated
    cut = dry_penalties(ids(text[2:]), mask(""), multiplier=1, base=2, allowed_length=2)
    assert cut.tolist() == [0, 0, 0, 0, 1]  # of "abcd", the window "cdeabcd" has "cd"


# --- in a request


def test_a_token_with_a_breaker_in_it_ends_a_repeat(table_decoder):
    pieces = [b"a", b"b", b"c", b"x:y", "é".encode(), b""]
    config = SamplingConfig(dry_multiplier=1, dry_breaker=(":", "é"))
    request = prepare_request(table_decoder(6), config, prompt=[5, 0], token_bytes=pieces, boundary=5)
    assert request.breakers.tolist() == [False, False, False, True, True, True]
    off = prepare_request(table_decoder(6), SamplingConfig(), prompt=[5, 0], token_bytes=pieces, boundary=5)
    assert off.breakers is None


@pytest.mark.parametrize(
    "penalty", [{"frequency_penalty": 2}, {"presence_penalty": 8}, {"dry_multiplier": 8, "dry_breaker": ()}]
)
def test_penalties_apply_within_the_window_only(table_decoder, penalty):
    """A greedy text in a loop leaves it under a penalty, unless the window is too short to see the loop."""
    decoder = table_decoder(12)
    ask = {"prompt": [3, 0], "token_bytes": [bytes([97 + token]) for token in range(12)]}

    def text(**settings):
        return next(generate(decoder, SamplingConfig(length=60, temperature=0, **settings), **ask)).text

    assert text(**penalty) != text()
    assert len({text(**penalty)[-20:], text()[-20:]}) == 2
    if "dry_multiplier" in penalty:
        assert text(repetition_window=2, **penalty) == text()


def test_penalties_leave_the_end_of_the_text_alone(table_decoder):
    """The boundary before the prompt is not a recent token, so the end of a text is as likely as without penalties."""
    decoder = table_decoder(6)
    decoder.table[:] = 0
    config = SamplingConfig(
        length=1, frequency_penalty=50, presence_penalty=50, dry_multiplier=50, dry_allowed_length=1
    )
    pieces = [bytes([97 + token]) for token in range(5)] + [b""]
    ask = {"prompt": [5, 0, 1, 2, 3, 4, 5, 0], "token_bytes": pieces, "boundary": 5}
    assert all(sample.finish_reason == "end" for sample in generate(decoder, config, count=20, **ask))
