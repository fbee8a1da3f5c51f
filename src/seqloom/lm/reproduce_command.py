"""The command that repeats a training, with every setting that was chosen."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqloom.config import ModelConfig, ReadingConfig, TrainingConfig
from seqloom.config.flags import cli_flag
from seqloom.config.presets import PRESETS
from seqloom.config.settings import fields_of
from seqloom.lm.options import ResolvedOptions

__all__ = ["reproduce_command"]

_REPLACED = {"minutes", "epochs", "steps", "hidden_size", "layers"}
"""Options that the resulting number of steps and hidden sizes replace."""

_REPEATED = {name for name, info in fields_of(ReadingConfig).items() if info.setting.repeat}


def reproduce_command(
    sources: Sequence[str],
    run: Path,
    options: ResolvedOptions,
    model: ModelConfig,
    training: TrainingConfig,
    parent: Path | None = None,
) -> str:
    """Return a command in one line that repeats a training, with its number of steps in place of a time.

    Args:
        sources: sources as the caller named them.
        run: run folder.
        options: options of the caller and the preset.
        model: shape of the network.
        training: training settings.
        parent: run that training started from.
    """
    chosen = {**options.reading, **options.model, **options.training, **options.other}
    recipe = PRESETS[options.preset].settings if options.preset else {}
    settings = {"from_run": parent, "preset": options.preset, **_resolved(model, training)}
    for name in sorted(chosen.keys() - settings.keys() - _REPLACED):
        if chosen[name] != recipe.get(name):
            settings[name] = chosen[name]
    return shlex.join(["seqloom", "train", *sources, "--run", str(run), *_flags(settings)])


def _resolved(model: ModelConfig, training: TrainingConfig) -> dict[str, Any]:
    """Return the settings that corpus and budget decide where the caller does not."""
    return {
        "steps": training.total_steps,
        "core": model.core,
        "hidden_sizes": ",".join(map(str, model.hidden_sizes)),
        "embedding": model.embedding,
        "dropout": model.dropout,
        "batch_size": training.batch_size,
        "sequence_length": training.sequence_length,
        "learning_rate": training.learning_rate,
        "weight_decay": training.weight_decay,
        "precision": training.precision,
        "validate_every": training.validate_every,
        "warmup": training.warmup,
    }


def _flags(settings: Mapping[str, Any]) -> Iterator[str]:
    for name, value in settings.items():
        flag = cli_flag(name)
        if value is None:
            continue
        if isinstance(value, bool):
            yield flag if value else flag.replace("--", "--no-", 1)
        elif name in _REPEATED:
            yield from (word for column in value for word in (flag, column))
        else:
            yield from (flag, ",".join(map(_number, value)) if isinstance(value, tuple | list) else _number(value))


def _number(value: Any) -> str:
    """Return a number in few digits where these are exact; other values as they are."""
    if isinstance(value, float):
        return short if float(short := f"{value:g}") == value else repr(value)
    return str(value)
