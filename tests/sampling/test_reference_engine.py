"""The plain loop against a tree of all texts that it may write, each with its exact probability."""

import itertools
import math
import re
from collections import Counter
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import chisquare

from seqloom.errors import SeqloomError
from seqloom.sampling import SamplingConfig, generate
from seqloom.sampling.reference_engine import generate_reference
from seqloom.sampling.request import prepare_request

SPELLED = [b"a", b"b", b"c", b"ab", b""]
BOUNDARY = 4
PROMPT = [4, 0]


def written(decoder, config, count=1, *, prompt=PROMPT, token_bytes=SPELLED, boundary=BOUNDARY, guard=None):
    return list(
        generate(
            decoder,
            config,
            prompt=prompt,
            token_bytes=token_bytes,
            boundary=boundary,
            count=count,
            guard=guard,
        )
    )


def may_follow(config, text, extended, boundary):
    """The definition, from the text before and after a token, over the finite languages of these tests."""
    if any(ban in extended for ban in config.ban):
        return False
    if config.pattern is None:
        return True
    if boundary:
        return re.fullmatch(config.pattern, text) is not None
    return any(re.fullmatch(config.pattern, extended + more) for more in TAILS)


TAILS = ["".join(signs) for size in range(5) for signs in itertools.product("abc", repeat=size)]


def finish_reason(config, text, reason):
    """The reason if the text matches the pattern, or if there is no pattern."""
    return reason if config.pattern is None or re.fullmatch(config.pattern, text) else "unmatched"


class Outcome(NamedTuple):
    """Probability of a text, and log-probabilities of its tokens: in the draw, and under the model."""

    probability: float
    sampling_log_prob: float
    log_prob: float


def tree(decoder, config, boundary):
    """Every `Outcome` by tokens and finish reason."""
    outcomes = {}

    def end(tokens, text, reason, outcome):
        key = tokens, finish_reason(config, text, reason)
        before = outcomes[key].probability if key in outcomes else 0.0  # texts that are cut at different lengths
        outcomes[key] = outcome._replace(probability=before + outcome.probability)

    def grow(path):
        tokens, text, outcome = path[-1]
        logits = decoder.table[(*PROMPT, *tokens)[-2], (*PROMPT, *tokens)[-1]].astype(float)
        if len(tokens) == config.length:
            long_enough = path[max(1, config.min_length) :]
            matching = [one for one in long_enough if config.pattern and re.fullmatch(config.pattern, one[1])]
            *cut, shorter = matching[-1] if matching else path[-1]
            end(*cut, "length", shorter._replace(probability=outcome.probability))
            return
        allowed = [
            (token == boundary and len(tokens) >= config.min_length and may_follow(config, text, text, True))
            or (token != boundary and may_follow(config, text, text + SPELLED[token].decode(), False))
            for token in range(5)
        ]
        if not any(allowed):
            end(tokens, text, "end" if config.pattern else "stop", outcome)
            return
        is_complete = config.pattern and len(tokens) >= max(1, config.min_length) and re.fullmatch(config.pattern, text)
        ends = boundary is None and is_complete
        free = replace(config, pattern=None)
        drawable = [may_follow(free, text, text + spelled.decode(), False) for spelled in SPELLED] if ends else allowed
        drawn = softmax(np.where(drawable, logits, -np.inf) / config.temperature)
        model = softmax(logits)
        if ends:
            mass = drawn[~np.array(allowed)].sum()
            end(tokens, text, "end", outcome._replace(probability=outcome.probability * mass))
        for token in np.flatnonzero(allowed).tolist():
            after = Outcome(
                outcome.probability * drawn[token],
                outcome.sampling_log_prob + math.log(drawn[token]),
                outcome.log_prob + math.log(model[token]),
            )
            if token == boundary:
                end(tokens, text, "end", after)
            else:
                grow([*path, ((*tokens, token), text + SPELLED[token].decode(), after)])

    grow([((), "", Outcome(1.0, 0.0, 0.0))])
    assert math.isclose(sum(outcome.probability for outcome in outcomes.values()), 1.0)
    return outcomes


