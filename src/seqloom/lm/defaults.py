"""Choose default sizes, batches, learning rate and dropout from the corpus and the budget.

The values come from sweeps on two cores over corpora of 0.5 to 1 million characters and budgets from 7 to 600 seconds.
"""

import itertools
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from seqloom.config import ModelConfig, TrainingConfig
from seqloom.config.pace import Pace
from seqloom.kernels.cores import core_spec
from seqloom.kernels.heads import head_spec
from seqloom.kernels.library import BFLOAT16_KERNELS, chosen_kernels, training_kernels
from seqloom.kernels.trainer import supports_native_training
from seqloom.lm.options import ResolvedOptions

__all__ = ["Budget", "TrainingPlan", "choose_defaults", "kernels_for"]

_SMALL_VOCABULARY = 256
"""Largest vocabulary that gets a narrow embedding; a larger one counts as a vocabulary of words or subwords."""

_DATA_LIMITED_HIDDEN_SIZE, _DATA_LIMITED_EPOCHS, _DATA_LIMITED_DROPOUT = 256, 12.0, 0.5
"""Largest hidden size, largest number of epochs, and dropout of a data-limited model: a word or subword model with more
weights than training tokens. Without these limits, it would memorise the corpus."""


_DENSITY_RATE = 0.5
"""Learning rate of a model that puts out the parameters of a density, relative to that of other models."""

_DENSITY_LAYERS, _MIN_DENSITY_LAYERS_SECONDS = 2, 150
"""Number of layers of a density model, and the shortest budget in seconds with so many; with less, one is better."""

_DENSITY_CONDITIONS: Mapping[str, Any] = {"condition_into": ("input",)}
"""Defaults of a density model with conditions. Further ways would only fit the few documents of each category."""


class _BudgetDefaults(NamedTuple):
    """Default settings for a range of budgets.

    Attributes:
        max_seconds: longest budget in the range, in seconds of training with torch.
        hidden_size: hidden units per layer.
        sequence_length: tokens per training sequence.
        learning_rate: peak learning rate.
    """

    max_seconds: float
    hidden_size: int
    sequence_length: int
    learning_rate: float


_DEFAULTS_BY_BUDGET = (
    # max_seconds, hidden_size, sequence_length, learning_rate
    _BudgetDefaults(12, 128, 24, 0.04),
    _BudgetDefaults(40, 160, 32, 0.025),
    _BudgetDefaults(150, 192, 32, 0.02),
    _BudgetDefaults(400, 256, 32, 0.015),
    _BudgetDefaults(1500, 384, 48, 0.008),
    _BudgetDefaults(math.inf, 512, 48, 0.006),
)

_SPEED_OVER_TORCH = {"amx": 3.5, "avx512bf16": 2.0}
"""Training speed of the compiled kernels relative to torch, by instruction set. `_DEFAULTS_BY_BUDGET` counts seconds of
training with torch, so a budget in seconds is multiplied by this factor."""

_TOKENS_PER_SECOND = 60_000
"""Estimated training speed of a small model with torch, to convert a budget in epochs or steps to seconds."""

_MULTIPLICATIONS_PER_SECOND = 1.2e10
_FIXED_COST_PER_TOKEN = 5e4
"""Estimated training speed, and the part of a token's cost that does not depend on the size of the model: the number of
multiplications that would take the same time."""

_MIN_VALIDATION_TOKENS, _MAX_VALIDATION_TOKENS, _VALIDATION_TOKENS_PER_SECOND = 20_000, 1_000_000, 700
"""Limits of the number of tokens that a validation scores, and the number per second of the budget. On two cores, the
usual twenty validations then take a tenth of the time."""

_DEFAULT_BATCH_SIZE, _USUAL_SEQUENCE_LENGTH = 32, 32
"""Sequences per batch, and tokens per sequence where the defaults have not been chosen yet."""


@dataclass(frozen=True)
class Budget:
    """The length of a training; exactly one of `seconds`, `epochs` and `steps` is set.

    Attributes:
        seconds: training time.
        epochs: passes over the training text.
        steps: training steps.
        max_epochs: additional limit of a budget in seconds; None for no limit.
    """

    seconds: float | None = None
    epochs: float | None = None
    steps: int | None = None
    max_epochs: float | None = None


