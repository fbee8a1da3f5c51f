"""Check a requested training before anything is read or written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqloom.errors import ConfigError, RunError
from seqloom.lm.dataset import source_names
from seqloom.lm.options import TrainOptions, cli_flag
from seqloom.runs.checks import check_run_folder
from seqloom.runs.config import RunConfig
from seqloom.runs.layout import RunFolder
from seqloom.runs.saved_run import SavedRun

__all__ = ["check_new_training", "check_resumable", "check_resume_options"]

_FIXED_BY_PARENT = ("core", "sizes", "embedding", "tied", "layer_norm", "kernel_width", "ahead", "level")


def check_new_training(folder: RunFolder, options: TrainOptions, parent: SavedRun | None, *, overwrite: bool) -> None:
    """Check the run folder, and the options against the parent.

    Args:
        folder: run folder.
        options: settings from the user and the preset.
        parent: run with the initial weights, or None.
        overwrite: whether a run in the folder may be replaced.

    Raises:
        RunError: the folder cannot be used, or the parent is a GAN.
        ConfigError: an option changes the parent's architecture.
    """
    check_run_folder(folder, overwrite=overwrite, from_run=parent.folder.path if parent else None)
    if parent is None:
        return
    if parent.config.model.noise_size:
        raise RunError(
            f"--from got {parent.path}, which is a GAN: use the run that the GAN started from, {parent.config.parent}"
        )
    if changed := _changed_architecture(options, parent):
        raise ConfigError(
            *[f"{cli_flag(name)} cannot change with --from: {parent.path} has another value" for name in changed]
        )


def _changed_architecture(options: TrainOptions, parent: SavedRun) -> list[str]:
    """Return the names of the settings that differ from the parent's architecture."""
    chosen = {**options.model, **options.other}
    config = parent.config
    own = {**config.model.to_json(), "level": config.level, "sizes": config.model.hidden_sizes}
    changed = [name for name in sorted(_FIXED_BY_PARENT) if name in chosen and own[name] != chosen[name]]
    changed = ["size" if name == "sizes" else name for name in changed]
    if "sizes" not in chosen and chosen.get("layers", len(own["sizes"])) != len(own["sizes"]):
        changed.append("layers")
    return changed


def check_resume_options(options: Mapping[str, Any]) -> None:
    """Check that no setting is combined with `resume`.

    Raises:
        ConfigError: a setting is not None.
    """
    flags = [cli_flag(name) for name, value in options.items() if value is not None]
    if flags:
        raise ConfigError(
            f"--resume uses the run's own settings and cannot be combined with {', '.join(flags)}: leave "
            f"{'it' if len(flags) == 1 else 'them'} out, or start another run with --from"
        )


def check_resumable(folder: RunFolder, config: RunConfig, source: str | Path | Sequence[str | Path] | None) -> None:
    """Check that a run can be resumed, with a source that is None or the run's own.

    Raises:
        RunError: the run is a GAN.
        ConfigError: the source is another one.
    """
    if config.model.noise_size:
        raise RunError(f"{folder.path} is a GAN: resume it with 'seqloom gan train --resume --run {folder.path}'")
    if source is not None and source_names(source) != config.sources:
        raise ConfigError(
            f"--resume uses the run's own source, {config.source}, and the source is "
            f"{', '.join(source_names(source))}: leave the source out, or start another run with --from"
        )
