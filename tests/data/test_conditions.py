import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data.conditions import Category, Conditions, fit_conditions
from seqloom.data.scale import fit_scale
from seqloom.data.store import TokenStore
from seqloom.errors import ConfigError, SourceError

STARS = fit_scale("stars", np.array([1.0, 2, 3, 4, 5, 5, np.nan]))
CITY = Category(name="city", values=("Bonn", "Ulm"))
NUMBERS = st.lists(st.floats(-1e6, 1e6, width=32, allow_subnormal=False), min_size=2, max_size=60, unique=True).filter(
    lambda numbers: max(numbers) - min(numbers) > 1e-20
)


def store(**conditions) -> TokenStore:
    count = len(next(iter(conditions.values())))
    return TokenStore(
        records=np.zeros(2 * count, np.uint8),
        offsets=np.arange(count + 1) * 2,
        conditions={name: np.array(values, np.float64) for name, values in conditions.items()},
        categories={"city": ("Ulm", "Kiel", "Bonn")} if "city" in conditions else {},
        groups=None,
        num_units=count,
        skipped={},
    )


def test_few_numbers_have_a_knot_each():
    assert STARS.knots == (1, 2, 3, 4, 5)
    assert STARS.positions == (0, 0.25, 0.5, 0.75, 1)
    assert not STARS.heavy


def test_features_are_shares_of_the_nearest_knots_and_the_level():
    found = STARS.features(np.array([1.0, 3.25, 5.0, np.nan]))
    np.testing.assert_allclose(
        found,
        [[1, 0, 0, 0, 0, -1], [0, 0, 0.75, 0.25, 0, 0.125], [0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0]],
        atol=1e-6,
    )


def test_what_lies_beyond_the_knots_goes_on_in_a_straight_line():
    found = STARS.features(np.array([6.0, 0.0]))
    np.testing.assert_allclose(found, [[0, 0, 0, -1, 2, 1.5], [2, -1, 0, 0, 0, -1.5]], atol=1e-6)


def test_a_heavy_tail_is_scaled_by_rank():
    points = np.random.default_rng(0).pareto(1.0, 5000) * 10
    scale = fit_scale("points", points)
    assert scale.heavy
    shares = [np.mean(points <= value) for value in np.quantile(points, [0.2, 0.5, 0.85, 0.97])]
    np.testing.assert_allclose(scale.to_unit(np.quantile(points, [0.2, 0.5, 0.85, 0.97])), shares, atol=0.03)
    assert not fit_scale("bell", np.random.default_rng(0).normal(size=5000)).heavy


@given(NUMBERS)
def test_scaling_is_undone(numbers):
    scale = fit_scale("n", np.array(numbers))
    inside = np.linspace(scale.knots[0], scale.knots[-1], 7)
    span = scale.knots[-1] - scale.knots[0]
    np.testing.assert_allclose(scale.from_unit(scale.to_unit(inside)), inside, atol=1e-6 * span + 1e-9)
    features = scale.features(inside)
    np.testing.assert_allclose(features[:, :-1].sum(axis=1), 1, atol=1e-5)
    assert features.min() >= -1
    assert features.max() <= 1


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ([-1e308, 1e308, 1.0], "may be 1e.30 at most"),
        ([4.0, 4.0], "is 4 everywhere"),
        ([0.0, 2e-313], "is 0 everywhere"),
        ([np.nan], "holds no number"),
    ],
)
def test_a_rating_that_never_changes_is_refused(numbers, said):
    with pytest.raises(SourceError, match=said):
        fit_scale("stars", np.array(numbers))


def test_the_conditions_of_a_store_go_to_json_and_back():
    found = fit_conditions(store(stars=[1, 3, np.nan, 4.5], city=[0, 1, 2, np.nan]))
    assert found.names == ("stars", "city")
    assert found.width == 4 + 3
    assert Conditions.from_json(found.to_json()) == found


def test_names_of_another_store_are_found_by_name():
    conditions = Conditions((STARS, CITY))
    np.testing.assert_array_equal(
        conditions.values_of(store(city=[0, 1, 2, np.nan])),
        [[np.nan, 1], [np.nan, np.nan], [np.nan, 0], [np.nan, np.nan]],
    )
    features = conditions.features(conditions.values_of(store(city=[0, 1, 2, np.nan])))
    np.testing.assert_array_equal(features[:, -2:], [[0, 1], [0, 0], [1, 0], [0, 0]])


def test_what_is_wanted_by_name_or_alone():
    np.testing.assert_array_equal(Conditions((STARS,)).encode_request("4.5"), [4.5])
    both = Conditions((STARS, CITY))
    np.testing.assert_array_equal(both.encode_request({"city": "Ulm"}), [np.nan, 1])
    np.testing.assert_array_equal(both.encode_request({"city": "Bonn", "stars": 2}), [2, 0])
    np.testing.assert_array_equal(both.encode_request({"stars": 7}, extrapolate=True), [7, np.nan])


