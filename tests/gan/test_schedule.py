"""The numbers of steps fit the time, the number of texts and the user's choice."""

import pytest
from tests.hand_clock import HandClock

from seqloom.errors import ConfigError
from seqloom.gan.schedule import fit_schedule, limit_stages
from seqloom.gan.stage_limits import StageLimits
from seqloom.gan.step_timing import StepSeconds, measure_step_seconds
from seqloom.stopwatch import Stopwatch, TimeBudget

TEXTS, BATCH = 640, 16
STEP_SECONDS = StepSeconds(pretrain=0.1, warmup=0.2, adversarial=0.5)


@pytest.fixture
def plan(trainer):
    """Return a function from seconds and settings to the chosen steps and the notes."""
    gan = trainer(warmup_steps=10)

    def schedule(seconds, **chosen_by_user):
        notes = []
        config = fit_schedule(STEP_SECONDS, TEXTS, gan.config, chosen_by_user, seconds, notes.append)
        return config.pretrain_steps, config.adversarial_steps, " ".join(notes)

    return schedule


def test_epochs_are_limited(plan):
    pretraining, adversarial, notes = plan(1e6)
    assert pretraining == adversarial == 12 * TEXTS / BATCH
    assert "each stage is limited to 12 epochs of 640 texts" in notes


def test_little_time_gives_advice(plan):
    pretraining, adversarial, notes = plan(20.0)
    assert pretraining == 0.65 * 20 / 0.1
    assert adversarial == int(0.8 * 0.35 * 20 / 0.5)  # the warm-up has a fifth of the rest
    assert "there is time for 130 steps of VAE pretraining and 11 of adversarial training" in notes
    assert "give more `minutes`" in notes


def test_too_little_time_is_refused(plan):
    with pytest.raises(ConfigError) as refused:
        plan(1.0)
    assert str(refused.value) == (
        "`minutes` leaves time for 6 steps of VAE pretraining and 1 of adversarial training, which is too little to "
        "learn anything: give 3 more minutes, or a smaller `vocabulary` or `hidden_size`"
    )


@pytest.mark.parametrize(("chosen", "index"), [({"pretrain_steps": 7}, 0), ({"adversarial_steps": 7}, 1)])
def test_chosen_steps_are_kept_and_others_fitted(plan, chosen, index):
    steps = plan(1e6, **chosen)
    assert steps[index] == 7
    assert steps[1 - index] == 12 * TEXTS / BATCH


def test_the_timing_measures_real_steps(trainer):
    gan = trainer()
    assert min(vars(measure_step_seconds(gan)).values()) > 0
    assert gan.progress.pretrain_steps == gan.progress.warmup_steps == gan.progress.adversarial_steps == 2


def test_stages_share_the_time(trainer):
    clock = HandClock()
    limits = limit_stages(TEXTS, trainer().config, ["batch_size"], TimeBudget(Stopwatch(clock), 100.0))
    assert limits.pretraining(0.0).budget.left() == pytest.approx(65)
    clock.wall_seconds = 32.5
    assert limits.pretraining(0.5).budget.left() == pytest.approx(32.5)
    clock.wall_seconds = 65.0
    assert limits.warmup(100).budget.left() == pytest.approx(7)
    assert limits.warmup(100).max_steps == 100
    clock.wall_seconds = 72.0
    assert limits.adversarial().budget.left() == pytest.approx(28)
    restored = StageLimits.from_json(limits.to_json(), Stopwatch(HandClock()))
    assert restored.adversarial().budget.left() == pytest.approx(28)
    assert restored.max_steps == limits.max_steps == 480


def test_a_chosen_number_of_steps_has_no_limit(trainer):
    budget = TimeBudget(Stopwatch(HandClock()), 100.0)
    limits = limit_stages(TEXTS, trainer().config, ["pretrain_steps", "warmup_steps"], budget)
    assert limits.pretraining(0.0) is limits.warmup(100) is None
    assert limits.adversarial() is not None
