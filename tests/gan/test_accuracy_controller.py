"""The controller alone, and with a simulated discriminator."""

import numpy as np

from seqloom.gan.accuracy_controller import AccuracyController


def controller_after(accuracies, low=0.55, high=0.85):
    controller = AccuracyController(low, high)
    for accuracy in accuracies:
        controller.update(accuracy)
    return controller


def test_above_the_band_the_discriminator_takes_no_steps_and_gets_noise():
    controller = controller_after([1.0] * 30)
    assert controller.discriminator_steps == 0
    assert controller.noise > 0.3


def test_below_the_band_it_takes_more_steps_once_the_noise_is_gone():
    assert controller_after([0.5] * 30).discriminator_steps > 1
    recovering = controller_after([1.0] * 30 + [0.5] * 8)
    assert recovering.noise > 0
    assert recovering.discriminator_steps == 1


def test_in_the_middle_of_the_band_it_takes_one_step():
    controller = controller_after([0.7] * 40)
    assert controller.discriminator_steps == 1
    assert controller.noise == 0
    assert 0.6 < controller.steps_in_band / controller.steps < 1


def test_the_band_from_0_to_1_disables_the_controller():
    controller = controller_after([1.0] * 30, 0, 1)
    assert (controller.discriminator_steps, controller.noise, controller.steps_in_band) == (1, 0.0, 30)


def test_a_fast_discriminator_stays_inside_the_band():
    """The skill grows with each discriminator step and decays as the generator learns; noise hides part of it."""
    random = np.random.default_rng(0)
    controller, skill = AccuracyController(0.55, 0.85), 0.0
    for _ in range(500):
        skill = 0.9 * skill + 0.3 * controller.discriminator_steps
        visible_skill = skill / (1 + controller.noise)
        controller.update(float(np.clip(0.5 + 0.25 * visible_skill + 0.03 * random.standard_normal(), 0, 1)))
    assert controller.steps_in_band / controller.steps > 0.8
    free = AccuracyController(0, 1)
    skill = 0.0
    left = 0
    for _ in range(500):
        skill = 0.9 * skill + 0.3 * free.discriminator_steps
        free.update(float(np.clip(0.5 + 0.25 * skill, 0, 1)))
        left += free.accuracy > 0.85
    assert left > 400


def test_the_generator_weight_falls_to_0_at_the_lower_edge():
    assert controller_after([0.5] * 30).generator_weight == 0
    assert controller_after([0.7] * 30).generator_weight == 1
    assert 0 < AccuracyController(0.55, 0.85, accuracy=0.57).generator_weight < 1
    assert AccuracyController(0, 1, accuracy=0.4).generator_weight == 1


def test_json_round_trip():
    controller = controller_after([0.9, 0.8, 0.7])
    assert AccuracyController.from_json(controller.to_json()) == controller
