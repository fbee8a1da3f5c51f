"""Replace the run in a folder, and bring the old run back if the new training fails early."""

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
    """Move the files of an earlier run to a backup; restore them if the `with` block fails before it writes weights.

    Raises:
        RunError: the files cannot be moved.
        OSError: the files cannot be restored; they stay in the backup.
    """
    backup = folder.backup_folder
    moved = _move_to_backup(folder, backup)
    try:
        yield
    except BaseException:
        if not folder.weights_file.exists():
            for new_file in _run_files(folder):
                new_file.unlink()
            _restore_backup(folder, backup, moved)
        discard_backup(folder)
        raise
    discard_backup(folder)


def discard_backup(folder: RunFolder) -> None:
    """Remove the backup of a replaced run, if there is one."""
    shutil.rmtree(folder.backup_folder, ignore_errors=True)


def _run_files(folder: RunFolder) -> list[Path]:
    """Return the existing files of a run.

    The config comes first: it is moved first and restored last, so that a part of a run never looks complete.
    """
    files = (
        *(folder.codec_file, folder.weights_file, folder.state_file, folder.log_file, folder.metrics_file),
        *(folder.gan_file, folder.gan_state_file, folder.gan_request_file),
    )
    samples = sorted([*folder.samples_folder.glob("epoch-*.txt"), *folder.samples_folder.glob("round-*.txt")])
    plots = [folder.plots_folder / f"{name}.png" for name in PLOTS]
    return [file for file in (folder.config_file, *files, folder.report_file, *samples, *plots) if file.exists()]


def _move_to_backup(folder: RunFolder, backup: Path) -> list[Path]:
    """Move the files of a run, and return their paths relative to the folder."""
    moved: list[Path] = []
    try:
        shutil.rmtree(backup, ignore_errors=True)
        for file in _run_files(folder):
            relative_path = file.relative_to(folder.path)
            (backup / relative_path).parent.mkdir(parents=True, exist_ok=True)
            os.replace(file, backup / relative_path)
            moved.append(relative_path)
    except OSError as error:
        _restore_backup(folder, backup, moved)
        raise RunError(
            f"cannot replace {folder.path}: {error.strerror}; check its permissions, or name another folder"
        ) from None
    return moved


def _restore_backup(folder: RunFolder, backup: Path, moved: list[Path]) -> None:
    """Move the files of the old run back, the config last."""
    for relative_path in reversed(moved):
        os.replace(backup / relative_path, folder.path / relative_path)
