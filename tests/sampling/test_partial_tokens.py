"""A first token whose beginning the prompt holds already, against the model's distribution and by enumeration."""

import itertools
import math

import numpy as np
import pytest
from scipy.special import log_softmax
from scipy.stats import chisquare

from seqloom.errors import ConfigError
from seqloom.sampling import SamplingConfig, generate, stream
from seqloom.sampling.request import prepare_request
from seqloom.sampling.sequential_monte_carlo import SmcSteering

SPELLED = [b" a", b" b", b"a", b" ", b"b", b"", b"."]
BEGINNING = [0, 1, 3]
REQUEST = {"prompt": [5, 2], "token_bytes": SPELLED, "boundary": 5, "first_token_prefix": b" "}


def conditional(decoder):
    """Log-probabilities of the first token, given that it begins with a space."""
    logits = decoder.table[5, 2].astype(float)
    return dict(zip(BEGINNING, log_softmax(logits[BEGINNING]), strict=True))


def spelled(tokens):
    return b"".join(SPELLED[token] for token in tokens).decode()


def test_the_first_token_is_drawn_as_if_the_model_knew_how_it_begins(table_decoder):
    decoder = table_decoder(7)
    expected = conditional(decoder)
    samples = list(generate(decoder, SamplingConfig(length=1), count=3000, **REQUEST))
    counts = [sum(sample.tokens == (token,) for sample in samples) for token in BEGINNING]
    assert sum(counts) == 3000
    # One false alarm in ten thousand seeds; the seed is fixed.
    assert chisquare(counts, 3000 * np.exp([expected[token] for token in BEGINNING])).pvalue > 1e-4
    for sample in samples[:20]:
        assert sample.log_prob == pytest.approx(expected[sample.tokens[0]], abs=1e-6)


@pytest.mark.parametrize("settings", [{}, {"temperature": math.inf}, {"temperature": 0}, {"repetition_penalty": 1.5}])
def test_what_the_prompt_holds_is_not_written_again(table_decoder, settings):
    decoder, config = table_decoder(7), SamplingConfig(length=6, **settings)
    for index, sample in enumerate(generate(decoder, config, count=20, **REQUEST)):
        assert sample.tokens[0] in BEGINNING
        assert " " + sample.text == spelled(sample.tokens)
        assert "".join(stream(decoder, config, index=index, **REQUEST)) == sample.text


@pytest.mark.parametrize("settings", [{}, {"min_length": 2}, {"stop": ("b",)}])
def test_steered_texts_and_their_ratings_omit_what_the_prompt_holds(table_decoder, settings):
    request = prepare_request(table_decoder(7), SamplingConfig(length=6, **settings), **REQUEST)
    steering = SmcSteering(
        rater=lambda texts: np.array([float(len(text)) for text in texts]), target=4, spread=2, particles=4, interval=2
    )
    for steered in steering.generate(request, 0, 10):
        sample = steered.sample
        written = spelled(sample.tokens)
        assert written[0] == " "
        assert sample.text == (written[1:].partition("b")[0] if sample.finish_reason == "stop" else written[1:])
        if not settings:
            assert steered.rating == len(sample.text)


def test_patterns_bans_and_stops_see_what_is_written(table_decoder):
    decoder = table_decoder(7)
    for sample in generate(decoder, SamplingConfig(length=6, pattern=r"[ab]( [ab])*\."), count=20, **REQUEST):
        assert sample.text[0] in "ab"
        assert sample.finish_reason == ("end" if sample.text.endswith(".") else "unmatched")
    for sample in generate(decoder, SamplingConfig(length=6, ban=("a",)), count=20, **REQUEST):
        assert sample.tokens[0] in (1, 3)
        assert "a" not in sample.text
    stopped = list(generate(decoder, SamplingConfig(length=6, stop=("b",), temperature=9), count=50, **REQUEST))
    assert all("b" not in sample.text for sample in stopped)
    assert any(sample.tokens == (1,) and sample.text == "" for sample in stopped)
    (none,) = generate(decoder, SamplingConfig(pattern="ax|x"), **REQUEST)
    assert (none.text, none.finish_reason) in {("", "unmatched"), ("a", "unmatched")}
    with pytest.raises(ConfigError, match="begins with 'x', which this run never writes"):
        next(generate(decoder, SamplingConfig(pattern="x"), **REQUEST))


def test_a_beam_search_finds_the_likeliest(table_decoder):
    decoder = table_decoder(7)
    first = conditional(decoder)
    scores = {}
    for tokens in itertools.product(range(7), repeat=2):
        if tokens[0] in BEGINNING:
            following = log_softmax(decoder.table[2, tokens[0]].astype(float))
            scores[tokens] = first[tokens[0]] + following[tokens[1]]
    best = max(scores, key=scores.get)
    (result, *_) = generate(decoder, SamplingConfig(length=2, beam=50), **REQUEST)
    assert result.log_prob == pytest.approx(scores[best], abs=1e-6)
    assert " " + result.text == spelled(best)
