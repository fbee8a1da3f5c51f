"""Choosing what a person did not: size, batch, learning rate and dropout from the corpus and the budget.

The figures come from sweeps on two cores over corpora of 0.5 to 1 million characters and budgets from 7 to 600 seconds.
They decide how good a run is by default, never whether it works.
"""

import itertools
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from seqloom.config import ModelConfig, TrainingConfig
from seqloom.kernels.library import BFLOAT16, chosen_kernels, training_kernels
from seqloom.kernels.trainer import covers
from seqloom.lm.options import ResolvedOptions

__all__ = ["Budget", "TrainingPlan", "choose_defaults", "kernels_for"]

_SMALL_VOCABULARY = 256
_SCARCE_SIZE, _SCARCE_EPOCHS, _SCARCE_DROPOUT = 256, 12.0, 0.5
"""Of a network that learns words from few of them: in more readings, or with more units, it learns them by heart."""

_LINES: tuple[tuple[float, int, int, float], ...] = (
    # seconds of training up to, hidden units, window, learning rate
    (12, 128, 24, 0.04),
    (40, 160, 32, 0.025),
    (150, 192, 32, 0.02),
    (400, 256, 32, 0.015),
    (1500, 384, 48, 0.008),
    (math.inf, 512, 48, 0.006),
)
_PACE = {"amx": 3.5, "avx512bf16": 2.0}
"""How much more than by torch is trained in a second: the table's seconds are torch's."""

_TOKENS_A_SECOND = 60_000
"""A guess at the speed of a small model, to put epochs and steps on the same scale as seconds."""


@dataclass(frozen=True)
class Budget:
    """How long to train; one of the first three is set.

    Attributes:
        seconds: of training.
        epochs: readings of the training text.
        steps: updates.
        most_epochs: beyond which a budget in seconds is not used up.
    """

    seconds: float | None = None
    epochs: float | None = None
    steps: int | None = None
    most_epochs: float | None = None


@dataclass(frozen=True)
class TrainingPlan:
    """What will be trained, but for the number of steps where the budget is in time or epochs."""

    model: ModelConfig
    training: TrainingConfig
    budget: Budget
    threads: int
    kernels: str | None


def choose_defaults(
    settings: ResolvedOptions,
    *,
    vocabulary: int,
    tokens: int,
    mean_document: float,
    parent: ModelConfig | None,
    num_condition_features: int = 0,
) -> TrainingPlan:
    """Fill in what was not set.

    Args:
        settings: what was.
        vocabulary: size of the codec's.
        tokens: to train on.
        mean_document: mean tokens of a document.
        parent: the model that training goes on from, whose shape is kept.
        num_condition_features: features of the texts' ratings.

    Raises:
        ConfigError: a setting is out of range, or contradicts another.
    """
    budget = _budget(settings.other)
    precision = settings.training.get("precision") or ("bfloat16" if fast_bfloat16() else "float32")
    seconds = _in_seconds(budget, tokens, settings.training)
    if budget.seconds is not None:
        seconds *= _PACE.get(_likely_kernels(settings, parent, precision) or "", 1.0)
    size, window, rate = _line(seconds)
    model = {**_shape(settings, vocabulary, size), **settings.model} if parent is None else _kept(parent, settings)
    model_config = ModelConfig(**{**model, "vocabulary": vocabulary, "num_condition_features": num_condition_features})
    scarce = settings.preset is None and _scarce(model_config, tokens)
    if scarce and parent is None and "hidden_sizes" not in settings.model and size > _SCARCE_SIZE:
        size, rate = _SCARCE_SIZE, _rate(_SCARCE_SIZE)
        model_config = replace(model_config, **_shape(settings, vocabulary, size))
    passes = seconds * _speed(model_config) / tokens
    if scarce and budget.seconds is not None:
        budget, passes = replace(budget, most_epochs=_SCARCE_EPOCHS), min(passes, _SCARCE_EPOCHS)
    if "dropout" not in settings.model and settings.preset is None:
        model_config = replace(model_config, dropout=_SCARCE_DROPOUT if scarce else _dropout(passes))
    batch_size, sequence_length = _batch(settings.training, tokens, min(window, _power_below(mean_document)))
    chosen = {
        "batch_size": batch_size,
        "sequence_length": sequence_length,
        "learning_rate": float(f"{_learning_rate(settings, parent, rate, max(model_config.hidden_sizes)):.3g}"),
        "weight_decay": 0.01 if passes < 8 else 0.02,
        "precision": precision,
    }
    training = TrainingConfig(**{"total_steps": budget.steps or 1, **chosen, **settings.training})
    threads = settings.other.get("threads") or os.cpu_count() or 1
    return TrainingPlan(model_config, training, budget, threads, kernels_for(model_config, training))


