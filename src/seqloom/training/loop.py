"""The training loop: one update after another, validation, early stop, and going back when the loss explodes.

It knows nothing of files, sampling or displays: those are listeners. What it must remember to go on bit for bit is one
`Snapshot`.
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

_MOST_ROLLBACKS = 8


class Batches(Protocol):
    """Where batches come from; `batch` depends on the step alone.

    Attributes:
        steps_per_epoch: batches that read everything once.
        carries_state: whether a lane goes on where its last window ended.
    """

    steps_per_epoch: int
    carries_state: bool

    def batch(self, step: int) -> Batch:
        """The batch of update `step`, counted from 0."""
        ...


@dataclass
class TrainingProgress:
    """The numbers that training carries from step to step.

    Attributes:
        step: updates done.
        seconds: spent on them.
        tokens: read.
        average_loss: exponential mean over about 20 steps; infinite before the first.
        lowest_average: the smallest it has been.
        best_loss: lowest validation loss; infinite before the first.
        since_best: validations since.
        rate_factor: what rollbacks have multiplied the learning rate by.
        rollbacks: how many there were.
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
    """Everything that training goes on from: tensors by name, and the numbers."""

    tensors: Mapping[str, Tensor]
    progress: Mapping[str, Any]


class Trainer:
    """Trains one model on one stream of batches.

    Args:
        model: is changed in place.
        batches: what to read.
        config: how.
        kernels: the compiled instruction set that updates, or None for torch.
        threads: of the compiled kernels.
        validate: scores the validation text, nats a token; None where there is none.
        listeners: are told every event, in order.

    Attributes:
        good: the newest snapshot that training can go back to.
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
        self.updater = make_train_step(
            model,
            config,
            lanes=batches.batch(0).tokens.shape[0],
            carries_state=batches.carries_state,
            kernels=kernels,
            threads=threads,
        )
        self.progress = TrainingProgress()
        self.last_good = self.snapshot()

    def train(self, interrupted: Callable[[], bool] = lambda: False) -> Finished:
        """Go on to the last step, an early stop, or until `interrupted()`.

        Raises:
            TrainingError: the loss explodes again and again.
        """
        config, progress = self.config, self.progress
        first = self.batches.batch(0).tokens.size
        self._emit(
            Started(
                step=progress.step,
                total_steps=config.total_steps,
                steps_per_epoch=self.batches.steps_per_epoch,
                tokens_per_step=first,
            )
        )
        self.last_good = self.snapshot()
        reason = "done"
        while progress.step < config.total_steps:
            if interrupted():
                reason = "interrupted"
                break
            self._advance()
            if config.patience and progress.since_best >= config.patience:
                reason = "early stop"
                break
        best = progress.best_loss if math.isfinite(progress.best_loss) else None
        finished = Finished(step=progress.step, reason=reason, best_loss=best, seconds=progress.seconds)
        self._emit(finished)
        return finished

    def measure_steps(self, seconds: float) -> float:
        """Training steps a second, the median over about so long; everything is put back as it was."""
        before = self.snapshot()
        self._update()
        durations: list[float] = []
        begun = time.perf_counter()
        while len(durations) < 3 or time.perf_counter() - begun < seconds:
            started = time.perf_counter()
            self._update()
            self.progress.step += 1
            durations.append(time.perf_counter() - started)
        self.restore(before)
        return 1 / statistics.median(durations)

    def model_snapshot(self) -> LanguageModel:
        """The model, its weights up to date."""
        self.updater.sync_to_model()
        return self.model

    def snapshot(self) -> Snapshot:
        """A copy of all that `restore` needs."""
        return Snapshot(self.updater.state_dict(), asdict(self.progress))

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to, or on from, a snapshot of a trainer with the same model, batches and settings."""
        self.updater.load_state_dict(snapshot.tensors)
        for name, number in snapshot.progress.items():
            setattr(self.progress, name, number)

    def _advance(self) -> None:
        """One update and what follows from it."""
        begun = time.perf_counter()
        loss, rate = self._update()
        progress = self.progress
        progress.seconds += time.perf_counter() - begun
        progress.step += 1
        if not self._healthy(loss):
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
        """Change the weights by one batch, unless its loss is not finite; give the loss and the learning rate."""
        progress = self.progress
        batch = self.batches.batch(progress.step)
        rate = scheduled_rate(progress.step, self.config) * progress.rate_factor
        loss = self.updater.update(batch, progress.step, rate)
        if math.isfinite(loss):
            progress.tokens += count_tokens(batch)
        return loss, rate

    def _healthy(self, loss: float) -> bool:
        """Whether the loss, averaged, is a number and not far above the lowest it has been."""
        progress = self.progress
        if not math.isfinite(loss):
            return False
        if math.isinf(progress.average_loss):
            progress.average_loss = loss
        else:
            progress.average_loss += 0.05 * (loss - progress.average_loss)
        progress.lowest_average = min(progress.lowest_average, progress.average_loss)
        return progress.average_loss < 1.5 * progress.lowest_average + 0.5

    def _validate(self) -> None:
        """Validate, remember the best, and keep a state to go back to."""
        progress = self.progress
        self.updater.sync_to_model()
        if self.validate is not None:
            loss = self.validate()
            best = loss < progress.best_loss
            progress.best_loss = min(loss, progress.best_loss)
            progress.since_best = 0 if best else progress.since_best + 1
            self._emit(Validated(step=progress.step, loss=loss, best=best, seconds=progress.seconds))
        self.last_good = self.snapshot()
        self._emit(Checkpoint(step=progress.step))

    def _roll_back(self, loss: float) -> None:
        progress = self.progress
        if progress.rollbacks >= _MOST_ROLLBACKS:
            raise TrainingError(
                f"the loss exploded {progress.rollbacks + 1} times, last at step {progress.step} with a rate of "
                f"{scheduled_rate(progress.step, self.config) * progress.rate_factor:.2g}; train again with a smaller "
                "`learning_rate`"
            )
        exploded_at, factor, times = progress.step, progress.rate_factor * 0.5, progress.rollbacks + 1
        seconds, tokens = progress.seconds, progress.tokens
        self.restore(self.last_good)
        progress.rate_factor, progress.rollbacks = factor, times
        progress.seconds, progress.tokens = seconds, tokens
        self._emit(RolledBack(step=exploded_at, to_step=progress.step, loss=loss, rate_factor=factor))

    def _emit(self, event: Event) -> None:
        for listener in self.listeners:
            listener(event)
