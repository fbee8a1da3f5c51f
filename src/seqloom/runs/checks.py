"""Whether a run may be trained into a folder, which is said before anything is read or written."""

import os
from pathlib import Path

from seqloom.errors import ConfigError, RunError
from seqloom.runs.layout import RunFolder

__all__ = ["check_run_folder"]


def check_run_folder(folder: RunFolder, *, overwrite: bool, from_run: Path | None = None) -> None:
    """Whether a folder is there or can be made, and nothing in it is replaced unasked.

    Args:
        folder: for everything that a training makes.
        overwrite: what it holds may be replaced.
        from_run: the folder of the run that is begun from.

    Raises:
        RunError: it is not usable.
        ConfigError: it is that of the run that is begun from.
    """
    if other := folder.other_kind:
        raise RunError(f"`run` got {folder.path}, which holds a {other}: name another folder")
    if from_run is not None and from_run.resolve() == folder.path.resolve():
        raise ConfigError(f"`from_run` and `run` are both {folder.path}: name another folder for the new run")
    if folder.holds_run and not overwrite:
        raise RunError(
            f"{folder.path} holds a run already: give `resume` to go on with it, or `overwrite` to replace it"
        )
    _check_path(folder.path)
    if not overwrite and (own := folder.would_replace()):
        raise RunError(
            f"{folder.path} has files that a run would replace ({', '.join(own)}): name another folder, or give "
            "`overwrite`"
        )


def _check_path(path: Path) -> None:
    if path == Path():
        raise RunError("`run` got an empty name or the current folder: name a folder of the run's own")
    there = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    if not there.is_dir():
        raise RunError(f"`run` got {path}, and {there} is a file: name another folder")
    if not os.access(there, os.W_OK):
        raise RunError(f"`run` got {path}, and {there} cannot be written to: name another folder")