@pytest.mark.parametrize(
    ("settings", "boundary"),
    [
        ({"length": 2}, BOUNDARY),
        ({"length": 2, "min_length": 2, "temperature": 0.7}, BOUNDARY),
        ({"length": 3, "ban": ("ba", "abb", "c")}, BOUNDARY),
        ({"length": 3, "ban": ("a", "bb")}, None),
        ({"length": 4, "pattern": "(ab?){2}c?"}, BOUNDARY),
        ({"length": 4, "pattern": "(ab?){2}c?"}, None),
        ({"length": 3, "pattern": "a[abc]{1,3}", "ban": ("bc",), "temperature": 1.5}, None),
        ({"length": 4, "pattern": "([ab]c?)+b|a", "min_length": 2, "ban": ("aa",)}, None),
        ({"length": 3, "pattern": "([ab]c?)+b|a"}, BOUNDARY),
    ],
)
def test_texts_come_as_often_as_they_should(table_decoder, settings, boundary):
    """Chi-square over 500 samples; odds of a false alarm one in a million, were the seeds not fixed."""
    decoder, config = table_decoder(5, seed=2, scale=1.0), SamplingConfig(seed=1, **settings)
    outcomes = tree(decoder, config, boundary)
    samples = written(decoder, config, 500, boundary=boundary)
    for sample in samples:
        outcome = outcomes[sample.tokens, sample.finish_reason]
        assert math.isclose(sample.sampling_log_prob, outcome.sampling_log_prob, abs_tol=1e-9)
        assert math.isclose(sample.log_prob, outcome.log_prob, abs_tol=1e-9)
        assert sample.text == b"".join(SPELLED[token] for token in sample.tokens).decode()
        matched = None if config.pattern is None else bool(re.fullmatch(config.pattern, sample.text))
        assert sample.matched is matched
    counts = Counter((sample.tokens, sample.finish_reason) for sample in samples)
    frequent = [outcome for outcome in outcomes if outcomes[outcome].probability * 500 >= 5]
    expected = [outcomes[outcome].probability * 500 for outcome in frequent]
    result = [counts[outcome] for outcome in frequent]
    expected, result = [*expected, 500 - sum(expected)], [*result, 500 - sum(result)]
    if expected[-1] < 1e-6:
        expected, result = expected[:-1], result[:-1]
    assert chisquare(result, np.array(expected) * (sum(result) / sum(expected))).pvalue > 1e-6


def test_greedy_takes_the_likeliest_and_the_lower_id_of_equals(table_decoder):
    decoder = table_decoder(5)
    decoder.table = np.round(decoder.table)
    (sample,) = written(decoder, SamplingConfig(length=8, temperature=0.0), boundary=None)
    history = [*PROMPT]
    for token in sample.tokens:
        assert token == int(np.argmax(decoder.table[history[-2], history[-1]]))
        history.append(token)
    assert sample.sampling_log_prob == 0
    assert sample.log_prob < 0
    assert written(decoder, SamplingConfig(length=8, temperature=0.0, seed=9), boundary=None)[0].tokens == sample.tokens


def test_a_stop_string_is_found_across_tokens_and_cut(table_decoder):
    decoder = table_decoder(5)
    free = written(decoder, SamplingConfig(length=30), 40, boundary=None)
    for plain, stopped in zip(
        free, written(decoder, SamplingConfig(length=30, stop=("bca", "cc")), 40, boundary=None), strict=True
    ):
        where = [plain.text.find(stop) + len(stop) for stop in ("bca", "cc") if stop in plain.text]
        if not where:
            assert stopped == plain
            continue
        assert stopped.finish_reason == "stop"
        assert stopped.tokens == plain.tokens[: len(stopped.tokens)]
        whole = b"".join(SPELLED[token] for token in stopped.tokens).decode()
        assert stopped.text == plain.text[: min(where)].removesuffix("bca").removesuffix("cc")
        assert len(stopped.text) < min(where) <= len(whole)
        assert stopped.log_prob > plain.log_prob


