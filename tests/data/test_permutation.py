import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from seqloom.data.permutation import Permutation


@pytest.mark.parametrize("size", [1, 2, 3, 7, 128, 1000, 200_281])
def test_every_number_has_a_place_of_its_own(size: int) -> None:
    places = Permutation(size, seed=5)(np.arange(size))
    assert np.array_equal(np.sort(places), np.arange(size))


def test_a_part_has_the_places_that_it_has_in_the_whole() -> None:
    permutation = Permutation(1000, seed=5)
    assert np.array_equal(permutation(np.arange(300, 400)), permutation(np.arange(1000))[300:400])


def test_seed_and_stream_give_other_orders() -> None:
    numbers = np.arange(100)
    orders = {tuple(Permutation(100, seed, stream)(numbers)) for seed in range(4) for stream in range(4)}
    assert len(orders) == 16


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_all_orders_of_a_few_numbers_are_equally_likely(size: int) -> None:
    num_orders = math.factorial(size)
    counts = Counter(tuple(Permutation(size, seed)(np.arange(size))) for seed in range(50 * num_orders))
    assert len(counts) == num_orders
    assert stats.chisquare(list(counts.values())).pvalue > 1e-3


def test_a_batch_comes_from_all_parts_of_the_text() -> None:
    """The affine order of earlier versions put whole batches into one 1/128th of the text."""
    size, num_parts, draws = 200_281, 128, np.arange(128)
    parts = [
        len(np.unique(Permutation(size, seed, epoch)(draws) * num_parts // size))
        for seed in range(40)
        for epoch in range(59)
    ]
    # Occupancy of `num_parts` cells by as many independent draws: mean and variance (Feller 1968, section IV.2).
    empty, both_empty = (1 - 1 / num_parts) ** len(draws), (1 - 2 / num_parts) ** len(draws)
    mean = num_parts * (1 - empty)
    deviation = math.sqrt(num_parts * empty * (1 - empty) + num_parts * (num_parts - 1) * (both_empty - empty**2))
    assert abs(np.mean(parts) - mean) < 4 * deviation / math.sqrt(len(parts))
    assert np.std(parts) == pytest.approx(deviation, rel=0.08)
    assert min(parts) > mean - 6 * deviation


def test_neighbours_end_far_apart() -> None:
    """Distances between the places of neighbouring numbers are those of independent numbers."""
    size = 100_000
    places = Permutation(size, seed=1)(np.arange(size))
    distances = np.abs(np.diff(places)) / size
    assert stats.kstest(distances, stats.triang(c=0).cdf).pvalue > 1e-3
