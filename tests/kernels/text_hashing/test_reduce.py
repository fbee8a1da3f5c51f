"""What texts add up to is the same with the compiled kernels and without them."""

import numpy as np
import pytest

from seqloom.kernels.text_hashing import reduce

RANDOM = np.random.default_rng(4)
COUNTS = np.array([3, 0, 40, 1, 2, 0, 300, 0])
PLACES = RANDOM.integers(50, size=COUNTS.sum()).astype(np.int32)


@pytest.fixture(params=["compiled", "plain"])
def way(request, monkeypatch):
    if request.param == "plain":
        monkeypatch.setenv("SEQLOOM_KERNELS", "off")


def of_each(values):
    return np.split(values, np.cumsum(COUNTS)[:-1])


@pytest.mark.usefixtures("way")
def test_values_are_summed_by_text():
    values = RANDOM.standard_normal(50).astype(np.float32)
    expected = [values[places].sum() for places in of_each(PLACES)]
    np.testing.assert_allclose(reduce.sum_values(values, PLACES, COUNTS), expected, atol=1e-5)


@pytest.mark.usefixtures("way")
def test_the_values_of_both_levels_are_summed_by_text():
    levels = RANDOM.integers(256, size=(50, 2)).astype(np.uint8)
    values = RANDOM.standard_normal((256, 3)).astype(np.float32)
    levels[::3] = 0
    sides = RANDOM.integers(-1, 2, size=len(COUNTS)).astype(np.int8)
    expected = []
    for places, own in zip(of_each(PLACES), sides, strict=True):
        both = [np.maximum(levels[places, side].astype(int) - (side == own), 0) for side in (0, 1)]
        expected.append([values[one].sum(axis=0) for one in both])
    found = reduce.sum_levels(levels, values, PLACES, COUNTS, sides)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-4)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("width", [1, 8, 50])
def test_cosines_are_those_of_each_word_with_what_follows(width):
    vectors = RANDOM.standard_normal((50, width)).astype(np.float32)
    reaches = ((1, 2), (3, 6), (26, 60))
    found = reduce.mean_cosines(vectors, PLACES, COUNTS, reaches)
    assert found.shape == (len(COUNTS), 4)
    for places, answers in zip(of_each(PLACES), found, strict=True):
        own = vectors[places[places > 0]].astype(np.float64)
        for (least, most), answer in zip(reaches, answers, strict=False):
            pairs = [(one, own[at + least : at + most + 1].sum(axis=0)) for at, one in enumerate(own[: -least or None])]
            cosine = [one @ other / np.linalg.norm(one) / np.linalg.norm(other) for one, other in pairs]
            assert answer == pytest.approx(np.mean(cosine) if cosine else 0, abs=1e-4)
        straight = np.linalg.norm(own.sum(axis=0)) / max(np.linalg.norm(own, axis=1).sum(), 1e-9)
        assert answers[-1] == pytest.approx(straight, abs=1e-4)


@pytest.mark.usefixtures("way")
def test_no_texts_add_up_to_nothing():
    none, counts = np.zeros(0, np.int32), np.zeros(0, np.int64)
    vectors = np.zeros((3, 8), np.float32)
    assert reduce.sum_values(np.zeros(4, np.float32), none, counts).shape == (0,)
    levels, values, sides = np.zeros((4, 2), np.uint8), np.zeros((256, 3), np.float32), np.zeros(0, np.int8)
    assert reduce.sum_levels(levels, values, none, counts, sides).shape[0] == 0
    assert reduce.mean_cosines(vectors, none, counts, ((1, 2),)).shape == (0, 2)


def test_sums_of_texts_without_values_are_zero():
    np.testing.assert_array_equal(reduce.sum_by_text(np.arange(1, 6), np.array([0, 2, 0, 3, 0])), [0, 3, 0, 12, 0])
    assert reduce.sum_by_text(np.zeros((0, 3)), np.array([0, 0])).shape == (2, 3)
