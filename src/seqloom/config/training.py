"""Settings of training.

`automatic=True` means: unless the user sets a value, `seqloom.train` chooses one for corpus, budget and machine. The
default below then holds only for a `TrainingConfig` made directly.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from seqloom.config.base import Check, JsonSerializable, validate
from seqloom.config.choices import Batching, Loss, Optimizer, Precision, Schedule
from seqloom.config.pace import Pace
from seqloom.config.settings import range_checks, setting, type_checks
from seqloom.errors import ConfigError

__all__ = ["TrainingConfig"]


@dataclass(frozen=True, kw_only=True)
class TrainingConfig(JsonSerializable):
    """Settings of training.

    Attributes:
        total_steps: number of optimiser updates in the whole training; the schedule ends with the last one. A training
            with a time limit starts with an estimate.
        pace: planned numbers of steps, as "STEP:TOTAL,...", if the plan was revised during the training; see
            `config.pace`.
        batch_size: sequences per batch.
        sequence_length: tokens per sequence in one update (truncated backpropagation through time).
        batching: "stateful" carries the state from batch to batch, "windows" draws windows in random order and starts
            each from a zero state.
        stride: distance between the starts of two windows ("windows" only).
        loss: "all" learns from every position, "last" from the last position of a window.
        optimizer: "adamw", "adam" or "rmsprop".
        learning_rate: peak of the schedule.
        betas: decay of the gradient's first and second moment ("adamw" and "adam").
        weight_decay: decoupled weight decay of weight matrices ("adamw" only).
        clip: largest norm of the gradient; 0 does not clip.
        schedule: "cosine" (with warm-up, to `final_rate` of the peak) or "constant".
        warmup: steps of linear warm-up.
        final_rate: learning rate at the end of the cosine, as a share of the peak.
        precision: "float32" or "bfloat16" (master weights stay in float32).
        hold_out: share of the text kept for the final measurement; neither training nor model selection reads it.
        validation: share of the text that `hold_out` leaves; it selects the best weights and stops training early.
        validation_tokens: largest number of tokens, from the start of the validation text, that a validation scores.
        validate_every: steps between two validations.
        patience: validations without a new best before training stops early; 0 never stops.
        seed: seed of the weights, the order of the data and dropout.
        condition_dropout: share of texts that are read without their ratings, which classifier-free guidance needs
            (Ho, Salimans 2022).
        balance_ratings: whether texts of every rating are read equally often.
    """

    total_steps: int = setting(help="updates", at_least=1, on_command_line=False)
    pace: str = setting("", help="planned numbers of steps", on_command_line=False)
    batch_size: int = setting(32, help="sequences per batch", at_least=1, automatic=True)
    sequence_length: int = setting(32, help="tokens per sequence in one update", at_least=1, automatic=True)
    batching: Batching = setting("stateful", help="carry the state from batch to batch, or draw independent windows")
    stride: int = setting(1, help="tokens between the starts of two windows", at_least=1)
    loss: Loss = setting("all", help="learn from all positions, or the last of a window")
    optimizer: Optimizer = setting("adamw", help="optimizer")
    learning_rate: float = setting(0.02, help="peak learning rate", above=0, automatic=True)
    betas: tuple[float, float] = setting(
        (0.85, 0.99), help="decay of the gradient's moments", at_least=0, below=1, metavar="A,B"
    )
    weight_decay: float = setting(0.01, help="weight decay of weight matrices", at_least=0, automatic=True)
    clip: float = setting(1.0, help="largest norm of the gradient; 0 is off", at_least=0)
    schedule: Schedule = setting("cosine", help="schedule of the learning rate")
    warmup: int = setting(50, help="steps of linear warm-up", at_least=0, automatic=True)
    final_rate: float = setting(0.03, help="last learning rate, as a share of the peak", at_least=0, at_most=1)
    precision: Precision = setting(
        "float32", help="precision of matrix products (bfloat16 where it is faster)", automatic=True
    )
    hold_out: float = setting(0.0, help="share of the text held out for the final measurement", at_least=0, below=1)
    validation: float = setting(
        0.03, help="share of the rest for validation, which selects the best weights", at_least=0, below=1
    )
    validation_tokens: int = setting(
        1_000_000, help="largest number of tokens that a validation scores", at_least=2, automatic=True
    )
    validate_every: int = setting(200, help="steps between two validations", at_least=1, automatic=True)
    patience: int = setting(10, help="validations without a new best before training stops; 0 never stops", at_least=0)
    seed: int = setting(0, help="seed of weights, order and dropout", at_least=0)
    condition_dropout: float = setting(
        0.1, help="share of texts read without their ratings, for guidance", at_least=0, below=1
    )
    balance_ratings: bool = setting(False, help="sample texts of every rating equally often")

    def __post_init__(self) -> None:
        validate(*type_checks(self))
        validate(*range_checks(self), *_rules(self))

    def make_pace(self) -> Pace:
        """Return the planned number of steps with its revisions."""
        return Pace.parse(self.pace) if self.pace else Pace([(0, self.total_steps)])


def _rules(config: TrainingConfig) -> Iterator[Check]:
    if config.pace:
        try:
            total_steps = Pace.parse(config.pace).total_steps
        except ConfigError as error:
            yield from ((False, fault) for fault in error.faults)
        else:
            yield (
                total_steps == config.total_steps,
                f"`pace` ends at {total_steps:,} steps, and `total_steps` is {config.total_steps:,}",
            )
    yield config.seed < 2**63, f"`seed` got {config.seed}: choose a number below 2**63"
    yield len(config.betas) == 2, f"`betas` got {','.join(map(str, config.betas))}: give two numbers"
    yield (
        not config.balance_ratings or config.batching == "stateful",
        "`balance_ratings` works only with `batching` stateful: leave out `balance_ratings`, or choose stateful",
    )
    yield (
        config.loss == "all" or config.batching == "windows",
        "`loss` last learns from the end of a window, so it needs `batching` windows",
    )