def test_the_least_length_holds(table_decoder):
    samples = written(table_decoder(5), SamplingConfig(length=9, min_length=4, stop=("a",)), 60)
    assert {sample.finish_reason for sample in samples} >= {"end", "stop"}
    for sample in samples:
        assert len(sample.tokens) >= 4
        least = b"".join(SPELLED[token] for token in sample.tokens[:4]).decode()
        assert sample.text.startswith(least)
        assert "a" not in sample.text[len(least) :]


def test_without_a_boundary_nothing_ends_early(table_decoder):
    samples = written(table_decoder(5), SamplingConfig(length=6), 20, boundary=None)
    assert {(sample.finish_reason, len(sample.tokens)) for sample in samples} == {("length", 6)}


def test_dead_ends_finish(table_decoder):
    decoder = table_decoder(3)
    ask = {"prompt": [0], "token_bytes": [b"a", b"b", b"c"], "boundary": None}
    (stuck,) = written(decoder, SamplingConfig(pattern="ax"), **ask)
    assert (stuck.text, stuck.finish_reason, stuck.matched) == ("a", "unmatched", False)
    (whole,) = written(decoder, SamplingConfig(pattern="abc"), **ask)
    assert (whole.text, whole.finish_reason, whole.matched) == ("abc", "end", True)
    assert whole.sampling_log_prob == 0
    (short,) = written(decoder, SamplingConfig(pattern="abc", length=2), **ask)
    assert (short.text, short.finish_reason, short.matched) == ("ab", "unmatched", False)
    (banned,) = written(decoder, SamplingConfig(ban=("a", "b", "c")), **ask)
    assert (banned.text, banned.finish_reason, banned.log_prob) == ("", "stop", 0)
    (guarded,) = written(decoder, SamplingConfig(max_copy=3), guard=lambda text, piece: len(text) < 3, **ask)
    assert (len(guarded.tokens), guarded.finish_reason) == (3, "stop")


def test_only_the_boundary_is_left(table_decoder):
    (sample,) = written(table_decoder(5), SamplingConfig(ban=("a", "b", "c")))
    assert (sample.tokens, sample.finish_reason, sample.sampling_log_prob) == ((), "end", 0)
    assert sample.log_prob < 0


def test_repetition_counts_a_window_of_prompt_and_text(table_decoder):
    decoder = table_decoder(5)
    decoder.table[:] = 0
    decoder.table[..., 4] = -50.0
    config = SamplingConfig(length=12, repetition_penalty=60.0, repetition_window=3, seed=3)
    for sample in written(decoder, config, 5, prompt=[0, 1, 2], boundary=None):
        history = [0, 1, 2, *sample.tokens]
        for end in range(3, len(history)):
            assert history[end] not in history[end - 3 : end]


def test_the_boundary_is_never_a_repetition(table_decoder):
    decoder = table_decoder(5)
    plain = written(decoder, SamplingConfig(length=1, seed=4), 50, prompt=[BOUNDARY])
    punished = written(decoder, SamplingConfig(length=1, seed=4, repetition_penalty=9.0), 50, prompt=[BOUNDARY])
    assert plain == punished


def test_the_model_is_asked_once_a_token(table_decoder):
    decoder = table_decoder(5)
    request = prepare_request(decoder, SamplingConfig(length=7), prompt=PROMPT, token_bytes=SPELLED)
    for index in range(3):
        for _ in generate_reference(request, index):
            pass
    assert decoder.steps == len(PROMPT) + 3 * 6


def test_a_diverged_model_is_said_to_be_one(table_decoder):
    decoder = table_decoder(5)
    decoder.table[:] = np.nan
    with pytest.raises(SeqloomError, match="diverged"):
        written(decoder, SamplingConfig(temperature=0.5, top_k=2))
