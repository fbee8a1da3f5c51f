"""Each filter against a loop over sorted tokens that follows the definition in its paper."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax as scipy_log_softmax
from scipy.special import softmax

from seqloom.errors import ConfigError, SeqloomError
from seqloom.sampling import SamplingConfig, reweight
from seqloom.sampling.chain import apply_chain, build_chain
from seqloom.sampling.penalties import repetition_penalty
from seqloom.sampling.transform import Context
from seqloom.sampling.transforms import (
    add_bias,
    log_softmax,
    mask_disallowed,
    min_p,
    temperature_scale,
    top_k,
    top_p,
    typical_p,
)

# Sixteenths tie often; minus infinity stands for tokens that an earlier filter removed.
numbers = st.integers(-80, 80).map(lambda n: n / 16)
rows = st.tuples(st.lists(numbers, min_size=1, max_size=12), st.lists(st.just(-math.inf), max_size=4)).flatmap(
    lambda parts: st.permutations([*parts[0], *parts[1]])
)
logit_rows = rows.map(lambda row: np.array(row, np.float64))
shares = st.floats(0.01, 1)


def kept(logits):
    return set(np.flatnonzero(np.isfinite(logits)).tolist())


def possible(logits):
    return [i for i, value in enumerate(logits) if value > -math.inf]


def smallest_set(order, probabilities, mass):
    """Take tokens in order until their mass reaches `mass`; always at least one."""
    taken, total = set(), 0.0
    for token in order:
        if taken and total >= mass - 1e-9:
            break
        taken.add(token)
        total += probabilities[token]
    return taken


@given(logit_rows, st.integers(1, 20))
def test_top_k(logits, k):
    order = sorted(possible(logits), key=lambda i: (-logits[i], i))
    assert kept(top_k(logits, k)) == set(order[:k])


@given(logit_rows, shares)
def test_top_p(logits, mass):
    order = sorted(possible(logits), key=lambda i: (-logits[i], i))
    assert kept(top_p(logits, mass)) == smallest_set(order, softmax(logits), mass)


@given(logit_rows, shares)
def test_min_p(logits, share):
    probabilities = softmax(logits)
    bar = share * max(probabilities)
    near = {i for i in possible(logits) if abs(probabilities[i] - bar) < 1e-8}
    expected = {i for i in possible(logits) if probabilities[i] >= bar}
    assert kept(min_p(logits, share)) - near == expected - near
    assert int(np.argmax(logits)) in kept(min_p(logits, share))


@given(logit_rows, shares)
def test_typical(logits, mass):
    probabilities = softmax(logits)
    entropy = -sum(p * math.log(p) for p in probabilities if p > 0)
    distance = {i: abs(-math.log(probabilities[i]) - entropy) for i in possible(logits)}
    result = kept(typical_p(logits, mass))
    total = sum(probabilities[i] for i in result)
    # Rounding may decide between tokens equally far from the entropy: what is checked is the definition.
    assert total >= mass - 1e-8 or result == set(possible(logits))
    farthest = max(distance[i] for i in result)
    assert all(distance[i] >= farthest - 1e-9 for i in distance if i not in result)
    edge = [i for i in result if distance[i] >= farthest - 1e-9]
    assert len(edge) == len(result) or total - sum(probabilities[i] for i in edge) < mass + 1e-8


def test_typical_leaves_out_the_likeliest_where_it_surprises_too_little():
    probabilities = np.array([0.4, 0.06, *[0.054] * 10])
    assert 0 not in kept(typical_p(np.log(probabilities), 0.5))


def test_the_token_that_crosses_is_in_the_nucleus():
    logits = np.log([0.5, 0.3, 0.15, 0.05])
    assert kept(top_p(logits, 0.5)) == {0}
    assert kept(top_p(logits, 0.51)) == {0, 1}
    assert kept(top_p(logits, 0.8)) == {0, 1}
    assert kept(top_p(logits, 0.801)) == {0, 1, 2}
    assert kept(top_p(np.log([0.7, 0.2, 0.1]), 0.9)) == {0, 1}  # .7 + .2 is a little below .9 in binary


def test_ties_keep_the_lower_ids():
    level = np.zeros(4)
    assert kept(top_k(level, 2)) == {0, 1}
    assert kept(top_p(level, 0.5)) == {0, 1}
    assert kept(typical_p(level, 0.5)) == {0, 1}
    assert kept(min_p(level, 1.0)) == {0, 1, 2, 3}
    assert kept(temperature_scale(np.array([0.0, 2.0, 2.0]), 0.0)) == {1}


@given(logit_rows, st.one_of(st.floats(1e-320, 1e-300), st.floats(0.01, 100), st.floats(1e300, math.inf)))
def test_temperature(logits, temperature):
    result = np.exp(log_softmax(temperature_scale(logits, temperature)))
    if temperature < 1e-200:
        expected = np.where(logits == logits.max(), 1.0, 0.0)
    elif temperature > 1e200:
        expected = np.where(np.isfinite(logits), 1.0, 0.0)
    else:
        expected = softmax(logits / temperature)
    np.testing.assert_allclose(result, expected / expected.sum(), rtol=1e-9, atol=1e-12)


@given(logit_rows, st.sets(st.integers(0, 15)), st.floats(0.1, 5), st.floats(-50, 50))
def test_repetition_raises_probabilities_to_a_power(logits, recent, penalty, offset):
    ids = np.array([token for token in recent if token < len(logits)], np.int64)
    powers = np.ones(len(logits))
    powers[ids] = penalty
    expected = softmax(logits) ** powers
    result = np.exp(log_softmax(repetition_penalty(logits + offset, np.repeat(ids, 2), penalty)))
    np.testing.assert_allclose(result, expected / expected.sum(), rtol=1e-8, atol=1e-12)


def test_bias_and_bans():
    logits = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(add_bias(logits, np.array([0.0, -1.0, 0.5])), [1, 1, 3.5])
    np.testing.assert_array_equal(mask_disallowed(logits, np.array([True, False, True])), [1, -np.inf, 3])
    np.testing.assert_array_equal(mask_disallowed(logits, np.zeros(3, bool)), logits)
    assert mask_disallowed(logits, None) is logits


@given(logit_rows)
def test_log_softmax(logits):
    np.testing.assert_allclose(log_softmax(logits), scipy_log_softmax(logits), atol=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_diverged_model_is_said_to_be_one(bad):
    with pytest.raises(SeqloomError, match="diverged"):
        log_softmax(np.array([0.0, bad], np.float32))


NOTHING = Context(np.zeros(0, np.int64), None)


def test_the_chain_keeps_the_documented_order():
    config = SamplingConfig(
        bias={5: 2.0},
        repetition_penalty=1.7,
        temperature=0.8,
        top_k=6,
        typical_p=0.95,
        top_p=0.9,
        min_p=0.1,
    )
    random = np.random.default_rng(0)
    differing = 0
    for _ in range(200):
        logits = 2 * random.standard_normal(9)
        context = Context(np.array([1, 5]), random.random(9) < 0.8)
        expected = add_bias(logits, 2.0 * np.eye(9)[5])
        expected = mask_disallowed(expected, context.allowed)
        expected = repetition_penalty(expected, context.recent, 1.7)
        before_temperature = expected
        for step in (
            lambda x: temperature_scale(x, 0.8),
            lambda x: top_k(x, 6),
            lambda x: typical_p(x, 0.95),
            lambda x: top_p(x, 0.9),
            lambda x: min_p(x, 0.1),
        ):
            expected = step(expected)
        result = apply_chain(build_chain(config, 9), logits, context)
        np.testing.assert_allclose(log_softmax(result), log_softmax(expected))
        late = min_p(top_p(typical_p(top_k(before_temperature, 6), 0.95), 0.9), 0.1)
        differing += kept(late) != kept(result)
    assert differing > 10  # the order makes a difference on these logits, so the test can see it


@given(logit_rows, st.data())
def test_no_chain_removes_everything(logits, data):
    config = SamplingConfig(
        temperature=data.draw(st.sampled_from([0.0, 1e-320, 0.5, 1.0, 1e308, math.inf])),
        top_k=data.draw(st.integers(0, 3)),
        top_p=data.draw(st.floats(1e-12, 1)),
        min_p=data.draw(st.floats(0, 1)),
        typical_p=data.draw(st.floats(1e-12, 1)),
        repetition_penalty=data.draw(st.floats(0.01, 50)),
    )
    result = apply_chain(build_chain(config, len(logits)), logits, NOTHING)
    assert kept(result)
    assert kept(result) <= kept(logits)


def test_the_model_itself_is_left_alone():
    logits = np.array([1.0, 2.0])
    assert apply_chain(build_chain(SamplingConfig(), 2), logits, NOTHING) is logits


def test_a_bias_outside_the_vocabulary_is_refused():
    with pytest.raises(ConfigError, match=r"token 9: the vocabulary is 0\.\.4"):
        build_chain(SamplingConfig(bias={9: 1.0}), 5)


# reweight

weights = st.lists(st.floats(0, 1e6).map(lambda x: round(x, 3)), min_size=1, max_size=8).filter(any)


@given(weights, st.floats(0.05, 50))
def test_reweighting_is_a_power(probabilities, temperature):
    p = np.array(probabilities) / max(probabilities)
    expected = p ** (1 / temperature)
    np.testing.assert_allclose(reweight(probabilities, temperature), expected / expected.sum(), rtol=1e-9, atol=1e-300)


def test_reweighting_by_hand():
    np.testing.assert_allclose(reweight([0.5, 0.3, 0.2], 0.5), np.array([0.25, 0.09, 0.04]) / 0.38)
    np.testing.assert_array_equal(reweight([2, 2, 4]), [0.25, 0.25, 0.5])


@pytest.mark.parametrize("temperature", [0.0, 5e-324, 1e-310, 1e-9])
def test_near_zero_the_likeliest_share_all(temperature):
    np.testing.assert_array_equal(reweight([0.1, 0.45, 0.45, 0], temperature), [0, 0.5, 0.5, 0])


@pytest.mark.parametrize("temperature", [1e308, math.inf])
def test_at_infinity_the_support_shares_all(temperature):
    np.testing.assert_allclose(reweight([1e-300, 0.9, 0, 0.1], temperature), [1 / 3, 1 / 3, 0, 1 / 3])


@given(st.integers(1, 3), st.integers(1, 4), st.sampled_from([0.0, 0.3, 1.0, 4.0, math.inf]))
def test_rows_are_reweighted_one_by_one(num_rows, vocabulary, temperature):
    array = np.random.default_rng(num_rows).random((2, num_rows, vocabulary))
    result = reweight(array, temperature)
    assert result.shape == array.shape
    for place in np.ndindex(2, num_rows):
        np.testing.assert_allclose(result[place], reweight(array[place].tolist(), temperature))


def test_extreme_sizes_neither_overflow_nor_vanish():
    np.testing.assert_allclose(reweight([1e308, 1e308, 1e308]), [1 / 3] * 3)
    np.testing.assert_allclose(reweight([5e-324, 5e-324], 0.1), [0.5, 0.5])


@pytest.mark.parametrize(
    "bad",
    [
        [],
        [[]],
        [0, 0],
        [[1, 0], [0, 0]],
        [-0.1, 1],
        [math.nan, 1],
        [math.inf, 1],
        np.array(0.5),
        ["a"],
        [[1], [1, 2]],
    ],
)
def test_what_is_no_distribution_is_refused(bad):
    with pytest.raises(ConfigError):
        reweight(bad)


@pytest.mark.parametrize("temperature", [-1.0, math.nan, -math.inf])
def test_reweighting_refuses_temperatures(temperature):
    with pytest.raises(ConfigError, match="temperature"):
        reweight([0.5, 0.5], temperature)


@pytest.mark.parametrize("penalty", [1e308, 1e300])
def test_a_huge_repetition_penalty_leaves_logits_that_are_numbers(penalty):
    logits = np.array([1.0, 0.5, -math.inf, 2.0])
    penalized = repetition_penalty(logits, np.array([0, 2]), penalty)
    assert not np.isnan(penalized).any()
    assert np.isneginf(penalized).tolist() == [False, False, True, False]
    assert penalized[[1, 3]] == pytest.approx(scipy_log_softmax(logits)[[1, 3]])
    everything = repetition_penalty(logits, np.arange(4), penalty)
    assert np.isfinite(everything).tolist() == [True, True, False, True]
