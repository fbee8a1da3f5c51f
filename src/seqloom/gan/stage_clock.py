"""Estimate the remaining time of a training stage."""

import time

__all__ = ["StageClock"]

_SECONDS_BETWEEN_NOTES = 15.0


class StageClock:
    """Estimate of the remaining time from the mean time per step, and a timer for progress lines.

    Args:
        done: steps that were finished before, in an earlier session.
        total: number of steps of the stage.
        next_stage: name of the next stage; empty if there is none.
    """

    def __init__(self, done: int, total: int, next_stage: str = "") -> None:
        self._done_at_start, self._total = done, total
        self._suffix = f", then {next_stage}" if next_stage else ""
        self._start_seconds = self._last_note_seconds = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether the last progress line is more than 15 seconds old."""
        return time.monotonic() - self._last_note_seconds > _SECONDS_BETWEEN_NOTES

    def time_left(self, done: int) -> str:
        """Return the remaining time after `done` steps, in words, and restart the timer for the next progress line."""
        self._last_note_seconds = time.monotonic()
        seconds_per_step = (self._last_note_seconds - self._start_seconds) / max(1, done - self._done_at_start)
        seconds = seconds_per_step * (self._total - done)
        return (f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left") + self._suffix
