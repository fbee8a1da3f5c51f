import itertools
import math
from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from seqloom.sampling.rng import inverse_cdf, uniforms


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8).filter(any), st.integers(0, 999))
def test_the_token_under_a_uniform(counts, thousandth):
    """Exact fractions say which token lies at a uniform; within rounding of a border both sides will do."""
    total, uniform = sum(counts), Fraction(2 * thousandth + 1, 2000)
    running, expected = Fraction(0), None
    for token, count in enumerate(counts):
        running += Fraction(count, total)
        if expected is None and uniform < running:
            expected = token
    borders = {Fraction(sum(counts[:i]), total) for i in range(len(counts))}
    if all(abs(uniform - border) > Fraction(1, 10**9) for border in borders):
        with np.errstate(divide="ignore"):
            assert inverse_cdf(np.log(np.array(counts) / total), float(uniform)) == expected


@given(
    st.lists(st.sampled_from([-math.inf, -745.0, -40.0, -1.0, 0.0]), min_size=1, max_size=6),
    st.integers(0, 2),
)
def test_an_impossible_token_is_never_drawn(logs, end):
    if max(logs) < -1:
        logs = [*logs, 0.0]
    uniform = (0.0, 0.5, math.nextafter(1, 0))[end]
    assert logs[inverse_cdf(np.array(logs), uniform)] > -math.inf


def test_draws_follow_the_distribution():
    """Chi-square over 20,000 draws; odds of a false alarm one in a million, were the seed not fixed."""
    probabilities = np.array([0.3, 0.2, 0.15, 0.15, 0.1, 0.06, 0.03, 0.01])
    logs = np.log(probabilities)
    stream = itertools.islice(uniforms(11, 0), 20_000)
    counts = np.bincount([inverse_cdf(logs, uniform) for uniform in stream], minlength=8)
    assert chisquare(counts, 20_000 * probabilities).pvalue > 1e-6


def test_first_draws_of_many_samples_follow_the_distribution():
    """Samples of one seed are independent of one another; odds of a false alarm one in a million."""
    first = [next(uniforms(5, index)) for index in range(4_000)]
    counts = np.histogram(first, bins=20, range=(0, 1))[0]
    assert chisquare(counts).pvalue > 1e-6
    # Lag-one correlation of 4,000 uniforms deviates by 0.016; five times that is one in 1.7 million.
    assert abs(np.corrcoef(first[:-1], first[1:])[0, 1]) < 0.08


def test_streams_are_keyed_by_seed_and_index():
    def begin(seed, index):
        return list(itertools.islice(uniforms(seed, index), 4))

    assert begin(3, 1) == begin(3, 1)
    assert len({tuple(begin(seed, index)) for seed in range(3) for index in range(3)}) == 9
    assert begin(2**64 - 1, 0) != begin(2**64 - 2, 0)


def test_the_stream_never_changes():
    """Golden numbers: another engine, or a later version, must draw the same."""
    assert list(itertools.islice(uniforms(7, 2), 3)) == GOLDEN


GOLDEN = [0.36654848046680033, 0.39989196903035706, 0.8479983815736046]
