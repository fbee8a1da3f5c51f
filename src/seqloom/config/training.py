"""How a network is trained."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seqloom.config.base import Check, JsonSerializable, validate

__all__ = ["TrainingConfig"]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(JsonSerializable):
    """How the network is trained.

    Attributes:
        total_steps: optimiser updates from the first to the last; the schedule ends there.
        lanes: sequences side by side in a batch.
        window: tokens a lane reads between two updates.
        batching: "lanes" carries state from window to window (truncated backpropagation through time), "windows" draws
            windows in random order and starts each from a zero state.
        stride: distance between the starts of two windows ("windows" only).
        loss: "all" learns from every position, "last" from a window's end alone.
        optimizer: "adamw", "adam" or "rmsprop".
        learning_rate: the schedule's peak.
        betas: decay of the gradient's first and second moment.
        weight_decay: decoupled, on weight matrices only ("adamw").
        clip: largest norm of the gradient; 0 does not clip.
        schedule: "cosine" (with warm-up, to `final_rate` of the peak) or "constant".
        warmup: steps of linear warm-up.
        final_rate: where the cosine ends, as a share of the peak.
        precision: "float32" or "bfloat16" (master weights stay in float32).
        hold_out: share of the text set aside; nothing is chosen on it.
        validation: share of the rest that best-so-far and early stopping are judged on.
        validate_every: steps between two validations.
        patience: validations without a new best before training stops early; 0 never stops.
        seed: of the weights, the order of the data and dropout.
        hide_ratings: share of readings in which a text's ratings are hidden, so that the model learns to write without
            them, and guidance has something to lead away from (Ho, Salimans 2022).
        balance: read texts of every rating as often as those of any other.
    """

    total_steps: int
    batch_size: int = 32
    sequence_length: int = 32
    batching: str = "lanes"
    stride: int = 1
    loss: str = "all"
    optimizer: str = "adamw"
    learning_rate: float = 0.02
    betas: tuple[float, float] = (0.85, 0.99)
    weight_decay: float = 0.01
    clip: float = 1.0
    schedule: str = "cosine"
    warmup: int = 50
    final_rate: float = 0.03
    precision: str = "float32"
    hold_out: float = 0.0
    validation: float = 0.03
    validate_every: int = 200
    patience: int = 10
    seed: int = 0
    condition_dropout: float = 0.1
    balance_ratings: bool = False

    def __post_init__(self) -> None:
        validate(
            *[
                _at_least(flag, value, least)
                for flag, value, least in (
                    ("steps", self.total_steps, 1),
                    ("lanes", self.batch_size, 1),
                    ("window", self.sequence_length, 1),
                    ("stride", self.stride, 1),
                    ("warmup", self.warmup, 0),
                    ("validate-every", self.validate_every, 1),
                    ("patience", self.patience, 0),
                    ("seed", self.seed, 0),
                    ("clip", self.clip, 0),
                    ("weight-decay", self.weight_decay, 0),
                )
            ],
            *[
                _one_of(flag, value, choices)
                for flag, value, choices in (
                    ("batching", self.batching, ("lanes", "windows")),
                    ("loss", self.loss, ("all", "last")),
                    ("optimizer", self.optimizer, ("adamw", "adam", "rmsprop")),
                    ("schedule", self.schedule, ("cosine", "constant")),
                    ("precision", self.precision, ("float32", "bfloat16")),
                )
            ],
            (self.seed < 2**63, f"--seed got {self.seed}: choose below 2**63"),
            (
                len(self.betas) == 2 and all(0 <= beta < 1 for beta in self.betas),
                f"--betas got {','.join(map(str, self.betas))}: give two numbers from 0 up to, not including, 1",
            ),
            (0 <= self.final_rate <= 1, f"--final-rate got {self.final_rate}: choose a share from 0 to 1"),
            (
                math.isfinite(self.learning_rate) and self.learning_rate > 0,
                f"--learning-rate got {self.learning_rate}: it must be a number above 0",
            ),
            *[
                (0 <= share < 1, f"--{name} got {share}: choose a share from 0 up to, not including, 1")
                for name, share in (
                    ("hold-out", self.hold_out),
                    ("validation", self.validation),
                    ("hide-ratings", self.condition_dropout),
                )
            ],
            (
                not self.balance_ratings or self.batching == "lanes",
                "--balance deals texts to lanes, so it needs --batching lanes",
            ),
            (
                self.loss == "all" or self.batching == "windows",
                "--loss last learns from a window's end, so it needs --batching windows",
            ),
        )


def _at_least(flag: str, value: float, least: int) -> Check:
    return least <= value < math.inf, f"--{flag} got {value}: it must be a number from {least} up"


def _one_of(flag: str, value: str, choices: Sequence[str]) -> Check:
    return value in choices, f"--{flag} got {value!r}: choose from {', '.join(choices)}"
