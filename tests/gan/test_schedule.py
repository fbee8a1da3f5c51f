"""The numbers of steps fit the time, the number of texts and the user's choice."""

import pytest

from seqloom.gan import schedule as scheduling
from seqloom.gan.schedule import fit_schedule

TEXTS, BATCH = 640, 16


@pytest.fixture
def plan(trainer, monkeypatch):
    """Return a function from seconds and settings to the chosen steps and the notes."""
    monkeypatch.setattr(scheduling, "_UNTIMED_STEPS", 2)
    monkeypatch.setattr(scheduling, "_TIMED_STEPS", 2)

    def schedule(seconds, **chosen_by_user):
        gan, notes = trainer(), []
        config = fit_schedule(gan, gan.config, chosen_by_user, seconds, notes.append)
        return config.pretrain_steps, config.adversarial_steps, " ".join(notes)

    return schedule


def test_epochs_are_limited(plan):
    pretraining, adversarial, notes = plan(1e6)
    assert pretraining == adversarial == 12 * TEXTS / BATCH
    assert "each stage is limited to 12 epochs of 640 texts" in notes


def test_too_little_time_gives_a_warning(plan):
    pretraining, adversarial, notes = plan(0.0)
    assert pretraining == adversarial == 1
    assert "there is time for 1 step of VAE pretraining and 1 of adversarial training" in notes
    assert "give more `minutes`" in notes


@pytest.mark.parametrize(("chosen", "index"), [({"pretrain_steps": 7}, 0), ({"adversarial_steps": 7}, 1)])
def test_chosen_steps_are_kept_and_others_fitted(plan, chosen, index):
    steps = plan(1e6, **chosen)
    assert steps[index] == 7
    assert steps[1 - index] == 12 * TEXTS / BATCH
