"""Options of training: the settings that a caller can choose; None leaves a setting to seqloom.

Most fields repeat the name and the type of a field of a config dataclass, such as `ModelConfig`. `lm.options` and
`gan.train` make the configs from them.
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

from seqloom.config.choices import (
    Batching,
    ConditionInput,
    DropoutKind,
    Initialization,
    Loss,
    Normalization,
    Optimizer,
    Precision,
    Schedule,
)
from seqloom.config.settings import setting

__all__ = ["BUDGETS", "GanOptions", "Options", "TrainOptions"]

BUDGETS = ("minutes", "epochs", "steps", "pace")
"""Options that set the length of a training; at most one of them can be set."""

_MAX_THREADS = 256

_DEFAULT_SECONDS = 60.0
"""Time budget of a training for which none is set."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """Base class of options; seqloom chooses a value for every option that is None."""

    def chosen(self) -> dict[str, Any]:
        """Return the options that the caller has chosen (those that are not None), by name."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class TrainOptions(Options):
    """Options of `seqloom.train`.

    The fields without a description here are those of `ReadingConfig`, `ModelConfig` and `TrainingConfig`.

    Attributes:
        minutes: budget in minutes of the whole command, from reading the source to the report; 1 if none is set.
        epochs: budget in passes over the training text.
        steps: budget in updates of the weights.
        pace: budget in steps that changes during the training, as "STEP:TOTAL,...": from each STEP on, TOTAL steps are
            planned. A training with a budget in minutes prints its own, for a repetition.
        level: level of the codec: "char", "byte", "word" or "subword"; "char" by default.
        vocabulary: largest size of the vocabulary.
        preset: name of a preset in `config.presets.PRESETS`.
        hidden_size: hidden units per layer: one number for all layers, or a number for each layer.
        layers: number of layers.
        threads: processor threads.
    """

    minutes: float | None = setting(None, help="minutes for the whole command", above=0)
    epochs: float | None = setting(None, help="epochs, passes over the training text", above=0)
    steps: int | None = setting(None, help="steps, that is, updates of the weights", above=0)
    pace: str | None = setting(
        None, help="planned numbers of steps, as an earlier training printed them", metavar="STEP:TOTAL,..."
    )
    level: str | None = setting(None, help="registered level, such as char, byte, word or subword (char)")
    vocabulary: int | None = setting(None, help="largest vocabulary; rarer symbols are spelled in bytes", at_least=1)
    preset: str | None = setting(None, help="preset: classic or reviews")
    hidden_size: int | tuple[int, ...] | None = setting(
        None, help="hidden units of each layer", metavar="N[,N...]", at_least=1
    )
    layers: int | None = setting(None, help="number of layers", above=0)
    threads: int | None = setting(None, help="processor threads (all)", at_least=1, at_most=_MAX_THREADS)
    encoding: str | None = None
    strict: bool | None = None
    lowercase: bool | None = None
    normalize: Normalization | None = None
    keep_newlines: bool | None = None
    records: str | None = None
    text: str | None = None
    rating: str | tuple[str, ...] | None = None
    group: str | None = None
    category: str | tuple[str, ...] | None = None
    pool: str | None = None
    cut_words: int | None = None
    passages: bool | None = None
    sentences: bool | None = None
    missing: tuple[str, ...] | None = None
    max_size: float | None = None
    kind: str | None = None
    transpose: int | None = None
    vary_tempo: float | None = None
    stretch: float | None = None
    turn: float | None = None
    follow_links: bool | None = None
    core: str | None = None
    head: str | None = None
    mixtures: int | None = None
    embedding: int | None = None
    tied: bool | None = None
    layer_norm: bool | None = None
    forget_bias: float | None = None
    initialization: Initialization | None = None
    kernel_width: int | None = None
    prediction_heads: int | None = None
    dropout: float | None = None
    dropout_kind: DropoutKind | None = None
    weight_dropout: float | None = None
    condition_into: tuple[ConditionInput, ...] | None = None
    batch_size: int | None = None
    sequence_length: int | None = None
    batching: Batching | None = None
    stride: int | None = None
    loss: Loss | None = None
    optimizer: Optimizer | None = None
    learning_rate: float | None = None
    betas: tuple[float, float] | None = None
    weight_decay: float | None = None
    clip: float | None = None
    schedule: Schedule | None = None
    warmup: int | None = None
    final_rate: float | None = None
    precision: Precision | None = None
    hold_out: float | None = None
    validation: float | None = None
    validation_tokens: int | None = None
    validate_every: int | None = None
    patience: int | None = None
    seed: int | None = None
    condition_dropout: float | None = None
    balance_ratings: bool | None = None

    @property
    def budget_seconds(self) -> float | None:
        """Time budget of the command; None if the budget is in epochs or steps, or set by a preset."""
        if self.minutes is not None:
            return 60 * self.minutes
        others = (self.epochs, self.steps, self.pace, self.preset)
        return _DEFAULT_SECONDS if all(budget is None for budget in others) else None