@pytest.mark.parametrize(
    ("columns", "wanted", "said"),
    [
        ((), 5, "needs a run that was trained with ratings"),
        (
            (STARS,),
            99,
            "got 99, and stars was 1 to 5 in training: choose a number in that range, or allow others with",
        ),
        ((STARS,), "good", "got 'good' for stars: give a number from 1 to 5"),
        ((STARS,), "nan", "give a number"),
        ((STARS,), {"star": 4}, "unknown rating 'star': choose from stars; did you mean 'stars'"),
        ((STARS, CITY), 4, "was trained with stars, city: name the column, as in stars="),
        ((STARS, CITY), {"city": "Kiel"}, "unknown city 'Kiel': choose from Bonn, Ulm"),
    ],
)
def test_what_cannot_be_wanted_is_told(columns, wanted, said):
    with pytest.raises(ConfigError, match=said):
        Conditions(columns).encode_request(wanted)


@pytest.mark.parametrize("far", [[1e12], [-1e12], [-1e12, 1e12]])
@pytest.mark.parametrize("spread", [0, 1])
def test_numbers_that_are_absurdly_far_off_leave_the_others_apart(far, spread):
    random = np.random.default_rng(0)
    stars = random.integers(1, 6, 300) + spread * random.random(300)
    scale = fit_scale("stars", np.array([*stars, *far]))
    levels = scale.to_unit(np.arange(1.5, 5.5))
    assert scale.heavy
    assert np.diff(levels).min() > 0.1
    np.testing.assert_allclose(scale.from_unit(levels), np.arange(1.5, 5.5), atol=1e-3)


@pytest.mark.parametrize("numbers", [[0, 0.3, 0.1 + 0.2, 1], [-1, 0, 5e-17, 1], 1 + 1e-12 * np.arange(5)])
def test_what_rounding_left_is_no_heavy_tail(numbers):
    assert not fit_scale("stars", np.array(numbers)).heavy


@pytest.mark.parametrize("wanted", [{}, True, np.True_, {"stars": False}, 10**400, "five"])
def test_what_is_no_rating_is_refused(wanted):
    with pytest.raises(ConfigError, match="`rating` got"):
        Conditions((STARS,)).encode_request(wanted, extrapolate=True)


def test_examples_are_a_low_a_middle_and_a_high_rating():
    assert STARS.examples() == (1, 3, 5)
    assert fit_scale("liked", np.array([0.0, 1])).examples() == (0, 1)
    assert CITY.examples() == ("Bonn", "Ulm")


def test_examples_are_ratings_that_enough_texts_have():
    stars = fit_scale("stars", np.repeat([1.0, 2, 3, 4, 5], [1, 20, 20, 20, 39]))
    assert stars.examples()[0] == 2
    points = np.sort(np.random.default_rng(0).pareto(1.0, 5000) * 10)
    low, middle, high = fit_scale("points", points).examples()
    assert np.mean(points <= low) < 0.15
    assert 0.4 < np.mean(points <= middle) < 0.6
    assert 0.85 < np.mean(points <= high) < 0.98


@given(NUMBERS)
def test_examples_may_be_asked_for(numbers):
    scale = fit_scale("n", np.array(numbers))
    for rating in scale.examples():
        scale.number(rating, extrapolate=False)


def test_examples_are_of_one_column_and_the_others_are_left_open():
    assert Conditions((CITY, STARS)).examples() == ({"stars": 1}, {"stars": 3}, {"stars": 5})
    assert Conditions((CITY,)).examples() == ({"city": "Bonn"}, {"city": "Ulm"})
    assert Conditions().examples() == ()


def test_parts_of_a_table_have_scales_alike():
    random = np.random.default_rng(0)
    for numbers in (random.pareto(0.7, 2000), random.normal(4, 0.3, 2000), random.integers(1, 6, 2000)):
        one, other = fit_scale("n", numbers[:1000]), fit_scale("n", numbers[1000:])
        assert one.is_like(other)
        assert other.is_like(one)
    without = fit_scale("stars", np.arange(2, 6))
    assert STARS.is_like(without)
    assert without.is_like(STARS)


@pytest.mark.parametrize("numbers", [np.arange(0, 101, 10), np.arange(1, 11), np.linspace(0, 1, 100), [-5, 0]])
def test_other_ratings_have_another_scale(numbers):
    other = fit_scale("stars", np.array(numbers, np.float64))
    assert not STARS.is_like(other)
    assert not other.is_like(STARS)


def test_ranks_are_no_steps_though_few_of_them_can_be_told_apart():
    points = np.repeat([1.0, 2, 3, 5, 9, 40, 900], [600, 300, 200, 100, 60, 30, 10]) + np.arange(1300) % 40 * (
        np.arange(1300) > 1290
    )
    assert STARS.is_discrete
    assert fit_scale("points", points).heavy
    assert not fit_scale("points", points).is_discrete
