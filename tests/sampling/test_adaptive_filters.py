"""Top-n-sigma, XTC, Mirostat and the dynamic temperature against their definitions, one by one."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from tests.sampling.conftest import with_effect

from seqloom.config.dependent_settings import SWITCHES
from seqloom.errors import ConfigError
from seqloom.sampling import SamplingConfig, generate
from seqloom.sampling.adaptive_filters import XTC_SALT, mirostat, top_n_sigma, xtc
from seqloom.sampling.chain import active_transforms, apply_chain, build_chain
from seqloom.sampling.transform import Context
from seqloom.sampling.transforms import dynamic_temperature, log_softmax

NOTHING = np.zeros(0, np.int64)

numbers = st.integers(-80, 80).map(lambda n: n / 16)
rows = st.tuples(st.lists(numbers, min_size=1, max_size=12), st.lists(st.just(-math.inf), max_size=4)).flatmap(
    lambda parts: st.permutations([*parts[0], *parts[1]])
)


def kept(logits):
    return set(np.flatnonzero(np.isfinite(logits)).tolist())


def possible(row):
    return [token for token, value in enumerate(row) if value > -math.inf]


# --- top-n-sigma


@given(rows, st.floats(0.01, 4), st.floats(-50, 50))
def test_top_n_sigma_by_the_definition(row, num_sigmas, offset):
    values = [row[token] for token in possible(row)]
    threshold = max(values) - num_sigmas * statistics.pstdev(values)
    near = {token for token in possible(row) if abs(row[token] - threshold) < 1e-6}
    result = kept(top_n_sigma(np.array(row) + offset, num_sigmas))
    assert result - near == {token for token in possible(row) if row[token] >= threshold} - near
    assert int(np.argmax(row)) in result


def test_top_n_sigma_by_hand():
    logits = np.array([0.0, 4.0, 6.0, 10.0])  # mean 5, variance (25 + 1 + 1 + 25) / 4 = 13, deviation 3.606
    assert kept(top_n_sigma(logits, 1.0)) == {3}
    assert kept(top_n_sigma(logits, 1.12)) == {2, 3}  # down to 5.96
    assert kept(top_n_sigma(logits, 1.67)) == {1, 2, 3}  # down to 3.98
    assert kept(top_n_sigma(np.array([1.0, 3.0]), 2.0)) == {0, 1}  # 3 - 2 * 1 is reached


@given(rows, st.floats(0.01, 4), st.sampled_from([0.1, 0.7, 3.0]))
def test_the_temperature_does_not_change_what_top_n_sigma_keeps(row, num_sigmas, temperature):
    logits = np.array(row)
    assert kept(top_n_sigma(logits / temperature, num_sigmas)) == kept(top_n_sigma(logits, num_sigmas))


# --- XTC


@given(rows, st.floats(0.001, 1), st.floats(-50, 50))
def test_xtc_by_the_definition(row, threshold, offset):
    probabilities = softmax(row)
    if any(abs(probability - threshold) < 1e-7 for probability in probabilities):
        return
    above = sorted((row[token], token) for token in possible(row) if probabilities[token] >= threshold)
    expected = set(possible(row)) - {token for _, token in above[1:]}
    assert kept(xtc(np.array(row) + offset, threshold)) == expected


def test_xtc_by_hand():
    logits = np.log([0.5, 0.3, 0.15, 0.05])
    assert kept(xtc(logits, 0.2)) == {1, 2, 3}
    assert kept(xtc(logits, 0.1)) == {2, 3}
    assert kept(xtc(logits, 0.01)) == {3}
    assert kept(xtc(logits, 0.4)) == {0, 1, 2, 3}  # one token alone is never excluded
    assert kept(xtc(logits, 0.6)) == {0, 1, 2, 3}
    assert kept(xtc(np.zeros(4), 0.25)) == {0}  # of a tie, the lowest id remains


def test_xtc_acts_with_its_probability_and_on_the_same_tokens_always():
    """Of 2,000 tokens 30 %, give or take five standard deviations: odds of a false alarm, without a seed, 1e-6."""
    (_, transform) = build_chain(SamplingConfig(xtc_probability=0.3, seed=5), 4)
    logits = np.log([0.5, 0.3, 0.15, 0.05])

    def acts(seed, index, position):
        return len(kept(transform(logits, Context(NOTHING, None, seed, index, position)))) < 4

    acted = [acts(5, 7, position) for position in range(2_000)]
    assert abs(sum(acted) - 600) < 5 * math.sqrt(2_000 * 0.3 * 0.7)
    assert acted == [acts(5, 7, position) for position in range(2_000)]
    assert acted != [acts(5, 8, position) for position in range(2_000)]
    assert acted[3] == (Context(NOTHING, None, 5, 7, 3).generator(XTC_SALT).random() < 0.3)


# --- Mirostat


@given(rows, st.floats(-3, 12), st.floats(-50, 50))
def test_mirostat_by_the_definition(row, max_surprise, offset):
    surprise = {token: -math.log2(softmax(row)[token]) for token in possible(row)}
    if any(abs(bits - max_surprise) < 1e-7 for bits in surprise.values()):
        return
    expected = {token for token, bits in surprise.items() if bits <= max_surprise} or {int(np.argmax(row))}
    assert kept(mirostat(np.array(row) + offset, max_surprise)) == expected


def test_mirostat_by_hand():
    logits = np.log([0.5, 0.25, 0.125, 0.125])  # 1, 2, 3 and 3 bits
    assert [len(kept(mirostat(logits, bits))) for bits in (-5, 0.9, 1, 1.9, 2, 2.9, 3, 99)] == [1, 1, 1, 1, 2, 2, 4, 4]
    assert kept(mirostat(np.zeros(3), 1)) == {0}


def test_the_limit_of_mirostat_follows_the_surprise():
    """The published loop, with a limit that is carried from token to token, against the function of the total."""
    target, rate = 1.5, 0.2
    (_, transform) = build_chain(SamplingConfig(mirostat_tau=target, mirostat_eta=rate), 6)
    random = np.random.default_rng(3)
    limit, total, differing = 2 * target, 0.0, 0
    for position in range(300):
        logits = 2 * random.standard_normal(6)
        expected = mirostat(logits, limit)
        context = Context(NOTHING, None, num_tokens=position, surprise=total)
        np.testing.assert_array_equal(transform(logits, context), expected)
        differing += kept(expected) != kept(mirostat(logits, 2 * target))
        probabilities = softmax(expected)
        bits = -math.log2(probabilities[random.choice(6, p=probabilities)])
        limit -= rate * (bits - target)
        total += bits
    assert differing > 50


@pytest.mark.parametrize("target", [0.5, 1.5, 2.5])
def test_mirostat_keeps_the_mean_surprise(table_decoder, target):
    config = SamplingConfig(length=600, mirostat_tau=target, mirostat_eta=0.3)
    ask = {"prompt": [3, 0], "token_bytes": [bytes([97 + token]) for token in range(23)]}
    (sample,) = generate(table_decoder(23), config, **ask)
    assert -sample.sampling_log_prob / math.log(2) / 600 == pytest.approx(target, abs=0.1)
    (free,) = generate(table_decoder(23), SamplingConfig(length=600), **ask)
    assert -free.sampling_log_prob / math.log(2) / 600 > 3


# --- dynamic temperature


@given(rows, st.floats(0.2, 3), st.floats(0.01, 4), st.floats(0.1, 4), st.floats(-50, 50))
def test_the_dynamic_temperature_by_the_definition(row, temperature, deviation, exponent, offset):
    values = [row[token] for token in possible(row)]
    probabilities = softmax(values)
    entropy = -sum(probability * math.log(probability) for probability in probabilities)
    share = entropy / math.log(len(values)) if len(values) > 1 else 0
    low, high = max(temperature - deviation, 0), temperature + deviation
    expected = np.zeros(len(row))
    expected[possible(row)] = softmax(np.array(values) / max(low + (high - low) * share**exponent, 1e-9))
    result = np.exp(log_softmax(dynamic_temperature(np.array(row) + offset, temperature, deviation, exponent)))
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_the_dynamic_temperature_by_hand():
    # Of four tokens, two share everything: half of the largest entropy. The temperature is 0.5 + 1 * 0.5 ** 2 = 0.75.
    logits = np.array([0.0, 0.0, -1e9, -1e9])
    np.testing.assert_allclose(dynamic_temperature(logits, 1.0, 0.5, 2.0), logits / 0.75)
    np.testing.assert_allclose(dynamic_temperature(np.full(3, 7.0), 1.0, 0.5, 1.0), 0)  # flat: any temperature
    sharp = np.log([0.97, 0.01, 0.01, 0.01])
    assert softmax(dynamic_temperature(sharp, 1.0, 0.9, 1.0))[0] > 0.999
    flat = np.log([0.4, 0.2, 0.2, 0.2])
    assert softmax(dynamic_temperature(flat, 1.0, 0.9, 1.0))[0] < 0.34


@pytest.mark.parametrize("temperature", [0, math.inf])
def test_greedy_and_uniform_draws_have_no_dynamic_temperature(temperature):
    logits = np.array([0.0, 3.0, 3.0, -math.inf])
    chains = [
        build_chain(SamplingConfig(temperature=temperature, dynatemp_range=spread), 4) for spread in (0.0, 1.0, 100.0)
    ]
    results = [apply_chain(chain, logits, Context(NOTHING, None)) for chain in chains]
    np.testing.assert_array_equal(results[1], results[0])
    np.testing.assert_array_equal(results[2], results[0])


# --- all of them

EXTREME = {
    "top_n_sigma": st.sampled_from([5e-324, 1e-30, 0.5, 1e30, 1.7e308]),
    "xtc_probability": st.sampled_from([5e-324, 0.5, 1.0]),
    "xtc_threshold": st.sampled_from([5e-324, 1e-9, 0.1, 0.5, 1.0]),
    "mirostat_tau": st.sampled_from([5e-324, 1e-9, 3.0, 100.0]),
    "mirostat_eta": st.sampled_from([0.0, 5e-324, 0.1, 10.0]),
    "dynatemp_range": st.sampled_from([5e-324, 0.5, 1.0, 100.0]),
    "dynatemp_exponent": st.sampled_from([0.0, 5e-324, 1.0, 10.0]),
    "temperature": st.sampled_from([0.0, 1e-320, 1.0, 1.7e308, math.inf]),
    "frequency_penalty": st.sampled_from([-100.0, -5e-324, 5e-324, 100.0]),
    "presence_penalty": st.sampled_from([-100.0, -5e-324, 5e-324, 100.0]),
    "dry_multiplier": st.sampled_from([5e-324, 1.0, 1.7e308]),
    "dry_base": st.sampled_from([1.0, 2.0, 1.7e308]),
    "dry_allowed_length": st.sampled_from([1, 2, 10**30]),
    "repetition_penalty": st.sampled_from([1e-300, 1.2, 1e300]),
}


@given(
    rows,
    st.fixed_dictionaries({}, optional=EXTREME),
    st.lists(st.integers(0, 0) | st.integers(0, 11), max_size=15),
    st.sampled_from([0.0, 1.0, 1e6]),
)
def test_extreme_values_remove_no_possible_token_but_a_part_of_them(row, options, recent, surprise):
    history = np.array([token for token in recent if token < len(row)], np.int64)
    context = Context(history, None, 1, 2, 3, history, None, surprise)
    result = apply_chain(build_chain(SamplingConfig(**with_effect(options)), len(row)), np.array(row), context)
    assert not np.isnan(result).any()
    assert kept(result)
    assert kept(result) <= set(possible(row))
    assert np.isfinite(np.exp(log_softmax(result)).sum())


@given(rows, st.lists(st.integers(0, 11), max_size=15), st.floats(-30, 30))
def test_a_constant_added_to_all_logits_changes_nothing(row, recent, offset):
    config = SamplingConfig(
        frequency_penalty=0.3,
        presence_penalty=-0.2,
        dry_multiplier=0.8,
        top_n_sigma=2,
        dynatemp_range=0.5,
        xtc_probability=1,
        xtc_threshold=0.2,
        mirostat_tau=2,
    )
    history = np.array([token for token in recent if token < len(row)], np.int64)
    chain = build_chain(config, len(row))
    context = Context(history, None, 1, 2, 3, history, None, 8.0)
    results = [np.exp(log_softmax(apply_chain(chain, np.array(row) + shift, context))) for shift in (0, round(offset))]
    np.testing.assert_allclose(results[1], results[0], atol=1e-9)


@pytest.mark.parametrize(
    "settings",
    [
        {"dry_base": 3.0},
        {"dry_allowed_length": 1},
        {"dry_breaker": ()},
        {"xtc_threshold": 0.01},
        {"mirostat_eta": 0.5},
        {"dynatemp_exponent": 2.0},
    ],
)
def test_a_setting_of_a_method_that_is_off_is_refused(settings):
    (name,) = settings
    with pytest.raises(ConfigError, match=f"`{name}` has no effect without `{SWITCHES[name]}`"):
        SamplingConfig(**settings)
    SamplingConfig(**settings, **{SWITCHES[name]: 0.5})


def test_a_window_without_a_penalty_changes_nothing():
    assert active_transforms(SamplingConfig(repetition_window=3)) == ("bans",)