@dataclass(frozen=True)
class TrainingPlan:
    """All settings of a training, except for the number of steps if the budget is in seconds or epochs.

    Attributes:
        model: network settings.
        training: training settings; unless the budget is in steps, `total_steps` is a placeholder.
        budget: length of the training.
        threads: number of threads.
        kernels: instruction set of the compiled kernels, or None for torch.
    """

    model: ModelConfig
    training: TrainingConfig
    budget: Budget
    threads: int
    kernels: str | None


def choose_defaults(
    options: ResolvedOptions,
    *,
    vocabulary: int,
    tokens: int,
    original_tokens: int | None = None,
    mean_document_tokens: float,
    parent: ModelConfig | None,
    num_condition_features: int = 0,
    head: str = "softmax",
    factors: tuple[int, ...] = (),
) -> TrainingPlan:
    """Return a plan with defaults for all settings that the options leave open.

    Args:
        options: settings from the user and the preset.
        vocabulary: number of token ids.
        tokens: number of training tokens.
        original_tokens: number of those that are not in altered copies; None for all.
        mean_document_tokens: mean number of tokens per document.
        parent: shape of the model with the initial weights, which the new model takes over; None without such a model.
        num_condition_features: number of the model's inputs that encode ratings and categories.
        head: head that suits the codec.
        factors: sizes of the parts of tokens; see `ModelConfig`.

    Raises:
        ConfigError: a setting is out of range or contradicts another one.
    """
    budget = _budget(options.other)
    precision = options.training.get("precision") or ("bfloat16" if is_bfloat16_faster() else "float32")
    seconds = _torch_seconds(budget, _expected_kernels(options, parent, precision, head), options, tokens)
    row = next(row for row in _DEFAULTS_BY_BUDGET if seconds <= row.max_seconds)
    hidden_size, default_rate = row.hidden_size, row.learning_rate
    is_density = _is_density(options.model.get("head", head) if parent is None else parent.head)
    layers = _DENSITY_LAYERS if is_density and seconds > _MIN_DENSITY_LAYERS_SECONDS else None
    defaults_of_head = {"head": head, **(_DENSITY_CONDITIONS if is_density else {})}
    architecture = {**defaults_of_head, **_architecture(options, vocabulary, hidden_size, layers, parent)}
    inputs = {"vocabulary": vocabulary, "factors": factors, "num_condition_features": num_condition_features}
    model = ModelConfig(**{**architecture, **inputs})
    originals = original_tokens or tokens
    data_limited = options.preset is None and _is_data_limited(model, tokens)
    is_too_large = data_limited or (is_density and _multiplications(model) > originals)
    is_size_open = parent is None and "hidden_sizes" not in options.model
    if is_too_large and is_size_open and hidden_size > _DATA_LIMITED_HIDDEN_SIZE:
        default_rate = _learning_rate_for(_DATA_LIMITED_HIDDEN_SIZE)
        model = replace(model, **_sizes_and_embedding(options, vocabulary, _DATA_LIMITED_HIDDEN_SIZE, layers))
    expected_epochs = seconds * _tokens_per_second(model) / tokens
    if data_limited and budget.seconds is not None:
        budget = replace(budget, max_epochs=min(_DATA_LIMITED_EPOCHS, budget.max_epochs or math.inf))
    expected_epochs = min(expected_epochs, budget.max_epochs or math.inf)
    # A density learns nothing new from a copy with other proportions, as a model of other keys does.
    effective_epochs = expected_epochs * (tokens / originals if is_density else 1)
    if "dropout" not in options.model and options.preset is None:
        model = replace(model, dropout=_DATA_LIMITED_DROPOUT if data_limited else _dropout(effective_epochs))
    default_length = min(row.sequence_length, _power_of_two_up_to(mean_document_tokens))
    batch_size, sequence_length = _batch_shape(options.training, tokens, default_length)
    defaults = {
        "batch_size": batch_size,
        "sequence_length": sequence_length,
        "learning_rate": float(f"{_learning_rate(options, parent, default_rate, model):.3g}"),
        "weight_decay": 0.01 if effective_epochs < 8 else 0.02,
        "precision": precision,
        "validation_tokens": _validation_tokens(budget),
    }
    steps = {"total_steps": budget.steps or 1, "pace": options.other.get("pace", "")}
    training = TrainingConfig(**{**steps, **defaults, **options.training})
    threads = options.other.get("threads") or os.cpu_count() or 1
    return TrainingPlan(model, training, budget, threads, kernels_for(model, training))


