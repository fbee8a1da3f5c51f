"""Combine the options of a training with those of a preset, and sort them by the config that they belong to."""

import dataclasses
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from seqloom.config import ModelConfig, ReadingConfig, TrainingConfig
from seqloom.config.options import BUDGETS, TrainOptions
from seqloom.config.pace import Pace
from seqloom.config.presets import PRESETS, Preset, SamplePlan
from seqloom.config.settings import check_range, check_type, fields_of
from seqloom.errors import ConfigError
from seqloom.registry import CODECS, CORES, unknown_name

__all__ = ["ResolvedOptions", "resolve_options", "to_builtin"]

_SEQUENCE_OPTIONS = ("rating", "category", "hidden_size")
"""Options that take one value or a list of values."""


def _setting_names(config: type, *excluded: str) -> tuple[str, ...]:
    return tuple(name for name in fields_of(config) if name not in excluded)


# For each config, the names of the options that it stores; in `_OTHER`, the options that no config stores. `fields_of`
# returns the fields that `setting` defines: in `TrainOptions`, these are the fields that no config has.
_READING = _setting_names(ReadingConfig)
_MODEL = _setting_names(
    ModelConfig, "vocabulary", "factors", "hidden_sizes", "num_condition_features", "noise_size", "noise_width"
)
_TRAINING = _setting_names(TrainingConfig, "total_steps", "pace")
_OTHER = _setting_names(TrainOptions, "preset")
_FIELDS = {
    **fields_of(ReadingConfig),
    **{name: fields_of(ModelConfig)[name] for name in _MODEL},
    **fields_of(TrainingConfig),
    **fields_of(TrainOptions),
}


@dataclasses.dataclass(frozen=True)
class ResolvedOptions:
    """Options by the config that they belong to; defaults for options that are not set are chosen later.

    Attributes:
        reading: fields of `ReadingConfig`.
        model: fields of `ModelConfig`, `hidden_sizes` included where it was set.
        training: fields of `TrainingConfig`.
        other: options that belong to no config: level, largest size of the vocabulary, `hidden_size` as it was set,
            layers, threads, the budget in minutes, epochs, steps or a pace, and `max_epochs`, which a budget in minutes
            cannot exceed.
        preset: name of the preset, or None.
        samples: samples generated after each epoch.
    """

    reading: Mapping[str, Any]
    model: Mapping[str, Any]
    training: Mapping[str, Any]
    other: Mapping[str, Any]
    preset: str | None
    samples: SamplePlan


def resolve_options(options: TrainOptions) -> ResolvedOptions:
    """Sort options by config; the caller's options override those of the preset.

    Raises:
        ConfigError: some options have the wrong type, all of which are listed; or some are out of range or contradict
            each other, all of which are listed.
    """
    chosen = {name: to_builtin(name, value) for name, value in options.chosen().items()}
    type_faults = [
        message for is_met, message in (check_type(_FIELDS[name], chosen[name]) for name in chosen) if not is_met
    ]
    if type_faults:
        raise ConfigError(*type_faults)
    preset_name = chosen.pop("preset", None)
    is_known = preset_name is None or preset_name in PRESETS
    faults = [] if is_known else [unknown_name("preset", preset_name, PRESETS)]
    faults += _faults_outside_configs(chosen)
    preset = PRESETS.get(preset_name or "") or Preset(description="", settings={})
    settings = {**_without_alternatives(preset.settings, chosen), **chosen}
    model = {name: settings[name] for name in settings if name in _MODEL}
    sizes = _layer_sizes(settings.get("hidden_size"), settings.get("layers"))
    resolved = ResolvedOptions(
        reading={name: settings[name] for name in settings if name in _READING},
        model=model if sizes is None else {**model, "hidden_sizes": sizes},
        training={name: settings[name] for name in settings if name in _TRAINING},
        other={name: settings[name] for name in settings if name in _OTHER},
        preset=preset_name,
        samples=preset.samples,
    )
    faults += _config_faults(resolved)
    if faults:
        raise ConfigError(*faults)
    return resolved


def to_builtin(name: str, value: Any) -> Any:
    """Return a value with NumPy numbers as Python numbers and lists as tuples.

    A single value of an option that also takes a list becomes a tuple of one.
    """
    is_sequence = isinstance(value, tuple | list)
    numpy = sys.modules.get("numpy")  # unless it is imported, no value comes from it
    values = tuple(
        item.item() if numpy is not None and isinstance(item, numpy.generic) else item
        for item in (value if is_sequence else (value,))
    )
    return values if is_sequence or name in _SEQUENCE_OPTIONS else values[0]


def _config_faults(options: ResolvedOptions) -> Iterator[str]:
    """Yield all faults that can be detected without a corpus."""
    model: dict[str, Any] = {"vocabulary": 2, **options.model}  # any valid vocabulary
    if "embedding" not in model or "hidden_sizes" not in model:
        model["tied"] = False  # `tied` needs equal widths, and one of them is chosen later
    yield from _forget_bias_faults(options.model)
    level = options.other.get("level", "char")
    if level not in CODECS:
        yield unknown_name("level", level, CODECS)
    configs = (
        (ReadingConfig, options.reading),
        (ModelConfig, model),
        (TrainingConfig, {"total_steps": 1, **options.training}),
    )
    for config, fields in configs:
        try:
            config(**fields)
        except ConfigError as error:
            yield from error.faults


def _forget_bias_faults(model: Mapping[str, Any]) -> Iterator[str]:
    core = model.get("core", "lstm")
    if "forget_bias" not in model or core not in CORES:
        return
    from seqloom.kernels.cores import core_spec

    if not core_spec(core).uses_forget_bias:
        yield f"`forget_bias` has no effect on the core {core}: leave it out, or choose `core` lstm"


def _faults_outside_configs(chosen: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of the options that belong to no config: contradictions and values out of range."""
    budgets = [f"`{name}`" for name in BUDGETS if name in chosen]
    if len(budgets) > 1:
        yield f"{' and '.join(budgets)} contradict each other: choose one of them"
    if "pace" in chosen:
        try:
            Pace.parse(chosen["pace"])
        except ConfigError as error:
            yield from error.faults
    for name in (*BUDGETS, "vocabulary", "layers", "threads"):
        is_met, message = check_range(_FIELDS[name], chosen.get(name))
        if not is_met:
            yield message
    sizes = chosen.get("hidden_size")
    if sizes is not None and len(sizes) > 1 and chosen.get("layers", len(sizes)) != len(sizes):
        yield f"`hidden_size` has {len(sizes)} layers, but `layers` is {chosen['layers']}: leave one out"


def _without_alternatives(preset_settings: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return a preset's settings without those that contradict a chosen setting, such as a second budget."""
    alternatives = (set(BUDGETS), {"hidden_size", "layers"})
    replaced = {name for group in alternatives if group & chosen.keys() for name in group}
    return {name: value for name, value in preset_settings.items() if name not in replaced}


def _layer_sizes(sizes: tuple[int, ...] | None, layers: int | None) -> tuple[int, ...] | None:
    """Return the size of each layer; a single size counts for all layers, and None leaves the sizes open."""
    if sizes is None:
        return None
    return sizes * max(1, layers or 1) if len(sizes) == 1 else sizes
