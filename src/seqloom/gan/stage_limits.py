"""Time limits of the stages of a GAN's training, and the revisions of their numbers of steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seqloom.config.pace import Pace
from seqloom.gan.trainer import GanTrainer
from seqloom.reporter import Reporter
from seqloom.stopwatch import Stopwatch, TimeBudget
from seqloom.training.time_limit import TimeLimit

__all__ = ["PRETRAINING_SHARE", "WARMUP_SHARE", "StageLimits", "StageSchedule"]

PRETRAINING_SHARE = 0.65
"""Share of the time for the VAE pretraining; the rest is for the discriminator warm-up and adversarial training."""

WARMUP_SHARE = 0.2
"""Largest share of the time after the VAE pretraining that the discriminator warm-up takes."""


@dataclass(frozen=True)
class StageLimits:
    """Time limits of the stages whose numbers of steps follow from the time.

    Attributes:
        budget: time of all stages together.
        limited: names of the settings of these stages, such as "pretrain_steps".
        max_steps: largest number of steps of the VAE pretraining, and of adversarial training.
    """

    budget: TimeBudget
    limited: tuple[str, ...]
    max_steps: int

    def pretraining(self, used_share: float) -> TimeLimit | None:
        """Return the limit of the VAE pretraining, of which a share is finished; None if it has a number of steps."""
        left = self.budget.left()
        share = PRETRAINING_SHARE * (1 - used_share) / (1 - PRETRAINING_SHARE * used_share)
        return self._limit("pretrain_steps", share * left, self.max_steps)

    def warmup(self, max_steps: int) -> TimeLimit | None:
        """Return the limit of the discriminator warm-up, which has at most `max_steps`."""
        return self._limit("warmup_steps", WARMUP_SHARE * self.budget.left(), max_steps)

    def adversarial(self) -> TimeLimit | None:
        """Return the limit of adversarial training."""
        return self._limit("adversarial_steps", self.budget.left(), self.max_steps)

    def _limit(self, name: str, seconds: float, max_steps: int) -> TimeLimit | None:
        return TimeLimit(self.budget.part(seconds), max_steps=max_steps) if name in self.limited else None

    def to_json(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {"seconds_left": self.budget.left(), "limited": list(self.limited), "max_steps": self.max_steps}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any], stopwatch: Stopwatch) -> "StageLimits":
        """Return limits with the time that was left when `to_json` was called, counted from now."""
        budget = TimeBudget(stopwatch, stopwatch.seconds() + float(stored["seconds_left"]))
        return cls(budget, tuple(stored["limited"]), int(stored["max_steps"]))


class StageSchedule:
    """Keep a stage to its time limit: measure its steps, and revise their number.

    Args:
        trainer: trainer of the GAN.
        pace: pace of the stage, one of the trainer's.
        limit: time limit; None if the number of steps is fixed.
        steps_per_checkpoint: steps between two checkpoints of the stage.
        note: receives a line after a pause of the process.
    """

    def __init__(
        self, trainer: GanTrainer, pace: Pace, limit: TimeLimit | None, steps_per_checkpoint: int, note: Reporter
    ) -> None:
        self._trainer, self._pace, self._limit, self._note = trainer, pace, limit, note
        self._steps_per_checkpoint = steps_per_checkpoint
        if limit is not None:
            limit.budget.stopwatch.skip()

    def step_done(self, step: int) -> None:
        """Record that `step` steps are finished, and revise their number if necessary."""
        if self._limit is None:
            return
        self._limit.record_update(self._lap(self._limit))
        if step < self._pace.total_steps:
            total = self._limit.revised_total(step, self._pace.total_steps, self._steps_per_checkpoint, 1)
            if total is not None:
                self._trainer.revise(self._pace, step, total)

    def checkpoint_done(self) -> None:
        """Record the time since the last step as that of a checkpoint."""
        if self._limit is not None:
            self._limit.record_validation(self._lap(self._limit))

    def _lap(self, limit: TimeLimit) -> float:
        seconds, pause = limit.budget.stopwatch.lap()
        if pause:
            self._note(f"the process did not run for {pause:.0f} s; this time does not count")
        return seconds