def kernels_for(model: ModelConfig, training: TrainingConfig) -> str | None:
    """Return the instruction set of the compiled kernels that train a model on this machine, or None for torch."""
    return training_kernels(training.precision) if supports_native_training(model) else None


def is_bfloat16_faster() -> bool:
    """Return whether training in bfloat16 is faster than in float32, with the kernels in use."""
    kernels = chosen_kernels()
    if kernels is not None:
        return kernels in BFLOAT16_KERNELS
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and _has_bf16_dot_product()


def _has_bf16_dot_product() -> bool:
    """Return whether the processor has the instruction set AVX-512 BF16; False if torch cannot say."""
    import torch

    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def _budget(options: Mapping[str, Any]) -> Budget:
    """Return the budget that the options name, or else one minute."""
    if "pace" in options:
        return Budget(steps=Pace.parse(options["pace"]).total_steps)
    if "steps" in options:
        return Budget(steps=int(options["steps"]))
    if "epochs" in options:
        return Budget(epochs=float(options["epochs"]))
    return Budget(seconds=60 * float(options.get("minutes", 1)), max_epochs=options.get("max_epochs"))


def _validation_tokens(budget: Budget) -> int:
    """Return the largest number of tokens of a validation, in proportion to a budget in seconds."""
    if budget.seconds is None:
        return _MAX_VALIDATION_TOKENS
    tokens = int(_VALIDATION_TOKENS_PER_SECOND * budget.seconds)
    return min(_MAX_VALIDATION_TOKENS, max(_MIN_VALIDATION_TOKENS, tokens))


def _torch_seconds(budget: Budget, kernels: str | None, options: ResolvedOptions, tokens: int) -> float:
    """Return the budget as seconds of training with torch; `kernels` train the model, None for torch."""
    if budget.seconds is not None:
        return budget.seconds * _SPEED_OVER_TORCH.get(kernels or "", 1.0)
    if budget.epochs is not None:
        return budget.epochs * tokens / _TOKENS_PER_SECOND
    batch_size = int(options.training.get("batch_size", _DEFAULT_BATCH_SIZE))
    sequence_length = int(options.training.get("sequence_length", _USUAL_SEQUENCE_LENGTH))
    return (budget.steps or 1) * (batch_size * sequence_length) / _TOKENS_PER_SECOND


def _expected_kernels(options: ResolvedOptions, parent: ModelConfig | None, precision: str, head: str) -> str | None:
    """Return the instruction set of the kernels that will train the model, or None for torch.

    The sizes of the model are not known yet, but whether the kernels support a model does not depend on its sizes.
    """
    architecture = {name: options.model[name] for name in ("core", "layer_norm") if name in options.model}
    model = parent or ModelConfig(vocabulary=2, **architecture)  # any valid vocabulary
    is_density = _is_density(options.model.get("head", head))
    if options.model.get("tied") or is_density or not supports_native_training(model):
        return None
    return training_kernels(precision)


def _architecture(
    options: ResolvedOptions, vocabulary: int, size: int, layers: int | None, parent: ModelConfig | None
) -> dict[str, Any]:
    """Return the fields of the model config, from the parent if there is one."""
    if parent is not None:
        return {**parent.to_json(), "hidden_sizes": parent.hidden_sizes, **options.model}
    return {**_sizes_and_embedding(options, vocabulary, size, layers), **options.model}


def _sizes_and_embedding(options: ResolvedOptions, vocabulary: int, size: int, layers: int | None) -> dict[str, Any]:
    """Return hidden sizes and embedding width.

    Args:
        options: settings from the user and the preset.
        vocabulary: number of token ids.
        size: hidden size where the options leave it open.
        layers: number of layers where the options leave it open; None for that of the core.
    """
    core = core_spec(options.model.get("core", ModelConfig.core))
    layers = int(options.other.get("layers", layers or core.default_layers))
    sizes = options.model.get("hidden_sizes", (size,) * layers)
    # A single size means one layer of a recurrent core, but the default number of layers of any other core.
    if not core.is_recurrent and len(sizes) == 1:
        sizes = sizes * layers
    if options.model.get("tied"):
        embedding = sizes[-1]
    else:
        embedding = 32 if vocabulary <= _SMALL_VOCABULARY else min(sizes[0], 128)
    return {"hidden_sizes": sizes, "embedding": embedding}


