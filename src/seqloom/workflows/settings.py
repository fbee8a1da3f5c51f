"""Sorts the settings that a person gives by name into the config that each belongs to."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from seqloom.config import ModelConfig, ReadingConfig, TrainingConfig
from seqloom.errors import ConfigError
from seqloom.presets import PRESETS, Preset, SamplePlan
from seqloom.registry import CODECS, unknown_name

__all__ = ["Settings", "as_flag", "columns", "sort_settings"]

_OTHER = ("level", "vocabulary", "size", "layers", "minutes", "epochs", "steps", "threads")

_MOST_THREADS = 256


def _names(config: type) -> frozenset[str]:
    return frozenset(field.name for field in dataclasses.fields(config))


_READING = _names(ReadingConfig)
_MODEL = _names(ModelConfig) - {"vocabulary", "sizes", "condition", "noise", "noise_width"}
_TRAINING = _names(TrainingConfig) - {"total_steps"}


@dataclasses.dataclass(frozen=True)
class Settings:
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


def sort_settings(given: Mapping[str, Any], preset: str | None = None) -> Settings:
    """Sort settings by where they belong, over those of a preset.

    Args:
        given: by name; None means not given. `size` is a number or a sequence, one a layer; `rating` and `category` a
            column or a sequence of them.
        preset: a name from `PRESETS`.

    Raises:
        ConfigError: unknown names, settings out of range or that contradict one another; every fault is listed.
    """
    given = {name: columns(name, value) for name, value in given.items() if value is not None}
    known = (*sorted(_READING | _MODEL | _TRAINING), *_OTHER)
    faults = [unknown_name("setting", name, dict.fromkeys(known)) for name in given if name not in known]
    if preset is not None and preset not in PRESETS:
        faults.append(unknown_name("preset", preset, PRESETS))
    faults += _contradictions(given)
    recipe = PRESETS.get(preset or "") or Preset(description="", settings={})
    settings = {**_without_rivals(recipe.settings, given), **given}
    model = {name: settings[name] for name in settings if name in _MODEL}
    sizes = _sizes(settings.get("size"), settings.get("layers"))
    found = Settings(
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


def columns(name: str, value: Any) -> Any:
    """A setting's value; a single column of a rating or category is as good as a sequence of one."""
    return (value,) if name in ("rating", "category") and isinstance(value, str) else value


def _out_of_range(settings: Settings) -> list[str]:
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
    core = settings.model.get("core", "lstm")
    if core != "lstm" and "forget_bias" in settings.model:
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


def as_flag(name: str) -> str:
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
    if isinstance(size, tuple | list) and len(size) > 1 and given.get("layers", len(size)) != len(size):
        faults.append(f"--size gives {len(size)} layers and --layers asks for {given['layers']}: leave one out")
    return faults


def _is_positive(value: Any) -> bool:
    return isinstance(value, int | float) and 0 < value < math.inf


def _without_rivals(recipe: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """A preset's settings but for those that a given one takes the place of."""
    rivals = ({"minutes", "epochs", "steps"}, {"size", "layers"})
    replaced = {name for group in rivals if group & given.keys() for name in group}
    return {name: value for name, value in recipe.items() if name not in replaced}


def _sizes(size: Any, layers: int | None) -> tuple[int, ...] | None:
    if size is None:
        return None
    sizes = tuple(size) if isinstance(size, tuple | list) else (int(size),)
    return sizes * max(1, layers or 1) if len(sizes) == 1 else sizes
