"""Plan the number of steps of a training that has a time limit, from the speed measured so far."""

from collections.abc import Mapping
from typing import Any

from seqloom.stopwatch import Stopwatch, TimeBudget

__all__ = ["TimeLimit"]

_CHECKS_PER_TRAINING = 20
_MIN_SECONDS_BETWEEN_CHECKS = 0.05
"""Usual number of times that the plan is compared with the measured speed, and the shortest time between two of them.
Near the end, checks become more frequent."""

_TOLERANCE = 0.02
"""Relative change of the number of remaining steps below which the plan stays as it is."""

_MAX_SLOWDOWN = 4.0
"""Largest factor by which the work after the training is expected to take longer than usual."""


class TimeLimit:
    """Time limit of a training.

    The trainer reports the duration of all that it does. The plan follows from the mean duration of an update since the
    last check, and from the durations of validations and of the listeners at the end of an epoch.

    Args:
        budget: time until the end of the training and of the work that follows it.
        finishing_seconds: expected duration of the work that follows the training, at the speed of the first check.
        max_steps: largest number of steps; None for no limit.
        total_seconds: budget of the whole training, including the time before it was continued; None if unknown.
    """

    def __init__(
        self,
        budget: TimeBudget,
        *,
        finishing_seconds: float = 0.0,
        max_steps: int | None = None,
        total_seconds: float | None = None,
    ) -> None:
        self.budget, self.max_steps = budget, max_steps
        self.finishing_seconds, self.total_seconds = finishing_seconds, total_seconds
        self._first_pace: float | None = None
        self._validation_seconds = 0.0  # of the newest validation
        self._epoch_end_seconds, self._num_epoch_ends = 0.0, 0
        self._update_seconds, self._num_updates = 0.0, 0  # since the last check
        self._check_interval = max(0.0, budget.left()) / _CHECKS_PER_TRAINING
        self._next_check = budget.left() - self._check_interval

    def to_json(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {
            "seconds_left": self.budget.left(),
            "finishing_seconds": self.finishing_seconds,
            "max_steps": self.max_steps,
            "total_seconds": self.total_seconds,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], stopwatch: Stopwatch) -> "TimeLimit":
        """Return a limit with the time that was left when `to_json` was called, counted from now."""
        budget = TimeBudget(stopwatch, stopwatch.seconds() + float(stored["seconds_left"]))
        return cls(
            budget,
            finishing_seconds=float(stored["finishing_seconds"]),
            max_steps=stored["max_steps"],
            total_seconds=stored.get("total_seconds"),  # an older version does not store it
        )

    def record_update(self, seconds: float) -> None:
        """Record the duration of an update, and of the listeners that received its event."""
        self._update_seconds += seconds
        self._num_updates += 1

    def record_validation(self, seconds: float) -> None:
        """Record the duration of a validation and of the checkpoint that follows it."""
        self._validation_seconds = seconds

    def record_epoch_end(self, seconds: float) -> None:
        """Record the duration of what listeners do at the end of an epoch, such as writing samples."""
        self._epoch_end_seconds += seconds
        self._num_epoch_ends += 1

    def revised_total(self, step: int, total_steps: int, validate_every: int, steps_per_epoch: int) -> int | None:
        """Return a new total number of steps, or None if the plan stands.

        Args:
            step: finished steps, at least one less than `total_steps`.
            total_steps: planned number of steps.
            validate_every: steps between two validations.
            steps_per_epoch: steps per epoch.
        """
        left = self.budget.left()
        if left > self._next_check or not self._num_updates:
            return None
        pace = self._update_seconds / self._num_updates
        self._update_seconds, self._num_updates = 0.0, 0
        self._first_pace = self._first_pace or pace
        training_left = left - self._expected_finishing(pace) - self._validation_seconds
        interval = min(self._check_interval, training_left / 2)
        self._next_check = left - max(interval, _MIN_SECONDS_BETWEEN_CHECKS)
        epoch_end = self._epoch_end_seconds / max(1, self._num_epoch_ends)
        seconds_per_step = pace + self._validation_seconds / validate_every + epoch_end / steps_per_epoch
        planned, affordable = total_steps - step, max(1, int(training_left / max(seconds_per_step, 1e-9)))
        if self.max_steps is not None:
            affordable = max(1, min(affordable, self.max_steps - step))
        return step + affordable if abs(affordable - planned) > _TOLERANCE * planned else None

    def _expected_finishing(self, pace: float) -> float:
        """Return the expected duration of the work after the training, from seconds per update now and at first."""
        slowdown = pace / self._first_pace if self._first_pace else 1.0
        return self.finishing_seconds * min(_MAX_SLOWDOWN, max(1.0, slowdown))
