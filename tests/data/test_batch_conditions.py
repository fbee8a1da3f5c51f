import numpy as np

from seqloom.data.batch_conditions import ConditionSource, balanced_weights
from seqloom.data.conditions import Category, Conditions
from seqloom.data.scale import fit_scale

STARS = fit_scale("stars", np.arange(1.0, 6))
BOTH = Conditions((STARS, Category(name="city", values=("Bonn", "Ulm"))))


def test_the_features_of_a_batch_are_those_of_its_documents():
    values = np.array([[1.0], [5.0], [np.nan], [2.0]])
    documents = np.array([[3, 3, 1], [1, 2, 2]])
    rated = ConditionSource(Conditions((STARS,)), values).batch(documents)
    np.testing.assert_array_equal(rated.features[rated.index], STARS.features(values[:, 0])[documents])


def test_a_share_of_documents_is_hidden_anew_each_epoch_and_the_same_all_through_it():
    ratings = ConditionSource(Conditions((STARS,)), np.full((4000, 1), 3.0), dropout=0.1, seed=5)
    documents = np.arange(4000)[None]
    hidden = [~ratings.batch(documents, epoch).features.any(axis=1) for epoch in range(3)]
    for one in hidden:
        assert 0.08 < one.mean() < 0.12  # four standard deviations
    assert (hidden[0] != hidden[1]).any()
    assert (hidden[1] != hidden[2]).any()
    again = ratings.batch(documents[:, 1000:1100], 1)
    np.testing.assert_array_equal(~again.features[again.index[0]].any(axis=1), hidden[1][1000:1100])


def test_of_several_columns_each_is_hidden_alone_too():
    values = np.tile([3.0, 1.0], (20_000, 1))
    features = ConditionSource(BOTH, values, dropout=0.2, seed=1).batch(np.arange(20_000)[None]).features
    stars, city = features[:, :6].any(axis=1), features[:, 6:].any(axis=1)
    for share, expected in (
        ((~stars & ~city).mean(), 0.2 + 0.8 * 0.04),
        ((stars & ~city).mean(), 0.8 * 0.16),
        ((~stars & city).mean(), 0.8 * 0.16),
    ):
        assert abs(share - expected) < 0.012  # four standard deviations


def test_balanced_shares_give_every_rating_as_much():
    values = np.array([1.0] * 7 + [5.0] * 2 + [2.0] + [np.nan] * 2)[:, None]
    shares = balanced_weights(Conditions((STARS,)), values)
    for kind in (slice(0, 7), slice(7, 9), slice(9, 10), slice(10, 12)):
        assert np.isclose(shares[kind].sum(), 0.25)
