"""The training loop: updates, validation, early stopping, and rolling back when the loss explodes.

The loop does not know files, sampling or displays: those are listeners, which receive events. A `Snapshot` is
everything that training needs to continue bit for bit; a rollback restores one. A stream is one row of the batches; it
may carry the state of the network from batch to batch.
"""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from torch import Tensor

from seqloom.config import TrainingConfig
from seqloom.data.batch import Batch
from seqloom.errors import TrainingError
from seqloom.models.language_model import LanguageModel
from seqloom.training.events import (
    Checkpoint,
    Epoch,
    Event,
    Finished,
    Listener,
    RolledBack,
    Started,
    Step,
    Validated,
)
from seqloom.training.optimizer import scheduled_rate
from seqloom.training.train_step import count_tokens, make_train_step

__all__ = ["Batches", "Snapshot", "Trainer", "TrainingProgress"]

_MAX_ROLLBACKS = 8
"""Number of rollbacks after which another explosion of the loss ends the training."""

_AVERAGE_WEIGHT = 0.05
"""Weight of the newest loss in the moving average, which therefore covers about 20 steps."""

_EXPLOSION_FACTOR, _EXPLOSION_MARGIN = 1.5, 0.5
"""The loss has exploded if its moving average reaches this multiple of the lowest average, plus this margin in nats."""

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
        since_best: number of validations since the best one.
        rate_factor: factor of the scheduled learning rate, which every rollback halves.
        rollbacks: number of rollbacks.
    """

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    average_loss: float = math.inf
    lowest_average: float = math.inf
    best_loss: float = math.inf
    since_best: int = 0
    rate_factor: float = 1.0
    rollbacks: int = 0


@dataclass(frozen=True)
class Snapshot:
    """Everything that training continues from: tensors by name, and the fields of `TrainingProgress`."""

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

    Attributes:
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
    ) -> None:
        self.model, self.batches, self.config, self.validate = model, batches, config, validate
        self.listeners = listeners
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
                total_steps=config.total_steps,
                steps_per_epoch=self.batches.steps_per_epoch,
                tokens_per_step=self.batches.batch(0).tokens.size,
            )
        )
        self.last_good_snapshot = self.snapshot()
        reason = "done"
        while progress.step < config.total_steps:
            if interrupted():
                reason = "interrupted"
                break
            self._advance()
            if config.patience and progress.since_best >= config.patience and progress.step < config.total_steps:
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
        start = time.perf_counter()
        while len(durations) < _MIN_MEASURED_STEPS or time.perf_counter() - start < seconds:
            step_start = time.perf_counter()
            self._update()
            self.progress.step += 1
            durations.append(time.perf_counter() - step_start)
        self.restore(before)
        return 1 / statistics.median(durations)

    def synced_model(self) -> LanguageModel:
        """Copy the trained weights into `model` and return it. Later updates may change the returned model."""
        self.train_step.sync_to_model()
        return self.model

    def snapshot(self) -> Snapshot:
        """Return a copy of everything that `restore` needs."""
        return Snapshot(self.train_step.state_dict(), asdict(self.progress))

    def restore(self, snapshot: Snapshot) -> None:
        """Restore a snapshot of a trainer with the same model, batches and settings."""
        self.train_step.load_state_dict(snapshot.tensors)
        for name, number in snapshot.progress.items():
            setattr(self.progress, name, number)

    def _advance(self) -> None:
        """Run one update; emit its event, validate when due, and roll back if the loss explodes."""
        start = time.perf_counter()
        loss, rate = self._update()
        progress = self.progress
        progress.seconds += time.perf_counter() - start
        progress.step += 1
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
        if progress.step % self.config.validate_every == 0 or progress.step == self.config.total_steps:
            self._validate()
        if progress.step % self.batches.steps_per_epoch == 0:
            epoch = progress.step // self.batches.steps_per_epoch
            self._emit(Epoch(epoch=epoch, step=progress.step, seconds=progress.seconds))

    def _update(self) -> tuple[float, float]:
        """Update the weights by one batch if its loss is finite; return the loss and the learning rate."""
        progress = self.progress
        batch = self.batches.batch(progress.step)
        rate = scheduled_rate(progress.step, self.config) * progress.rate_factor
        loss = self.train_step.update(batch, progress.step, rate)
        if math.isfinite(loss):
            progress.tokens += count_tokens(batch)
        return loss, rate

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
            progress.since_best = 0 if is_best else progress.since_best + 1
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
                f"of {scheduled_rate(progress.step, self.config) * progress.rate_factor:.2g}; train again with a "
                "smaller `learning_rate`"
            )
        exploded_step, rate_factor, rollbacks = progress.step, progress.rate_factor * 0.5, progress.rollbacks + 1
        seconds, tokens = progress.seconds, progress.tokens
        self.restore(self.last_good_snapshot)
        progress.rate_factor, progress.rollbacks = rate_factor, rollbacks
        progress.seconds, progress.tokens = seconds, tokens
        self._emit(RolledBack(step=exploded_step, to_step=progress.step, loss=loss, rate_factor=rate_factor))

    def _emit(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)
