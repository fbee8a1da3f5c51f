"""The controller, on its own and against a discriminator that is made up."""

import numpy as np

from seqloom.gan.accuracy_controller import AccuracyController


def told(accuracies, low=0.55, high=0.85):
    balance = AccuracyController(low, high)
    for accuracy in accuracies:
        balance.update(accuracy)
    return balance


def test_a_discriminator_that_is_too_good_has_no_updates_and_sees_noise():
    balance = told([1.0] * 30)
    assert balance.updates == 0
    assert balance.noise > 0.3


def test_one_that_guesses_has_more_updates_once_there_is_no_noise():
    assert told([0.5] * 30).updates > 1
    tamed = told([1.0] * 30 + [0.5] * 8)
    assert tamed.noise > 0
    assert tamed.updates == 1


def test_inside_the_middle_of_the_band_it_has_one():
    balance = told([0.7] * 40)
    assert balance.updates == 1
    assert balance.noise == 0
    assert 0.6 < balance.rounds_in_band / balance.rounds < 1


def test_a_band_of_everything_changes_nothing():
    balance = told([1.0] * 30, 0, 1)
    assert (balance.updates, balance.noise, balance.rounds_in_band) == (1, 0.0, 30)


def test_a_discriminator_that_learns_fast_is_held_inside():
    """Its skill grows with each update and fades where the generator learns; noise hides some of it."""
    random = np.random.default_rng(0)
    balance, skill = AccuracyController(0.55, 0.85), 0.0
    for _ in range(500):
        skill = 0.9 * skill + 0.3 * balance.updates
        shown = skill / (1 + balance.noise)
        balance.update(float(np.clip(0.5 + 0.25 * shown + 0.03 * random.standard_normal(), 0, 1)))
    assert balance.rounds_in_band / balance.rounds > 0.8
    free = AccuracyController(0, 1)
    skill = 0.0
    left = 0
    for _ in range(500):
        skill = 0.9 * skill + 0.3 * free.updates
        free.update(float(np.clip(0.5 + 0.25 * skill, 0, 1)))
        left += free.accuracy > 0.85
    assert left > 400


def test_below_the_band_the_generator_learns_nothing_from_it():
    assert told([0.5] * 30).generator_weight == 0
    assert told([0.7] * 30).generator_weight == 1
    assert 0 < AccuracyController(0.55, 0.85, accuracy=0.57).generator_weight < 1
    assert AccuracyController(0, 1, accuracy=0.4).generator_weight == 1


def test_it_goes_to_json_and_back():
    balance = told([0.9, 0.8, 0.7])
    assert AccuracyController(**balance.to_json()) == balance
