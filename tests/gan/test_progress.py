"""Stored names of a GAN's progress and measurements, which older training states and logs have too."""

from seqloom.gan.accuracy_controller import AccuracyController
from seqloom.gan.progress import AdversarialStep, GanProgress


def test_progress_keeps_its_stored_names():
    stored = {"awakened": 5, "schooled": 4, "rounds": 3, "pressure": 0.5, "rollbacks": 1}
    progress = GanProgress.from_json(stored)
    assert progress == GanProgress(5, 4, 3, 0.5, 1)
    assert progress.to_json() == stored
    assert progress.steps == 12


def test_the_controller_keeps_its_stored_names():
    names = ("low", "high", "accuracy", "noise", "updates", "inside", "rounds")
    stored = dict(zip(names, (0.55, 0.85, 0.7, 0.02, 2, 8, 10), strict=True))
    controller = AccuracyController.from_json(stored)
    assert (controller.discriminator_steps, controller.steps_in_band, controller.steps) == (2, 8, 10)
    assert controller.to_json() == stored
    assert controller.band_share == 0.8


def test_the_log_keeps_its_names():
    step = AdversarialStep(0.7, 1.0, 2.0, 30.0, 4.0, 0.5, 0.1)
    assert list(step.to_log()) == [
        *("accuracy", "generator", "discriminator", "nats"),
        *("information", "rating", "credited"),
    ]
    assert list(step.to_log().values()) == [0.7, 1.0, 2.0, 30.0, 4.0, 0.5, 0.1]
