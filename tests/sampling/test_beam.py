"""Beam search against all texts there are."""

import itertools
import re

import numpy as np
import pytest
from scipy.special import log_softmax

from seqloom.sampling import SamplingConfig, generate, stream

SPELLED = [b"a", b"b", b"c", b""]
BOUNDARY = 3
PROMPT = [3, 0]


def search(decoder, config, boundary=BOUNDARY, count=100):
    return list(generate(decoder, config, prompt=PROMPT, token_bytes=SPELLED, boundary=boundary, count=count))


def everything(decoder, config, boundary):
    """All finished texts `(log_prob, tokens, text, reason)`, likeliest first, by following every token."""
    outcomes = []

    def grow(tokens, log_prob):
        text = b"".join(SPELLED[token] for token in tokens).decode()
        stops = [stop for stop in config.stop if text[config.min_length :].endswith(stop)]
        if stops:
            outcomes.append((log_prob, tokens, text[: -len(max(stops, key=len))], "stop"))
            return
        if len(tokens) == config.length:
            outcomes.append((log_prob, tokens, text, "length"))
            return
        nats = log_softmax(decoder.table[(*PROMPT, *tokens)[-2], (*PROMPT, *tokens)[-1]].astype(float))
        for token in range(4):
            if token == boundary:
                if len(tokens) >= config.min_length and (not config.pattern or re.fullmatch(config.pattern, text)):
                    outcomes.append((log_prob + nats[token], tokens, text, "end"))
                continue
            longer = text + SPELLED[token].decode()
            if any(ban in longer for ban in config.ban):
                continue
            if config.pattern and not any(
                re.fullmatch(config.pattern, longer + "".join(tail))
                for size in range(5)
                for tail in itertools.product("abc", repeat=size)
            ):
                continue
            grow((*tokens, token), log_prob + nats[token])

    grow((), 0.0)
    return sorted(outcomes, key=lambda outcome: (-outcome[0], outcome[1]))


@pytest.mark.parametrize(
    ("settings", "boundary"),
    [
        ({}, BOUNDARY),
        ({}, None),
        ({"min_length": 2}, BOUNDARY),
        ({"ban": ("ab", "cc")}, BOUNDARY),
        ({"stop": ("ba", "c")}, BOUNDARY),
        ({"stop": ("bb",), "min_length": 1}, None),
        ({"pattern": "[ab]{2,3}c?"}, BOUNDARY),
    ],
)
def test_a_wide_beam_finds_the_likeliest_of_all(table_decoder, settings, boundary):
    decoder = table_decoder(4, seed=5)
    config = SamplingConfig(length=4, beam=400, **settings)
    result = search(decoder, config, boundary, count=25)
    expected = everything(decoder, config, boundary)[:25]
    if config.pattern:
        expected = [outcome for outcome in expected if re.fullmatch(config.pattern, outcome[2])]
        result = [sample for sample in result if sample.matched]
    assert len(expected) > 3
    for sample, (log_prob, tokens, text, reason) in zip(result, expected, strict=False):
        assert (sample.tokens, sample.text, sample.finish_reason) == (tokens, text, reason)
        assert sample.log_prob == pytest.approx(log_prob, abs=1e-9)
        assert sample.sampling_log_prob == 0
    assert [sample.index for sample in result] == list(range(len(result)))


def test_a_beam_sees_past_a_tempting_first_token(table_decoder):
    decoder = table_decoder(4)
    first, flat, sure = (
        np.array([0.55, 0.45, 1e-9, 1e-9]),
        np.full(4, 0.25),
        np.array([1e-9, 1e-9, 1.0, 1e-9]),
    )
    decoder.table[:] = np.log(flat)
    decoder.table[3, 0] = np.log(first)
    decoder.table[:, 1] = np.log(sure)
    (greedy,) = search(decoder, SamplingConfig(length=2, temperature=0.0), None, 1)
    best = search(decoder, SamplingConfig(length=2, beam=2), None)[0]
    assert (greedy.text[0], best.text) == ("a", "bc")
    assert best.log_prob > greedy.log_prob


def test_a_likelier_beginning_is_followed_after_enough_texts_are_finished(table_decoder):
    decoder = table_decoder(4)
    decoder.table[3, 0] = np.log([0.5, 0.15, 0.05, 0.3])
    decoder.table[0, 0] = np.log([0.01, 0.01, 0.96, 0.02])  # after "a", nearly always "c"
    decoder.table[0, 1] = np.log([0.04, 0.03, 0.03, 0.9])
    decoder.table[0, 2] = np.log([0.04, 0.03, 0.03, 0.9])  # after "ac", nearly always the end
    result = search(decoder, SamplingConfig(length=6, beam=2))
    assert [sample.text for sample in result] == ["ac", ""]


@pytest.mark.parametrize("width", [2, 3, 7])
def test_results_are_ordered_distinct_and_never_more_than_the_width(table_decoder, width):
    decoder = table_decoder(4, seed=8)
    result = search(decoder, SamplingConfig(length=6, beam=width))
    assert len(result) == width
    assert len({sample.tokens for sample in result}) == width
    assert [s.log_prob for s in result] == sorted((s.log_prob for s in result), reverse=True)
    again = search(decoder, SamplingConfig(length=6, beam=width, seed=99), count=1)
    assert again[0].tokens == result[0].tokens


def test_texts_without_an_end_are_cut_after_their_longest_match(table_decoder):
    decoder = table_decoder(4, seed=5)
    config = SamplingConfig(length=3, beam=300, pattern="[abc]b?a|a")
    result = search(decoder, config, None)
    assert len({sample.tokens for sample in result}) == len(result)
    for sample in result:
        prefixes = [sample.text[:end] for end in range(1, len(sample.text) + 1)]
        assert sample.matched == any(re.fullmatch(config.pattern, prefix) for prefix in prefixes)
        assert sample.text == b"".join(SPELLED[token] for token in sample.tokens).decode()
        history = [*PROMPT, *sample.tokens]
        rows = (decoder.table[pair].astype(float) for pair in itertools.pairwise(history[:-1]))
        nats = [log_softmax(row)[token] for row, token in zip(rows, sample.tokens, strict=True)]
        assert sample.log_prob == pytest.approx(sum(nats), abs=1e-9)
    assert {"aba", "aa", "ba"} <= {sample.text for sample in result}


def test_texts_that_miss_the_pattern_come_last(table_decoder):
    decoder = table_decoder(4, seed=1)
    result = search(decoder, SamplingConfig(length=2, beam=30, pattern="a|bb?|ccc"))
    verdicts = [sample.matched for sample in result]
    assert verdicts == sorted(verdicts, reverse=True)
    assert {sample.text for sample in result if sample.matched} == {"a", "b", "bb"}
    assert {sample.text for sample in result if not sample.matched} == {"cc"}


def test_a_beam_that_can_write_nothing_says_so(table_decoder):
    config = SamplingConfig(beam=3, ban=("a", "b"))
    (sample,) = generate(table_decoder(2), config, prompt=[0], token_bytes=[b"a", b"b"])
    assert (sample.text, sample.finish_reason) == ("", "stop")


def test_a_beam_streams_its_best(table_decoder):
    decoder, config = table_decoder(4), SamplingConfig(length=5, beam=3, min_length=2)
    pieces = stream(decoder, config, prompt=PROMPT, token_bytes=SPELLED, boundary=BOUNDARY)
    assert "".join(pieces) == search(decoder, config)[0].text
