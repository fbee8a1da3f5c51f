"""The training loop: updates, validation, early stopping, and rolling back when the loss explodes.

The loop does not know files, sampling or displays: those are listeners, which receive events. A `Snapshot` is
everything that training needs to continue bit for bit; a rollback restores one. A stream is one row of the batches; it
may carry the state of the network from batch to batch.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from torch import Tensor

from seqloom.config import TrainingConfig
from seqloom.config.pace import Pace
from seqloom.data.batch import Batch
from seqloom.errors import TrainingError
from seqloom.models.language_model import LanguageModel
from seqloom.stopwatch import Stopwatch
from seqloom.training.events import (
    Checkpoint,
    Epoch,
    Event,
    Finished,
    Listener,
    Paused,
    Replanned,
    RolledBack,
    Started,
    Step,
    Validated,
)
from seqloom.training.optimizer import paced_rate
from seqloom.training.time_limit import TimeLimit
from seqloom.training.train_step import count_tokens, make_train_step

__all__ = ["Batches", "Snapshot", "Trainer", "TrainingProgress"]

_MAX_ROLLBACKS = 8
"""Number of rollbacks after which another explosion of the loss ends the training."""

_AVERAGE_WEIGHT = 0.05
"""Weight of the newest loss in the moving average, which therefore covers about 20 steps."""

_EXPLOSION_FACTOR, _EXPLOSION_MARGIN = 1.5, 0.5
"""The loss has exploded if its moving average reaches this multiple of the lowest average, plus this margin in nats."""

_KEPT_IN_A_ROLLBACK = ("seconds", "tokens", "paused", "furthest_step")
"""Fields of the progress that a rollback does not restore."""

_MIN_MEASURED_STEPS = 3
"""Smallest number of steps that `Trainer.measure_steps` times."""


class Batches(Protocol):
    """Source of batches; a batch depends on nothing but the number of the step.

    Attributes:
        steps_per_epoch: number of batches that read all tokens once.
        carries_state: whether each stream starts a batch from the state in which it ended the previous batch.
    """

    steps_per_epoch: int
    carries_state: bool

    def batch(self, step: int) -> Batch:
        """Return the batch of update `step`, counted from 0."""
        ...


@dataclass
class TrainingProgress:
    """Counters and losses of a training.

    Attributes:
        step: number of updates.
        seconds: duration of the updates, without validation and listeners.
        tokens: number of tokens read.
        average_loss: exponential moving average of the loss over about 20 steps; infinite before the first.
        lowest_average: lowest `average_loss` so far.
        best_loss: lowest validation loss; infinite before the first.
        best_since_restart: lowest validation loss since the training was continued with a larger budget, which makes
            the loss rise at first; the same as `best_loss` in other trainings.
        since_best: number of validations since the one with `best_since_restart`, for early stopping.
        rate_factor: factor of the scheduled learning rate, which every rollback halves.
        rollbacks: number of rollbacks.
        paused: seconds in which the process did not run.
        furthest_step: largest `step` so far, which a rollback does not lower.
    """

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    average_loss: float = math.inf
    lowest_average: float = math.inf
    best_loss: float = math.inf
    best_since_restart: float = math.inf
    since_best: int = 0
    rate_factor: float = 1.0
    rollbacks: int = 0
    paused: float = 0.0
    furthest_step: int = 0


@dataclass(frozen=True)
class Snapshot:
    """Everything that training continues from.

    Attributes:
        tensors: tensors by name.
        progress: fields of `TrainingProgress`, the revisions of the number of steps ("pace"), and the time limit
            ("time_limit"; None without one).
    """

    tensors: Mapping[str, Tensor]
    progress: Mapping[str, Any]


class Trainer:
    """Train one model on batches.

    Args:
        model: network, updated in place.
        batches: source of batches.
        config: training settings.
        kernels: compiled instruction set; None for torch.
        threads: threads of the compiled kernels.
        validate: function that returns the validation loss in nats per token; None for no validation.
        listeners: functions that receive every event, in order.
        time_limit: time limit, from which the number of steps follows; None for the number of steps of `config`.

    Attributes:
        pace: planned number of steps, and its revisions.
        last_good_snapshot: snapshot to which a rollback returns: that of the last checkpoint, or of the start.
    """

    def __init__(
        self,
        model: LanguageModel,
        batches: Batches,
        config: TrainingConfig,
        *,
        kernels: str | None = None,
        threads: int = 1,
        validate: Callable[[], float] | None = None,
        listeners: Sequence[Listener] = (),
        time_limit: TimeLimit | None = None,
    ) -> None:
        self.model, self.batches, self.config, self.validate = model, batches, config, validate
        self.listeners, self.time_limit = listeners, time_limit
        self.pace = config.make_pace()
        # Pauses must count neither for the durations nor for the time limit, so that both have one stopwatch.
        self._stopwatch = Stopwatch() if time_limit is None else time_limit.budget.stopwatch
        self.train_step = make_train_step(
            model,
            config,
            batch_size=batches.batch(0).tokens.shape[0],
            carries_state=batches.carries_state,
            kernels=kernels,
            threads=threads,
        )
        self.progress = TrainingProgress()
        self.last_good_snapshot = self.snapshot()

    def train(self, interrupted: Callable[[], bool] = lambda: False) -> Finished:
        """Train to the last step or an early stop, or until `interrupted()` is true.

        Raises:
            TrainingError: the loss explodes repeatedly.
        """
        config, progress = self.config, self.progress
        self._emit(
            Started(
                step=progress.step,
                total_steps=self.pace.total_steps,
                steps_per_epoch=self.batches.steps_per_epoch,
                tokens_per_step=self.batches.batch(0).tokens.size,
                seconds_left=self._seconds_left(),
            )
        )
        if self._is_restart() and progress.step:
            if self.pace.share_before_restart(progress.step) < 1 and progress.step % config.validate_every:
                self._validate()  # a training that repeats this one validates here, too
            self._restart_patience()
        self.last_good_snapshot = self.snapshot()
        reason = "done"
        self._stopwatch.skip()
        while progress.step < self.pace.total_steps:
            if interrupted():
                reason = "interrupted"
                break
            self._advance()
            if self._is_restart():
                self._restart_patience()
            elif config.patience and progress.since_best >= config.patience and progress.step < self.pace.total_steps:
                reason = "early stop"
                break
        best = progress.best_loss if math.isfinite(progress.best_loss) else None
        finished = Finished(step=progress.step, reason=reason, best_loss=best, seconds=progress.seconds)
        self._emit(finished)
        return finished

    def measure_steps(self, seconds: float) -> float:
        """Run training steps for about `seconds`, then restore the state; return the steps per second.

        The speed follows from the median duration of a step.
        """
        before = self.snapshot()
        self._update()  # a warm-up, which is not measured
        durations: list[float] = []
        end = self._stopwatch.seconds() + seconds
        self._stopwatch.skip()
        while len(durations) < _MIN_MEASURED_STEPS or self._stopwatch.seconds() < end:
            self._update()
            self.progress.step += 1
            duration, _ = self._stopwatch.lap()
            durations.append(duration)
        self.restore(before)
        return 1 / statistics.median(durations)

    def synced_model(self) -> LanguageModel:
        """Copy the trained weights into `model` and return it. Later updates may change the returned model."""
        self.train_step.sync_to_model()
        return self.model

    def snapshot(self) -> Snapshot:
        """Return a copy of everything that `restore` needs."""
        limit = None if self.time_limit is None else self.time_limit.to_json()
        progress = {**asdict(self.progress), "pace": self.pace.revisions, "time_limit": limit}
        return Snapshot(self.train_step.state_dict(), progress)

    def restore(self, snapshot: Snapshot) -> None:
        """Restore a snapshot of a trainer with the same model, batches and settings; `time_limit` stays as it is."""
        self.train_step.load_state_dict(snapshot.tensors)
        stored = dict(snapshot.progress)
        # A snapshot of an older version has no pace.
        self.pace = Pace(stored.pop("pace", self.pace.revisions))
        stored.pop("time_limit", None)
        stored.setdefault("best_since_restart", stored["best_loss"])  # an older version has one best loss only
        for name, number in stored.items():
            setattr(self.progress, name, number)

    def _advance(self) -> None:
        """Run one update; emit its event, validate when due, and roll back if the loss explodes."""
        loss, rate = self._update()
        progress, limit = self.progress, self.time_limit
        update_seconds = self._lap()
        progress.seconds += update_seconds
        progress.step += 1
        progress.furthest_step = max(progress.furthest_step, progress.step)
        if not self._track_loss(loss):
            self._roll_back(loss)
            return
        self._emit(
            Step(
                step=progress.step,
                loss=loss,
                learning_rate=rate,
                seconds=progress.seconds,
                tokens=progress.tokens,
            )
        )
        update_seconds += self._lap()
        is_end = progress.step == self.pace.total_steps or self._is_restart()
        if progress.step % self.config.validate_every == 0 or is_end:
            self._validate()
            validation_seconds = self._lap()
            if limit is not None:
                limit.record_validation(validation_seconds)
        if progress.step % self.batches.steps_per_epoch == 0:
            epoch = progress.step // self.batches.steps_per_epoch
            self._emit(Epoch(epoch=epoch, step=progress.step, seconds=progress.seconds))
            epoch_end_seconds = self._lap()
            if limit is not None:
                limit.record_epoch_end(epoch_end_seconds)
        if limit is not None:
            limit.record_update(update_seconds)
            self._keep_to(limit)

    def _is_restart(self) -> bool:
        """Return whether the plan restarts at the current step, where an earlier training ended or was interrupted."""
        return self.pace.last_restart(self.progress.step) == self.progress.step

    def _restart_patience(self) -> None:
        self.progress.since_best, self.progress.best_since_restart = 0, math.inf

    def _keep_to(self, limit: TimeLimit) -> None:
        """Adjust the number of steps to the time limit if the measured speed demands it."""
        step, pace = self.progress.step, self.pace
        # A revision must not change the learning rate of a step that was taken before a rollback: a training that
        # repeats the revisions knows them from the start, and would not take that step in the same way.
        if step < self.progress.furthest_step or step >= pace.total_steps:
            return
        total = limit.revised_total(step, pace.total_steps, self.config.validate_every, self.batches.steps_per_epoch)
        if total is not None:
            pace.revise(step, total)
            self._emit(Replanned(step=step, total_steps=total))

    def _lap(self) -> float:
        """Return the seconds since the last lap, without a pause of the process, which is reported."""
        seconds, pause = self._stopwatch.lap()
        if pause:
            self.progress.paused += pause
            self._emit(Paused(step=self.progress.step, seconds=pause))
        return seconds

    def _seconds_left(self) -> float | None:
        return None if self.time_limit is None else self.time_limit.budget.left()

    def _update(self) -> tuple[float, float]:
        """Update the weights by one batch if its loss is finite; return the loss and the learning rate."""
        progress = self.progress
        batch = self.batches.batch(progress.step)
        rate = self._scheduled_rate() * progress.rate_factor
        loss = self.train_step.update(batch, progress.step, rate)
        if math.isfinite(loss):
            progress.tokens += count_tokens(batch)
        return loss, rate

    def _scheduled_rate(self) -> float:
        return paced_rate(self.progress.step, self.pace, self.config)

    def _track_loss(self, loss: float) -> bool:
        """Update the moving average of the loss; return False if the loss exploded.

        The loss exploded if it is not finite, or if its moving average is far above the lowest average so far.
        """
        progress = self.progress
        if not math.isfinite(loss):
            return False
        if math.isinf(progress.average_loss):
            progress.average_loss = loss
        else:
            progress.average_loss += _AVERAGE_WEIGHT * (loss - progress.average_loss)
        progress.lowest_average = min(progress.lowest_average, progress.average_loss)
        return progress.average_loss < _EXPLOSION_FACTOR * progress.lowest_average + _EXPLOSION_MARGIN

    def _validate(self) -> None:
        """Validate if there is a validation function. Always take a snapshot, to which a rollback returns."""
        progress = self.progress
        self.train_step.sync_to_model()
        if self.validate is not None:
            loss = self.validate()
            is_best = loss < progress.best_loss
            progress.best_loss = min(loss, progress.best_loss)
            progress.since_best = 0 if loss < progress.best_since_restart else progress.since_best + 1
            progress.best_since_restart = min(loss, progress.best_since_restart)
            self._emit(Validated(step=progress.step, loss=loss, best=is_best, seconds=progress.seconds))
        self.last_good_snapshot = self.snapshot()
        self._emit(Checkpoint(step=progress.step))

    def _roll_back(self, loss: float) -> None:
        """Restore the last good snapshot and halve the learning rate, but keep counting seconds and tokens.

        Raises:
            TrainingError: the loss has exploded too often.
        """
        progress = self.progress
        if progress.rollbacks >= _MAX_ROLLBACKS:
            raise TrainingError(
                f"the loss exploded {progress.rollbacks + 1} times, last at step {progress.step} with a learning rate "
                f"of {self._scheduled_rate() * progress.rate_factor:.2g}; train again with a "
                "smaller `learning_rate`"
            )
        exploded_step, rate_factor, rollbacks = progress.step, progress.rate_factor * 0.5, progress.rollbacks + 1
        pace, kept = self.pace, {name: getattr(progress, name) for name in _KEPT_IN_A_ROLLBACK}
        self.restore(self.last_good_snapshot)
        self.pace = pace
        for name, value in kept.items():
            setattr(progress, name, value)
        progress.rate_factor, progress.rollbacks = rate_factor, rollbacks
        self._emit(RolledBack(step=exploded_step, to_step=progress.step, loss=loss, rate_factor=rate_factor))

    def _emit(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)
