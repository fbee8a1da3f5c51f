"""Events of a training, for listeners such as progress displays, samples and logs.

In every event, `step` is the number of updates so far, and `seconds` their total duration, without validation and
listeners.
"""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = [
    "Checkpoint",
    "Epoch",
    "Event",
    "Finished",
    "Listener",
    "Paused",
    "Replanned",
    "RolledBack",
    "Started",
    "Step",
    "Validated",
]


@dataclass(frozen=True, kw_only=True)
class Started:
    """Training starts, or continues, after `step` of `total_steps` updates.

    Attributes:
        steps_per_epoch: number of batches that read all tokens once.
        tokens_per_step: number of positions of a batch, padding included.
        seconds_left: time that is left for the training and the work that follows it; None without a time limit.
    """

    step: int
    total_steps: int
    steps_per_epoch: int
    tokens_per_step: int
    seconds_left: float | None = None


@dataclass(frozen=True, kw_only=True)
class Step:
    """One update has finished.

    Attributes:
        step: number of updates, this one included.
        loss: loss of this step's batch in nats per token.
        learning_rate: learning rate of this step.
        seconds: duration of all updates, without validation and listeners.
        tokens: number of tokens read in all updates.
    """

    step: int
    loss: float
    learning_rate: float
    seconds: float
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Validated:
    """The validation text was scored.

    Attributes:
        loss: validation loss in nats per token.
        best: whether the loss is the lowest so far.
    """

    step: int
    loss: float
    best: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state after `step` can be saved: training can continue from it."""

    step: int


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """An epoch has finished; `epoch` counts from 1."""

    epoch: int
    step: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class RolledBack:
    """The loss exploded at `step`, so training went back to the weights of `to_step`, with half the learning rate.

    Attributes:
        loss: loss of the step that exploded, in nats per token; NaN if it was not finite.
        rate_factor: factor of all later learning rates relative to the schedule, after all rollbacks so far.
    """

    step: int
    to_step: int
    loss: float
    rate_factor: float


@dataclass(frozen=True, kw_only=True)
class Replanned:
    """The number of steps was adjusted to the measured speed: after `step`, the training has `total_steps`."""

    step: int
    total_steps: int


@dataclass(frozen=True, kw_only=True)
class Paused:
    """The process did not run for some seconds, which count neither as training time nor as speed."""

    step: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Training has ended.

    Attributes:
        reason: "done", "early stop" or "interrupted".
        best_loss: lowest validation loss in nats per token; None without validation.
    """

    step: int
    reason: str
    best_loss: float | None
    seconds: float


Event = Started | Step | Validated | Checkpoint | Epoch | RolledBack | Replanned | Paused | Finished
Listener = Callable[[Event], None]
