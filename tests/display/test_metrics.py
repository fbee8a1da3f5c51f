import math

import numpy as np
import pytest

from seqloom.display import metrics as module
from seqloom.display.metrics import History, Tally
from seqloom.display.stage_display import clock
from seqloom.training.events import Epoch, Finished, RolledBack, Started, Step, Validated


@pytest.fixture
def now(monkeypatch):
    """The clock that the tally reads, in seconds; set its first item."""
    time = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: time[0])
    return time


def step(number, loss=2.0, *, seconds=None, tokens=None):
    seconds = number * 0.1 if seconds is None else seconds
    tokens = number * 100 if tokens is None else tokens
    return Step(step=number, loss=loss, learning_rate=0.1, seconds=seconds, tokens=tokens)


def started(first=0, total=100):
    return Started(step=first, total_steps=total, steps_per_epoch=40, tokens_per_step=100)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (754, "12:34"), (3723, "1:02:03"), (-1, "0:00")],
)
def test_clock(seconds, shown):
    assert clock(seconds) == shown


def test_history_keeps_the_mean_in_bounded_room():
    history = History(max_means=8)
    for value in range(1024):
        history.add(value)
    kept = history.resampled(1000)
    assert len(kept) < 8
    assert kept == sorted(kept)
    assert np.mean(kept) == pytest.approx(np.mean(range(256 * len(kept))))


def test_history_resamples_to_the_width():
    history = History()
    for value in range(100):
        history.add(value)
    assert history.resampled(10) == [4.5 + 10 * column for column in range(10)]
    assert len(history.resampled(7)) == 7
    assert History().resampled(5) == []


def test_loss_is_the_mean_at_first_and_forgets_later():
    tally = Tally(1.0, "characters")
    tally(step(1, 4.0))
    assert tally.loss == 4.0
    tally(step(2, 2.0))
    assert tally.loss == pytest.approx(3.0, abs=0.02)
    for number in range(3, 1000):
        tally(step(number, 1.0))
    assert tally.loss == pytest.approx(1.0, abs=1e-3)


def test_loss_that_is_no_number_is_passed_over():
    tally = Tally(1.0, "characters")
    tally(step(1, 4.0))
    tally(step(2, math.nan))
    assert tally.loss == 4.0
    assert tally.losses.resampled(9) == [4.0]


def test_best_and_newest_validation():
    tally = Tally(1.0, "characters")
    tally(Validated(step=10, loss=1.5, best=True, seconds=1))
    tally(Validated(step=20, loss=1.6, best=False, seconds=2))
    assert (tally.validation_loss, tally.best_loss) == (1.6, 1.5)


def test_time_left_counts_all_time_since_the_start(now):
    tally = Tally(1.0, "characters")
    now[0] = 50.0
    tally(started(first=60))
    assert tally.seconds_left() is None
    now[0] = 60.0
    for number in range(61, 81):
        tally(step(number))
    assert tally.share == 0.8
    assert tally.seconds_left() == pytest.approx(20 * 10 / 20)


def test_steps_done_twice_are_work_too(now):
    tally = Tally(1.0, "characters")
    tally(started())
    now[0] = 10.0
    for number in range(1, 21):
        tally(step(number))
    tally(RolledBack(step=20, to_step=10, loss=math.inf, rate_factor=0.5))
    assert tally.step == 10
    assert tally.loss is None
    assert tally.seconds_left() == pytest.approx(90 * 10 / 20)


def test_speed_counts_characters_and_is_rounded():
    tally = Tally(4.0, "characters")
    assert tally.speed() == ""
    tally(step(10))
    assert tally.speed() == "4,000 characters/s"
    tally(step(20, seconds=2.0, tokens=4087))
    assert tally.speed() == "8,170 characters/s"


def test_speed_forgets_what_is_more_than_five_seconds_old():
    tally = Tally(1.0, "tokens")
    for number in range(1, 21):
        tally(step(number, seconds=number, tokens=number * 10))
        tally.speed()
    for number in range(21, 31):
        tally(step(number, seconds=number, tokens=200 + (number - 20) * 1000))
        shown = tally.speed()
    assert shown == "1,000 tokens/s"


def test_epochs_and_the_end():
    tally = Tally(1.0, "characters")
    tally(started(first=85, total=120))
    assert tally.epoch == 2
    tally(Epoch(epoch=3, step=120, seconds=9))
    tally(Finished(step=120, reason="early stop", best_loss=None, seconds=9.5))
    assert (tally.epoch, tally.step, tally.reason, tally.share) == (3, 120, "early stop", 1.0)
