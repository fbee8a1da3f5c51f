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
from seqloom.runs.config import RunConfig

__all__ = ["command_flags", "describe_repetition", "repetition_command", "reproduce_command"]

_REPLACED = {"minutes", "epochs", "steps", "pace", "hidden_size", "layers"}
"""Options that the command leaves out: it has the number of steps and the hidden sizes that follow from them."""

_REPEATED = {name for name, info in fields_of(ReadingConfig).items() if info.setting.repeat}
"""Options whose flag is repeated for every value."""


def reproduce_command(
    sources: Sequence[str],
    run: Path,
    options: ResolvedOptions,
    model: ModelConfig,
    training: TrainingConfig,
    parent: Path | None = None,
) -> str:
    """Return the command line that repeats a training into another folder, without its number of steps.

    Args:
        sources: sources as the caller named them.
        run: run folder.
        options: options of the caller and the preset.
        model: shape of the network.
        training: training settings.
        parent: folder of the run with the initial weights, or None.
    """
    chosen = {**options.reading, **options.model, **options.training, **options.other}
    preset_settings = PRESETS[options.preset].settings if options.preset else {}
    settings = {"from_run": parent, "preset": options.preset, **_derived_settings(model, training)}
    for name in sorted(chosen.keys() - settings.keys() - _REPLACED):
        if chosen[name] != preset_settings.get(name):
            settings[name] = chosen[name]
    return shlex.join(["seqloom", "train", *sources, "--run", f"{run}-repeated", *command_flags(settings)])


def describe_repetition(config: RunConfig) -> str:
    """Return a line with the command that repeats the training of a run."""
    return f"to repeat this training: {repetition_command(config)}"


def repetition_command(config: RunConfig) -> str:
    """Return the command that repeats the training of a run, with the same number of steps."""
    training = config.training
    steps = f"--pace {training.pace}" if training.pace else f"--steps {training.total_steps}"
    return f"{config.repeat_command} {steps}"


def _derived_settings(model: ModelConfig, training: TrainingConfig) -> dict[str, Any]:
    """Return the settings that follow from the corpus and the budget unless the caller chooses them."""
    return {
        "core": model.core,
        "hidden_sizes": ",".join(map(str, model.hidden_sizes)),
        "embedding": model.embedding,
        "dropout": model.dropout,
        "batch_size": training.batch_size,
        "sequence_length": training.sequence_length,
        "learning_rate": training.learning_rate,
        "weight_decay": training.weight_decay,
        "precision": training.precision,
        "validation_tokens": training.validation_tokens,
        "validate_every": training.validate_every,
        "warmup": training.warmup,
    }


def command_flags(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words of the command line that set the settings, except for settings that are None."""
    for name, value in settings.items():
        flag = cli_flag(name)
        if value is None:
            continue
        if isinstance(value, bool):
            yield flag if value else flag.replace("--", "--no-", 1)
        elif name in _REPEATED:
            yield from (word for column in value for word in (flag, column))
        else:
            values = value if isinstance(value, tuple | list) else (value,)
            yield from (flag, ",".join(map(_format_value, values)))


def _format_value(value: Any) -> str:
    """Return a value as text; a float has six digits if these are exact, otherwise as many as are needed."""
    if isinstance(value, float):
        return short if float(short := f"{value:g}") == value else repr(value)
    return str(value)
