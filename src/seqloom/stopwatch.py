"""Wall time of a command: a stopwatch that leaves out pauses of the process, and time budgets on it."""

import time
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Clock", "Stopwatch", "SystemClock", "TimeBudget"]

_MIN_PAUSE = 1.0
"""Shortest interval, in seconds, that can count as a pause."""

_MAX_PAUSE_LOAD = 0.1
"""Largest share of a pause in which the process computes. A process that shares its processors with a few others still
computes for a larger share of the time."""


class Clock(Protocol):
    """Source of time; tests pass one of their own."""

    def wall(self) -> float:
        """Return the seconds since any fixed moment."""
        ...

    def processor(self) -> float:
        """Return the processor time of the process, in seconds."""
        ...


class SystemClock:
    """The clock of the system."""

    def wall(self) -> float:
        """Return the seconds since any fixed moment; the clock cannot be set back."""
        return time.perf_counter()

    def processor(self) -> float:
        """Return the processor time of all threads of the process, in seconds."""
        return time.process_time()


class Stopwatch:
    """Seconds since the start, without pauses in which the process did not run, such as a suspended laptop.

    Args:
        clock: source of time; None for the clock of the system.

    Attributes:
        paused: length of all pauses so far, in seconds.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._start = self._last_wall = self._clock.wall()
        self._last_processor = self._clock.processor()
        self.paused, self._left_out = 0.0, 0.0

    def seconds(self) -> float:
        """Return the seconds since the start, without the pauses that `lap` has found and what was left out."""
        return self._clock.wall() - self._start - self.paused - self._left_out

    def restarted(self) -> "Stopwatch":
        """Return a new stopwatch on the same clock, which starts now."""
        return Stopwatch(self._clock)

    def leave_out(self, seconds: float) -> None:
        """Do not count `seconds` of the time so far: a pause that another stopwatch found, or other work."""
        self._left_out += seconds

    def lap(self) -> tuple[float, float]:
        """Return the seconds since the last lap, and the length of the pause among them, which they leave out.

        An interval counts as a pause if it is longer than a second and the process hardly computed in it. Only the
        processor time remains of such an interval.
        """
        wall, processor = self._clock.wall(), self._clock.processor()
        interval, computed = wall - self._last_wall, processor - self._last_processor
        self._last_wall, self._last_processor = wall, processor
        if interval <= _MIN_PAUSE or computed > _MAX_PAUSE_LOAD * interval:
            return interval, 0.0
        pause = interval - max(0.0, computed)
        self.paused += pause
        return interval - pause, pause

    def skip(self) -> None:
        """Start a new lap, without looking for a pause in the time since the last one."""
        self._last_wall, self._last_processor = self._clock.wall(), self._clock.processor()


@dataclass(frozen=True)
class TimeBudget:
    """Time that a command, or one of its stages, may take.

    Attributes:
        stopwatch: stopwatch that was started with the command.
        end: reading of the stopwatch at which the time is up, in seconds.
    """

    stopwatch: Stopwatch
    end: float

    def left(self) -> float:
        """Return the seconds that are left; negative when the time is up."""
        return self.end - self.stopwatch.seconds()

    def part(self, seconds: float) -> "TimeBudget":
        """Return the budget of a stage that starts now and may take `seconds`."""
        return TimeBudget(self.stopwatch, self.stopwatch.seconds() + seconds)
