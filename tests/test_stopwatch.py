import pytest
from tests.hand_clock import HandClock

from seqloom.stopwatch import Stopwatch, TimeBudget


@pytest.mark.parametrize(
    ("wall", "processor", "pause"),
    [
        (0.5, 0.0, 0.0),  # too short
        (5.0, 4.9, 0.0),  # busy all the time
        (5.0, 1.0, 0.0),  # on a shared processor
        (5.0, 0.02, 4.98),
        (3600.0, 0.3, 3599.7),
    ],
)
def test_an_interval_without_work_is_a_pause(wall: float, processor: float, pause: float) -> None:
    clock = HandClock(100.0, 7.0)
    stopwatch = Stopwatch(clock)
    clock.advance(wall, processor)
    assert stopwatch.lap() == pytest.approx((wall - pause, pause))
    assert stopwatch.seconds() == pytest.approx(wall - pause)
    assert stopwatch.paused == pytest.approx(pause)
    assert stopwatch.lap() == (0.0, 0.0)


def test_a_skipped_interval_is_no_pause() -> None:
    clock = HandClock(100.0, 7.0)
    stopwatch = Stopwatch(clock)
    clock.advance(30.0, 0.0)  # such as waiting for standard input
    stopwatch.skip()
    assert stopwatch.lap() == (0.0, 0.0)
    assert (stopwatch.seconds(), stopwatch.paused) == (30.0, 0.0)


def test_a_pause_uses_no_budget() -> None:
    clock = HandClock(100.0, 7.0)
    budget = TimeBudget(Stopwatch(clock), 60.0)
    clock.advance(10.0, 10.0)
    assert budget.left() == pytest.approx(50.0)
    budget.stopwatch.skip()
    clock.advance(1000.0, 0.0)
    budget.stopwatch.lap()
    assert budget.left() == pytest.approx(50.0)
    assert budget.part(20.0).left() == pytest.approx(20.0)


def test_time_is_left_out() -> None:
    clock = HandClock()
    stopwatch = Stopwatch(clock)
    clock.advance(10.0)
    other = stopwatch.restarted()
    clock.advance(5.0)
    stopwatch.leave_out(3.0)
    assert (stopwatch.seconds(), other.seconds(), stopwatch.paused) == (12.0, 5.0, 0.0)


def test_the_clock_of_the_system_runs() -> None:
    stopwatch = Stopwatch()
    first = stopwatch.seconds()
    sum(range(10_000))
    assert stopwatch.seconds() > first >= 0