@dataclass(frozen=True, kw_only=True)
class GanOptions(Options):
    """Options of `seqloom.train_gan`.

    The fields without a description here are those of `GanConfig`, `ReadingConfig` and, for the likelihood training
    that comes first, `TrainOptions`.

    Attributes:
        minutes: time budget of the whole training with all its stages, in minutes.
        noise_size: dimension of the Gaussian noise from which the generator writes.
        steps: budget of likelihood training, the first stage, in updates.
        epochs: budget of likelihood training, in passes over the training text.
        level: level of the codec; "word" by default.
        vocabulary: largest size of the vocabulary.
    """

    minutes: float | None = setting(None, help="minutes for the whole command, with all stages (8)", above=0)
    noise_size: int | None = setting(None, help="dimension of the Gaussian noise (10)", at_least=1, at_most=1000)
    steps: int | None = setting(None, help="steps of likelihood training, instead of minutes", above=0)
    epochs: float | None = setting(None, help="epochs of likelihood training, instead of minutes", above=0)
    level: str | None = setting(None, help="registered level, such as char, byte, word or subword (word)")
    vocabulary: int | None = setting(
        None, help="largest vocabulary; texts with other words are left out (4000 words)", at_least=1
    )
    pace: str | None = None
    adversarial_steps: int | None = None
    pretrain_steps: int | None = None
    warmup_steps: int | None = None
    batch_size: int | None = None
    pack_size: int | None = None
    max_length: int | None = None
    loss: str | None = None
    target_kl_nats: float | None = None
    generator_learning_rate: float | None = None
    discriminator_learning_rate: float | None = None
    likelihood_weight: float | None = None
    final_likelihood_share: float | None = None
    adversarial_weight: float | None = None
    temperature: float | None = None
    final_temperature: float | None = None
    accuracy_band: tuple[float, float] | None = None
    ema_decay: float | None = None
    eval_every: int | None = None
    seed: int | None = None
    encoding: str | None = None
    strict: bool | None = None
    lowercase: bool | None = None
    normalize: Normalization | None = None
    keep_newlines: bool | None = None
    records: str | None = None
    text: str | None = None
    rating: str | tuple[str, ...] | None = None
    group: str | None = None
    category: str | tuple[str, ...] | None = None
    pool: str | None = None
    cut_words: int | None = None
    passages: bool | None = None
    sentences: bool | None = None
    missing: tuple[str, ...] | None = None
    max_size: float | None = None
    follow_links: bool | None = None
    core: str | None = None
    hidden_size: int | tuple[int, ...] | None = None
    layers: int | None = None
    embedding: int | None = None
    dropout: float | None = None
    sequence_length: int | None = None
    learning_rate: float | None = None
    hold_out: float | None = None
    validation: float | None = None
    threads: int | None = None
