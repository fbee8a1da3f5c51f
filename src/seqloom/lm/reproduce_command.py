"""The command that trains a run again: all that was given, and all that was chosen."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqloom.config import ModelConfig, TrainingConfig
from seqloom.config.presets import PRESETS
from seqloom.lm.options import TrainOptions, cli_flag

__all__ = ["reproduce_command"]

_REPLACED = {"minutes", "epochs", "steps", "size", "layers"}
"""The steps and sizes that these came to are named instead."""


def reproduce_command(
    sources: Sequence[str],
    run: Path,
    wanted: TrainOptions,
    model: ModelConfig,
    training: TrainingConfig,
    parent: Path | None = None,
) -> str:
    """A command in one line that asks for the same training, with its number of steps in place of a time.

    Args:
        sources: as they were named.
        run: the run folder.
        wanted: what was given, and what its preset adds.
        model: the network, given and chosen.
        training: how it is trained, given and chosen.
        parent: the run that training goes on from.
    """
    given = {**wanted.reading, **wanted.model, **wanted.training, **wanted.other}
    recipe = PRESETS[wanted.preset].settings if wanted.preset else {}
    settings = {"from_run": parent, "preset": wanted.preset, **_chosen(model, training)}
    for name in sorted(given.keys() - settings.keys() - _REPLACED):
        if given[name] != recipe.get(name):
            settings[name] = given[name]
    return shlex.join(["seqloom", "train", *sources, "--run", str(run), *_flags(settings)])


def _chosen(model: ModelConfig, training: TrainingConfig) -> dict[str, Any]:
    """What is chosen from the corpus and the budget where it is not given."""
    return {
        "steps": training.total_steps,
        "core": model.core,
        "sizes": ",".join(map(str, model.hidden_sizes)),
        "embedding": model.embedding,
        "dropout": model.dropout,
        "lanes": training.batch_size,
        "window": training.sequence_length,
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
        elif name in ("rating", "category"):
            yield from (word for column in value for word in (flag, column))
        else:
            yield from (flag, ",".join(map(_number, value)) if isinstance(value, tuple | list) else _number(value))


def _number(value: Any) -> str:
    """A number in few digits where these say it exactly; other values as they are."""
    if isinstance(value, float):
        return short if float(short := f"{value:g}") == value else repr(value)
    return str(value)