def _likely_kernels(settings: ResolvedOptions, parent: ModelConfig | None, precision: str) -> str | None:
    """The kernels that will train, before sizes are known."""
    given = {name: settings.model[name] for name in ("core", "layer_norm") if name in settings.model}
    likely = parent or ModelConfig(vocabulary=2, **given)
    return None if settings.model.get("tied") else training_kernels(precision) if covers(likely) else None


def kernels_for(model: ModelConfig, training: TrainingConfig) -> str | None:
    """The compiled instruction set that trains a model here, or None for torch."""
    return training_kernels(training.precision) if covers(model) else None


def fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 faster than float32, in the way that is chosen."""
    chosen = chosen_kernels()
    if chosen is not None:
        return chosen in BFLOAT16
    import torch

    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()) and _has_bf16_dot_product()


def _has_bf16_dot_product() -> bool:
    import torch

    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())


def _budget(other: Mapping[str, Any]) -> Budget:
    if "steps" in other:
        return Budget(steps=int(other["steps"]))
    if "epochs" in other:
        return Budget(epochs=float(other["epochs"]))
    return Budget(seconds=60 * float(other.get("minutes", 1)))


def _in_seconds(budget: Budget, tokens: int, training: Mapping[str, Any]) -> float:
    if budget.seconds is not None:
        return budget.seconds
    if budget.epochs is not None:
        return budget.epochs * tokens / _TOKENS_A_SECOND
    tokens_per_step = int(training.get("batch_size", 32)) * int(training.get("sequence_length", 32))
    return (budget.steps or 1) * tokens_per_step / _TOKENS_A_SECOND


def _line(seconds: float) -> tuple[int, int, float]:
    return next((size, window, rate) for limit, size, window, rate in _LINES if seconds <= limit)


def _shape(settings: ResolvedOptions, vocabulary: int, size: int) -> dict[str, Any]:
    layers = int(settings.other.get("layers", 1))
    core = settings.model.get("core", "lstm")
    if core == "conv" and "layers" not in settings.other:
        layers = 6
    sizes = settings.model.get("hidden_sizes", (size,) * layers)
    if core == "conv" and len(sizes) == 1:
        sizes = sizes * layers
    embedding = (
        sizes[-1] if settings.model.get("tied") else 32 if vocabulary <= _SMALL_VOCABULARY else min(sizes[0], 128)
    )
    return {"hidden_sizes": sizes, "embedding": embedding}


def _kept(parent: ModelConfig, settings: ResolvedOptions) -> dict[str, Any]:
    return {**parent.to_json(), **settings.model}


def _learning_rate(settings: ResolvedOptions, parent: ModelConfig | None, chosen: float, widest: int) -> float:
    if parent is not None:
        return 0.5 * _rate(widest)
    return _rate(widest) if "hidden_sizes" in settings.model else chosen


def _rate(size: int) -> float:
    """The learning rate that suits a size: between the table's lines on a logarithmic scale."""
    sizes = [line[1] for line in _LINES]
    rates = [line[3] for line in _LINES]
    if size <= sizes[0]:
        return rates[0]
    for (small, high), (large, low) in zip(
        zip(sizes[:-1], rates[:-1], strict=True), zip(sizes[1:], rates[1:], strict=True), strict=True
    ):
        if size <= large:
            share = math.log(size / small) / math.log(large / small)
            return float(high * (low / high) ** share)
    return float(rates[-1] * sizes[-1] / size)


def _speed(model: ModelConfig) -> float:
    """Tokens a second, guessed from the multiplications that a token takes."""
    return float(
        1.2e10 / (_products(model) + model.hidden_sizes[-1] * model.vocabulary * (model.prediction_heads - 1) + 5e4)
    )


def _products(model: ModelConfig) -> int:
    """Multiplications by weights that a token takes, roughly."""
    widths = (model.embedding or model.vocabulary, *model.hidden_sizes)
    layers = sum(4 * size * (before + size) for before, size in itertools.pairwise(widths))
    return layers + model.hidden_sizes[-1] * model.vocabulary


def _scarce(model: ModelConfig, tokens: int) -> bool:
    """Whether words are learned from few of them."""
    return model.vocabulary > _SMALL_VOCABULARY and _products(model) > tokens


def _dropout(passes: float) -> float:
    """More, the more often the same text is read."""
    return round(min(0.5, max(0.0, 0.1 * math.log2(max(passes, 1) / 3))), 2)


def _batch(training: Mapping[str, Any], tokens: int, window: int) -> tuple[int, int]:
    """Return batch size and sequence length, smaller where the text would not fill a few batches."""
    sequence_length = training.get("sequence_length", window)
    batch_size = training.get("batch_size", 32)
    if "batch_size" not in training:
        batch_size = max(1, min(32, tokens // (4 * sequence_length)))
    return batch_size, sequence_length


def _power_below(length: float) -> int:
    return int(2 ** max(3, math.floor(math.log2(max(length, 8)))))
