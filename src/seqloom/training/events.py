"""What training says while it runs. Listeners (progress, samples, logs) are told; training knows none of them."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Checkpoint", "Epoch", "Event", "Finished", "Listener", "RolledBack", "Started", "Step", "Validated"]


@dataclass(frozen=True, kw_only=True)
class Started:
    """Training begins, or goes on, after `step` of `total_steps` updates."""

    step: int
    total_steps: int
    steps_per_epoch: int
    tokens_per_step: int


@dataclass(frozen=True, kw_only=True)
class Step:
    """One update is done.

    Attributes:
        step: updates so far, this one included.
        loss: of this step's batch, nats a token.
        learning_rate: that was used.
        seconds: spent in training so far; validation and listeners are not counted.
        tokens: read so far.
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
        loss: nats a token.
        best: whether no earlier validation was lower.
    """

    step: int
    loss: float
    best: bool
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The state after `step` is one that training can go back to or on from; time to save it."""

    step: int


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """Every training token was read once more; `epoch` counts from 1."""

    epoch: int
    step: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class RolledBack:
    """The loss exploded at `step`; training went back to `to_step` with the rate multiplied by `rate_factor`."""

    step: int
    to_step: int
    loss: float
    rate_factor: float


@dataclass(frozen=True, kw_only=True)
class Finished:
    """Training is over.

    Attributes:
        reason: "done", "early stop" or "interrupted".
        best_loss: lowest validation loss, nats a token; None where nothing was validated.
    """

    step: int
    reason: str
    best_loss: float | None
    seconds: float


Event = Started | Step | Validated | Checkpoint | Epoch | RolledBack | Finished
Listener = Callable[[Event], None]
