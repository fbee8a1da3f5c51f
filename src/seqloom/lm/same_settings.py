"""Compare the settings of a call that continues a training with those of its run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqloom.config.options import BUDGETS, TrainOptions
from seqloom.errors import ConfigError
from seqloom.files import quoted_path
from seqloom.lm.options import ResolvedOptions, resolve_options
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder
from seqloom.runs.stored_paths import same_sources

__all__ = ["check_same_settings"]


def check_same_settings(
    options: TrainOptions, folder: RunFolder, config: RunConfig, *, from_run: str | Path | None, overwrite: bool
) -> ResolvedOptions:
    """Check that all settings of a call with `resume`, except the budget, are those of the run.

    Args:
        options: settings of the caller; those that are None agree with every run.
        folder: run folder.
        config: configuration of the run.
        from_run: run with the initial weights, if the caller named one.
        overwrite: whether the caller wants to replace the run.

    Returns:
        The settings, sorted by config.

    Raises:
        ConfigError: some settings differ, all of which are named with both values; or a setting is out of range.
    """
    resolved = resolve_options(options)
    faults = [
        f"`{name}` got {_shown(requested)}, and {folder.path} was trained with {_shown(stored)}: leave it out, or "
        f"start another run with `from_run` {quoted_path(folder.path)}"
        for name, requested, stored in _differences(resolved, config, len(folder.read_codec()))
    ]
    if overwrite:
        faults.append("`overwrite` and `resume` contradict each other: leave out one of the two")
    if from_run is not None and (config.parent is None or not same_sources([str(from_run)], [config.parent])):
        start = "without another run" if config.parent is None else f"from {config.parent}"
        faults.append(f"`from_run` got {from_run}, and {folder.path} was started {start}: leave it out")
    if faults:
        raise ConfigError(*faults)
    return resolved


def _differences(options: ResolvedOptions, config: RunConfig, num_symbols: int) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, requested value and stored value of each setting that differs from the run's."""
    stored = {**config.reading.to_json(), **config.model.to_json(), **config.training.to_json()}
    stored |= {"level": config.level, "threads": config.threads, "layers": len(config.model.hidden_sizes)}
    requested = {**options.reading, **options.training, **options.model, **options.other}
    sizes = requested.pop("hidden_sizes", None)
    if options.preset is not None and options.preset != config.preset:
        yield "preset", options.preset, config.preset
    for name, value in requested.items():
        if name in stored and name not in BUDGETS and _as_stored(value) != _as_stored(stored[name]):
            yield name, value, stored[name]
    if requested.get("vocabulary", num_symbols) < num_symbols:
        yield "vocabulary", requested["vocabulary"], num_symbols
    if sizes is not None and (set(sizes) if len(sizes) == 1 else sizes) != (
        set(config.model.hidden_sizes) if len(sizes) == 1 else config.model.hidden_sizes
    ):
        yield "hidden_size", sizes, config.model.hidden_sizes


def _as_stored(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else None if value == "none" else value


def _shown(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
