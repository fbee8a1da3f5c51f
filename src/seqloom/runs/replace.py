"""Taking a new run's place in a folder, in such a way that the old run comes back if nothing comes of the new one."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from seqloom.errors import RunError
from seqloom.runs.layout import PLOTS, RunFolder

__all__ = ["discard_backup", "replacing_run"]


@contextlib.contextmanager
def replacing_run(folder: RunFolder) -> Iterator[None]:
    """Put the files of an earlier run aside; they come back if the body fails before there are new weights.

    Raises:
        RunError: the folder's files cannot be moved.
        OSError: they cannot be moved back; they stay where they are.
    """
    aside = folder.backup_folder
    moved = _put_aside(folder, aside)
    try:
        yield
    except BaseException:
        if not folder.weights_file.exists():
            _put_back(folder, aside, moved)
        discard_backup(folder)
        raise
    discard_backup(folder)


def discard_backup(folder: RunFolder) -> None:
    """Remove what `in_place_of` put aside: there is a new run, also where a first process was killed over it."""
    shutil.rmtree(folder.backup_folder, ignore_errors=True)


def _files(folder: RunFolder) -> list[Path]:
    """What a run may have, its config first, so that no half run looks whole."""
    kept = (
        *(folder.codec_file, folder.weights_file, folder.state_file, folder.log_file, folder.metrics_file),
        *(folder.gan_file, folder.gan_state_file, folder.gan_request_file),
    )
    samples = sorted([*folder.samples_folder.glob("epoch-*.txt"), *folder.samples_folder.glob("round-*.txt")])
    plots = [folder.plots_folder / f"{name}.png" for name in PLOTS]
    return [file for file in (folder.config_file, *kept, folder.report_file, *samples, *plots) if file.exists()]


def _put_aside(folder: RunFolder, aside: Path) -> list[Path]:
    """Move the files; give their names within the folder."""
    moved: list[Path] = []
    try:
        shutil.rmtree(aside, ignore_errors=True)
        for file in _files(folder):
            name = file.relative_to(folder.path)
            (aside / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, aside / name)
            moved.append(name)
    except OSError as error:
        _put_back(folder, aside, moved)
        raise RunError(
            f"cannot replace {folder.path}: {error.strerror}; check its rights, or name another folder"
        ) from None
    return moved


def _put_back(folder: RunFolder, aside: Path, moved: list[Path]) -> None:
    """Undo `_put_aside`, the config last."""
    for file in _files(folder):
        file.unlink()
    for name in reversed(moved):
        os.replace(aside / name, folder.path / name)