def _learning_rate(options: ResolvedOptions, parent: ModelConfig | None, default: float, model: ModelConfig) -> float:
    """Return the learning rate: half of the usual rate if the training starts from the weights of a parent.

    Args:
        options: settings from the user and the preset.
        parent: shape of the model with the initial weights; None for a new model.
        default: rate for a new model whose hidden sizes the options leave open.
        model: shape of the network.
    """
    widest_layer = max(model.hidden_sizes)
    factor = _DENSITY_RATE if _is_density(model.head) else 1.0
    if parent is not None:
        return 0.5 * factor * _learning_rate_for(widest_layer)
    return factor * (_learning_rate_for(widest_layer) if "hidden_sizes" in options.model else default)


def _learning_rate_for(size: int) -> float:
    """Return the learning rate for a hidden size, interpolated geometrically between the rows of the table."""
    sizes = [row.hidden_size for row in _DEFAULTS_BY_BUDGET]
    rates = [row.learning_rate for row in _DEFAULTS_BY_BUDGET]
    if size <= sizes[0]:
        return rates[0]
    for (smaller, first_rate), (larger, second_rate) in itertools.pairwise(zip(sizes, rates, strict=True)):
        if size <= larger:
            share = math.log(size / smaller) / math.log(larger / smaller)
            return float(first_rate * (second_rate / first_rate) ** share)
    return float(rates[-1] * sizes[-1] / size)


def _tokens_per_second(model: ModelConfig) -> float:
    """Return the estimated training speed from the number of multiplications per token."""
    return float(
        _MULTIPLICATIONS_PER_SECOND
        / (
            _multiplications(model)
            + model.hidden_sizes[-1] * _num_outputs(model) * (model.prediction_heads - 1)
            + _FIXED_COST_PER_TOKEN
        )
    )


def _multiplications(model: ModelConfig) -> int:
    """Return the approximate number of multiplications per token with one prediction head: about one per weight."""
    widths = (model.embedding or model.vocabulary, *model.hidden_sizes)
    # Every layer counts as an LSTM layer: four gates, each with a matrix for the inputs and a matrix for the state.
    layers = sum(4 * size * (input_width + size) for input_width, size in itertools.pairwise(widths))
    return layers + model.hidden_sizes[-1] * _num_outputs(model)


def _num_outputs(model: ModelConfig) -> int:
    return head_spec(model.head).num_outputs(model)


def _is_density(head: str) -> bool:
    """Return whether a head puts out the parameters of a density, such as the means of Gaussians."""
    return head_spec(head).make_distribution is not None


def _is_data_limited(model: ModelConfig, tokens: int) -> bool:
    """Return whether a word or subword model has more weights than training tokens."""
    return _num_outputs(model) > _SMALL_VOCABULARY and _multiplications(model) > tokens


def _dropout(epochs: float) -> float:
    """Return a dropout rate: 0 for up to 3 epochs, and 0.1 more for each doubling of the epochs, up to 0.5."""
    return round(min(0.5, max(0.0, 0.1 * math.log2(max(epochs, 1) / 3))), 2)


def _batch_shape(training: Mapping[str, Any], tokens: int, default_length: int) -> tuple[int, int]:
    """Return batch size and sequence length; small batches give even a small corpus several batches per epoch."""
    sequence_length = training.get("sequence_length", default_length)
    batch_size = training.get("batch_size", _DEFAULT_BATCH_SIZE)
    if "batch_size" not in training:
        batch_size = max(1, min(_DEFAULT_BATCH_SIZE, tokens // (4 * sequence_length)))
    return batch_size, sequence_length


def _power_of_two_up_to(length: float) -> int:
    """Return the largest power of two that is at most `length`, but at least 8."""
    return int(2 ** max(3, math.floor(math.log2(max(length, 8)))))
