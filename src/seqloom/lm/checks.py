"""Check a requested training before anything is read or written."""

from collections.abc import Sequence
from pathlib import Path

from seqloom.corpora.sources import check_source
from seqloom.errors import ConfigError, RunError, SourceError
from seqloom.files import is_utf8_name
from seqloom.lm.dataset import stored_sources
from seqloom.lm.options import ResolvedOptions
from seqloom.runs.checks import check_run_folder
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder
from seqloom.runs.saved_run import SavedRun
from seqloom.runs.stored_paths import same_sources

__all__ = ["check_new_training", "check_resumable"]

_FIXED_BY_PARENT = (
    "core",
    "head",
    "hidden_sizes",
    "embedding",
    "tied",
    "layer_norm",
    "kernel_width",
    "prediction_heads",
    "level",
    "vocabulary",
)
"""Settings that a training from a parent (the run with the initial weights) cannot change."""


def check_new_training(
    folder: RunFolder, options: ResolvedOptions, parent: SavedRun | None, *, overwrite: bool
) -> None:
    """Check the run folder, and the options against the parent.

    Args:
        folder: run folder.
        options: settings from the user and the preset.
        parent: run with the initial weights, or None.
        overwrite: whether a run in the folder may be replaced.

    Raises:
        RunError: the folder cannot be used, the parent is a GAN, or its path is not UTF-8.
        ConfigError: an option changes the parent's architecture.
    """
    check_run_folder(folder, overwrite=overwrite, from_run=parent.folder.path if parent else None)
    if parent is None:
        return
    if not is_utf8_name(str(parent.path.absolute())):
        raise RunError(f"`from_run` got {str(parent.path)!r}, a name that is not UTF-8: rename the folder")
    if parent.config.model.noise_size:
        raise RunError(
            f"`from_run` got {parent.path}, which is a GAN: use the run that the GAN started from, "
            f"{parent.config.parent}"
        )
    if changed := _changed_architecture(options, parent):
        raise ConfigError(
            *[f"`{name}` cannot change with `from_run`: {parent.path} has another value" for name in changed]
        )


def _changed_architecture(options: ResolvedOptions, parent: SavedRun) -> list[str]:
    """Return the names of the settings that differ from the parent's architecture."""
    chosen = {**options.model, **options.other}
    config = parent.config
    parent_values = {**config.model.to_json(), "level": config.level}
    num_layers = len(parent_values["hidden_sizes"])
    changed = [name for name in sorted(_FIXED_BY_PARENT) if name in chosen and parent_values[name] != chosen[name]]
    if "hidden_sizes" not in chosen and chosen.get("layers", num_layers) != num_layers:
        changed.append("layers")
    return changed


def check_resumable(folder: RunFolder, config: RunConfig, source: str | Path | Sequence[str | Path] | None) -> None:
    """Check that a run can be resumed, and that the source is the run's own, if the caller named a source.

    If the run's own source is missing, the caller may name its copy; its content is checked when it is read.

    Raises:
        RunError: the run is a GAN.
        ConfigError: the source is not the run's own.
    """
    if config.model.noise_size:
        raise RunError(f"{folder.path} is a GAN: resume it with 'seqloom gan train --resume --run {folder.path}'")
    if source is not None and not same_sources(stored_sources(source), config.sources) and _exist(config.sources):
        raise ConfigError(
            f"`resume` uses the run's own source, {config.source}, but the source is "
            f"{', '.join(stored_sources(source))}: leave the source out, or start another run with `from_run`"
        )


def _exist(sources: Sequence[str]) -> bool:
    try:
        check_source(list(sources))
    except SourceError:
        return False
    return True
