"""Sorts the settings that a person gives by name into the config that each belongs to."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from seqloom.config import ModelConfig, ReadingConfig, TrainingConfig, check_type
from seqloom.config.presets import PRESETS, Preset, SamplePlan
from seqloom.errors import ConfigError
from seqloom.kernels.cores import core_spec
from seqloom.registry import CODECS, CORES, unknown_name

__all__ = ["TrainOptions", "cli_flag", "resolve_options", "to_builtin"]

_OTHER: Mapping[str, Any] = {
    **{"level": "char", "vocabulary": 1, "size": (128,), "layers": 1, "steps": 1, "threads": 1},
    **{"minutes": 1.0, "epochs": 1.0},
}
"""Settings that are in no config, with values of their kinds."""

_MOST_THREADS = 256


def _usual(config: type, *others: str) -> dict[str, Any]:
    """The defaults of a config's fields, without some."""
    return {field.name: field.default for field in dataclasses.fields(config) if field.name not in others}


_READING = _usual(ReadingConfig)
_MODEL = _usual(ModelConfig, "vocabulary", "sizes", "condition", "noise", "noise_width")
_TRAINING = _usual(TrainingConfig, "total_steps")
_KNOWN = {**dict(sorted({**_READING, **_MODEL, **_TRAINING}.items())), **_OTHER}


@dataclasses.dataclass(frozen=True)
class TrainOptions:
    """What was asked for; what is in none of the mappings is chosen later.

    Attributes:
        reading: fields of `ReadingConfig`.
        model: fields of `ModelConfig`, `sizes` included where it was given.
        training: fields of `TrainingConfig`.
        other: level, vocabulary (a cap), layers, threads and the budget: minutes, epochs or steps.
        preset: its name, or None.
        samples: what is written after each epoch.
    """

    reading: Mapping[str, Any]
    model: Mapping[str, Any]
    training: Mapping[str, Any]
    other: Mapping[str, Any]
    preset: str | None
    samples: SamplePlan


def resolve_options(given: Mapping[str, Any], preset: str | None = None) -> TrainOptions:
    """Sort settings by where they belong, over those of a preset.

    Args:
        given: by name; None means not given. `size` is a number or a sequence, one a layer; `rating` and `category` a
            column or a sequence of them.
        preset: a name from `PRESETS`.

    Raises:
        ConfigError: unknown names, settings of another kind, out of range or that contradict one another; every fault
            is listed.
    """
    given = {name: to_builtin(name, value) for name, value in given.items() if value is not None}
    faults = [unknown_name("setting", name, _KNOWN) for name in given if name not in _KNOWN]
    kinds = (check_type(name, value, _KNOWN[name]) for name, value in given.items() if name in _KNOWN)
    if other_kinds := [said for held, said in kinds if not held]:
        raise ConfigError(*faults, *other_kinds)
    if preset is not None and preset not in PRESETS:
        faults.append(unknown_name("preset", preset, PRESETS))
    faults += _contradictions(given)
    recipe = PRESETS.get(preset or "") or Preset(description="", settings={})
    settings = {**_without_rivals(recipe.settings, given), **given}
    model = {name: settings[name] for name in settings if name in _MODEL}
    sizes = _sizes(settings.get("size"), settings.get("layers"))
    found = TrainOptions(
        reading={name: settings[name] for name in settings if name in _READING},
        model=model if sizes is None else {**model, "sizes": sizes},
        training={name: settings[name] for name in settings if name in _TRAINING},
        other={name: settings[name] for name in settings if name in _OTHER},
        preset=preset,
        samples=recipe.samples,
    )
    faults += _out_of_range(found)
    if faults:
        raise ConfigError(*faults)
    return found


def to_builtin(name: str, value: Any) -> Any:
    """A setting's value in Python's own types; one column, or one size, is as good as a sequence of one."""
    several = isinstance(value, tuple | list)
    values = tuple(one.item() if isinstance(one, np.generic) else one for one in (value if several else (value,)))
    return values if several or name in ("rating", "category", "size") else values[0]


def _out_of_range(settings: TrainOptions) -> list[str]:
    """All that is wrong with single settings and needs no corpus to be seen."""
    model: dict[str, Any] = {"vocabulary": 2, **settings.model}
    if "embedding" not in model or "sizes" not in model:
        model["tied"] = False  # the width that it needs is chosen later
    configs = (
        (ReadingConfig, settings.reading),
        (ModelConfig, model),
        (TrainingConfig, {"total_steps": 1, **settings.training}),
    )
    faults: list[str] = []
    core = settings.model.get("core", ModelConfig.core)
    if "forget_bias" in settings.model and not (core in CORES and core_spec(core).uses_forget_bias):
        faults.append(f"--forget-bias is the LSTM's, and --core is {core}: leave out one of the two")
    level = settings.other.get("level", "char")
    if level not in CODECS:
        faults.append(unknown_name("level", level, CODECS))
    for config, fields in configs:
        try:
            config(**fields)
        except ConfigError as error:
            faults += error.faults
    return faults


def cli_flag(name: str) -> str:
    """What a setting is called on the command line."""
    return "--" + {"from_run": "from", "sizes": "size"}.get(name, name).replace("_", "-")


def _contradictions(given: Mapping[str, Any]) -> list[str]:
    faults = []
    budgets = [f"--{name}" for name in ("minutes", "epochs", "steps") if name in given]
    if len(budgets) > 1:
        faults.append(f"{' and '.join(budgets)} contradict each other: give one budget")
    for name in ("minutes", "epochs", "steps", "layers", "threads"):
        if name in given and not _is_positive(given[name]):
            faults.append(f"--{name} got {given[name]!r}: it must be a number above 0")
    if _is_positive(given.get("threads", 1)) and given.get("threads", 1) > _MOST_THREADS:
        faults.append(f"--threads got {given['threads']}: choose 1 to {_MOST_THREADS}")
    size = given.get("size")
    if size is not None and len(size) > 1 and given.get("layers", len(size)) != len(size):
        faults.append(f"--size gives {len(size)} layers and --layers asks for {given['layers']}: leave one out")
    return faults


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and 0 < value < math.inf


def _without_rivals(recipe: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A preset's settings but for those that a given one takes the place of."""
    rivals = ({"minutes", "epochs", "steps"}, {"size", "layers"})
    replaced = {name for group in rivals if group & given.keys() for name in group}
    return {name: value for name, value in recipe.items() if name not in replaced}


def _sizes(sizes: tuple[int, ...] | None, layers: int | None) -> tuple[int, ...] | None:
    if sizes is None:
        return None
    return sizes * max(1, layers or 1) if len(sizes) == 1 else sizes
