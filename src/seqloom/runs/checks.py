"""Check run folders: whether a folder has a run, and whether a training may write into it."""

import os
from pathlib import Path

from seqloom.errors import ConfigError, RunError
from seqloom.files import real_path
from seqloom.runs.layout import RunFolder

__all__ = ["check_is_run", "check_likelihood_folder", "check_run_folder", "discarded_replacement", "other_kind"]

_MAX_NAMED_FILES = 4

_PURPOSES = {"critic": "predicts ratings", "detector": "detects generated texts"}
"""What a critic or a detector does, in words for messages."""


def other_kind(folder: RunFolder) -> str | None:
    """Return what a folder contains if it is not a run: "critic", "detector", or None for neither."""
    if folder.holds_run:
        return None
    return next((kind for kind in _PURPOSES if (folder.path / f"{kind}.json").is_file()), None)


def check_is_run(folder: RunFolder) -> None:
    """Check that a folder contains a run.

    Raises:
        RunError: the path is a file, or the folder is missing or empty, or contains a critic, a detector, or a GAN
            before its first checkpoint.
    """
    if folder.path.is_file():
        raise RunError(f"{folder.path} is a file, but a run is a folder: name the folder that the training wrote")
    if kind := other_kind(folder):
        raise RunError(
            f"{folder.path} is a {kind}, which {_PURPOSES[kind]} and generates no text: name the folder of a run; "
            f"'seqloom info {folder.path}' describes the {kind}"
        )
    if folder.gan_request_file.exists() and not folder.config_file.exists():
        raise RunError(
            f"{folder.path} is a GAN before its first checkpoint: continue it with 'seqloom gan train --resume --run "
            f"{folder.path}'"
        )
    if not folder.holds_run and (runs := _runs_in(folder.path)):
        number = f"{len(runs)} runs, such as {runs[0]}" if len(runs) > 1 else f"the run {runs[0]}"
        raise RunError(
            f"{folder.path} is a folder with {number}: name one run; 'seqloom runs {folder.path}' lists them"
        )
    if not folder.holds_run and (usual := RunFolder(Path("runs") / folder.path)).holds_run:
        raise RunError(f"no run at {folder.path}; did you mean {usual.path}?")
    if not folder.holds_run:
        raise RunError(f"no run at {folder.path}: train one with 'seqloom train SOURCE --run {folder.path}'")


def _runs_in(folder: Path) -> list[Path]:
    """Return the folders with a run directly in a folder."""
    try:
        return sorted(
            path
            for path in folder.iterdir()
            if path.is_dir() and not path.name.startswith(".") and RunFolder(path).holds_run
        )
    except OSError:
        return []


def discarded_replacement(folder: RunFolder) -> str:
    """Return the message for `resume` after `RunFolder.settle` has discarded a training before its first save."""
    return (
        f"a training that would have replaced {folder.path} ended before its first save: the folder still has the "
        "earlier run, and `resume` continues that; start the new training again with `overwrite`"
    )


def check_run_folder(folder: RunFolder, *, overwrite: bool, from_run: Path | None = None) -> None:
    """Check that a training may write into a folder; the folder need not exist.

    Args:
        folder: run folder of the new training.
        overwrite: whether the files of an earlier run may be replaced.
        from_run: folder of the run with the initial weights, or None.

    Raises:
        RunError: the folder cannot be written to, or has files that would be replaced.
        ConfigError: the folder is that of the run with the initial weights.
    """
    folder.settle()
    if kind := other_kind(folder):
        raise RunError(f"`run` got {folder.path}, which is a {kind}: name another folder")
    if from_run is not None and real_path(from_run) == real_path(folder.path):
        raise ConfigError(f"`from_run` and `run` are both {folder.path}: name another folder for the new run")
    if from_run is not None and real_path(from_run) == real_path(folder.likelihood_folder.path):
        raise ConfigError(
            f"`from_run` got {from_run}, which is where a GAN in {folder.path} keeps its own first stage: name another "
            "folder for the new run"
        )
    if folder.holds_run and not overwrite:
        raise RunError(f"{folder.path} already has a run: use `resume` to continue it, or `overwrite` to replace it")
    _check_path(folder.path)
    if not overwrite and (files := folder.written_files()):
        names = [str(file.relative_to(folder.path)) for file in files[:_MAX_NAMED_FILES]]
        others = f" and {len(files) - len(names)} others" if len(files) > len(names) else ""
        raise RunError(
            f"{folder.path} has files that a run would replace ({', '.join(names)}{others}): name another folder, or "
            "use `overwrite`"
        )


def check_likelihood_folder(folder: RunFolder) -> None:
    """Check that the likelihood training of a new GAN would not replace a run that the user trained in its place.

    Raises:
        RunError: it would.
    """
    likelihood = folder.likelihood_folder
    if likelihood.holds_run and not folder.has_own_likelihood:
        raise RunError(
            f"{likelihood.path} is a run of its own, and a GAN in {folder.path} would replace it by its first stage: "
            "name another folder for the GAN"
        )


def _check_path(path: Path) -> None:
    """Check that a folder exists and is writable, or that it can be created."""
    if path == Path():
        raise RunError("`run` got an empty name or the current folder: name a folder for the run alone")
    nearest_existing = next(parent for parent in (path.absolute(), *path.absolute().parents) if parent.exists())
    if not nearest_existing.is_dir():
        raise RunError(f"`run` got {path}, but {nearest_existing} is a file: name another folder")
    if not os.access(nearest_existing, os.W_OK):
        raise RunError(f"`run` got {path}, but {nearest_existing} cannot be written to: name another folder")
