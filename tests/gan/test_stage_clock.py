"""The remaining time of a stage."""

import pytest

from seqloom.gan import stage_clock
from seqloom.gan.stage_clock import StageClock


@pytest.fixture
def clock_at(monkeypatch):
    """Return a function that sets the time."""
    now = [0.0]
    monkeypatch.setattr(stage_clock.time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, seconds)


def test_the_time_left_follows_from_the_steps_of_this_session(clock_at):
    clock = StageClock(100, "adversarial training")
    clock_at(10.0)
    assert clock.report_time_left(150, 300) == "30 s left in this stage, then adversarial training"
    clock_at(200.0)
    assert StageClock(0).report_time_left(0, 10) == "0 s left in this stage"
    assert clock.report_time_left(200, 300) == "3 min left in this stage, then adversarial training"


def test_a_note_is_due_after_fifteen_seconds(clock_at):
    clock = StageClock(0)
    clock_at(15.0)
    assert not clock.is_note_due
    clock_at(15.1)
    assert clock.is_note_due
    clock.report_time_left(5, 10)
    assert not clock.is_note_due
