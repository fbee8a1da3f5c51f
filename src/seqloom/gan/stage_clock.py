"""Estimate the remaining time of a training stage."""

import time

__all__ = ["StageClock"]

_SECONDS_BETWEEN_NOTES = 15.0


class StageClock:
    """Estimate the remaining time from the mean time per step, and tell when the next progress line is due.

    Args:
        done: steps that an earlier session finished.
        next_stage: name of the next stage, which follows the remaining time in a progress line; empty if there is none.
    """

    def __init__(self, done: int, next_stage: str = "") -> None:
        self._done_at_start = done
        self._suffix = f", then {next_stage}" if next_stage else ""
        self._start_time = self._last_note_time = time.monotonic()

    @property
    def is_note_due(self) -> bool:
        """Whether the last progress line is more than 15 seconds old."""
        return time.monotonic() - self._last_note_time > _SECONDS_BETWEEN_NOTES

    def report_time_left(self, done: int, total: int) -> str:
        """Return the remaining time after `done` of `total` steps in words, and restart the timer of the lines."""
        self._last_note_time = time.monotonic()
        seconds_per_step = (self._last_note_time - self._start_time) / max(1, done - self._done_at_start)
        seconds = seconds_per_step * (total - done)
        time_left = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
        return f"{time_left} left in this stage{self._suffix}"
