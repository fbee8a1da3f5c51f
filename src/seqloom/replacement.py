"""Replace the files that seqloom wrote in a folder, all together or not at all.

The new files are staged in `.seqloom-new/new`, a hidden folder within the folder, so that neither its parent nor
another disk is involved. Until the replacement is committed, the old files stay where they are. A commit writes the
journal `.seqloom-new/journal.json`, then renames every staged file to its place and removes the old files that have no
successor. Once there is a journal, the replacement is completed by whoever comes next: the same process, or `settle`,
with which every command on the folder begins. Without a journal, the staged files are discarded. All other files in the
folder stay.

`.seqloom-new/lock` is locked while its writer lives.
"""

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from seqloom import disk
from seqloom.checksums import checked_json
from seqloom.errors import RunError, SeqloomError
from seqloom.files import (
    STAGING_PARTS,
    cannot_write,
    is_temporary,
    read_own_file,
    real_path,
    remove_leftovers,
    write_checked_json,
)

__all__ = [
    "LOCK_FILE",
    "STAGING_FOLDER",
    "Replacement",
    "other_content",
    "replacing_content",
    "restore",
    "settle",
    "written_meanwhile",
]

STAGING_FOLDER, _NEW_FILES = STAGING_PARTS

LOCK_FILE = "training.lock"
"""Name of the lock of a run folder; it is never replaced."""

_RUNS = ("", "likelihood", "real", "generated")
_SUBFOLDERS = [Path(run, subfolder) for run in _RUNS for subfolder in ("", "state", "samples", "plots")]
"""Folders, relative to a folder of seqloom, in which a killed process can leave temporary files."""

_JOURNAL_FORMAT = 1

_MAX_WAIT_SECONDS, _POLL_SECONDS = 30.0, 0.01
"""Longest time to wait for another process that is just renaming its files, and time between two looks."""

OldFiles = Callable[[], Iterable[Path]]
"""Function that returns the existing files that are replaced."""


class Replacement:
    """Context manager that stages new files of a folder; at its end, files that were not committed are discarded.

    Args:
        folder: folder; it need not exist.
        old_files: function that returns the paths of the old files, which `commit` replaces or removes.

    Attributes:
        staged: folder for the new files.

    Raises:
        RunError: another process is writing into the folder.
        SeqloomError: the disk is full or the folder is not writable.
    """

    def __init__(self, folder: Path, old_files: OldFiles) -> None:
        self._folder, self._old_files = folder, old_files
        self._staging = folder / STAGING_FOLDER
        self.staged = self._staging / _NEW_FILES

    def __enter__(self) -> Self:
        """Create the folder for the new files."""
        self._has_created_folder = not self._folder.exists()
        _check_staging(self._staging)
        try:
            disk.make_folder(self._staging)
            lock = _claim(self._staging)
            if lock is None:
                raise RunError(
                    f"another process is writing into {self._folder}: wait for it, stop it, or name another folder"
                )
            self._lock: BinaryIO = lock
            _finish(self._folder, self._staging)
            disk.make_folder(self.staged)
        except OSError as error:
            self._remove_empty_folder()
            raise cannot_write(self._folder, error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Complete a commit that was begun; otherwise discard what is staged."""
        if not self._lock.closed:
            with contextlib.suppress(OSError, SeqloomError):
                _finish(self._folder, self._staging)
            self._release()
        self._remove_empty_folder()

    def commit(self) -> None:
        """Put the staged files in place of the old files.

        Raises:
            SeqloomError: the disk is full or a folder is not writable. Once the journal is written, the replacement is
                completed later.
        """
        try:
            installed = sorted(_files_in(self.staged))
            old = {file.relative_to(self._folder) for file in self._old_files()}
            for name in installed:
                disk.make_folder((self._folder / name).parent)
            _check_replaceable(self._folder, {*installed, *old})
            removed = sorted(old - set(installed))
            disk.sync_folder(self.staged)
            _write_journal(self._staging, self.staged, installed, removed)
            _finish(self._folder, self._staging)
        except OSError as error:
            raise cannot_write(self._folder, error) from error
        self._release()

    def _release(self) -> None:
        with self._lock:
            _remove_staging(self._staging, self._lock)

    def _remove_empty_folder(self) -> None:
        if self._has_created_folder:
            with contextlib.suppress(OSError):
                disk.remove_folder(self._folder)


@contextlib.contextmanager
def replacing_content(folder: Path, old_files: OldFiles, *, overwrite: bool = True) -> Iterator[Path]:
    """Yield a folder for new files; they replace the old files together when the block succeeds.

    Args:
        folder: folder; it need not exist.
        old_files: function that returns the paths of the old files.
        overwrite: whether there may be old files.

    Raises:
        RunError: another process is writing into the folder, or has written into it, and `overwrite` is not set.
        SeqloomError: the disk is full or the folder is not writable.
    """
    with Replacement(folder, old_files) as replacement:
        if not overwrite and any(old_files()):
            raise written_meanwhile(folder)
        yield replacement.staged
        replacement.commit()


def written_meanwhile(folder: Path) -> RunError:
    """Return the error for a folder that was free when a command began, and is not when the command writes into it."""
    return RunError(f"another command has written into {folder} in the meantime: use `overwrite` to replace its files")


def settle(folder: Path) -> bool:
    """Complete or discard a replacement that a killed process left, and remove its temporary files.

    A living process is not disturbed; if it is just renaming its files, this function waits for it.

    Returns:
        Whether staged files were discarded: the folder has the old files.

    Raises:
        RunError: a replacement was interrupted, and cannot be completed by this process, or because its journal is
            damaged; or another process does not come to an end with it.
        SeqloomError: the disk is full or damaged.
    """
    staging = folder / STAGING_FOLDER
    if folder.is_dir():
        for subfolder in _SUBFOLDERS:
            remove_leftovers(folder / subfolder)
    deadline = time.monotonic() + _MAX_WAIT_SECONDS
    _check_staging(staging)
    while staging.is_dir():
        try:
            lock = _claim(staging)
            if lock is not None:
                with lock:
                    is_discarded = not _journal_file(staging).exists() and any(_files_in(staging / _NEW_FILES))
                    _finish(folder, staging)
                    _remove_staging(staging, lock)
                return is_discarded
        except OSError as error:
            if not _journal_file(staging).exists():
                return False  # a folder that cannot be written to; its old files are complete
            raise RunError(
                f"{folder} is between two versions: its replacement was interrupted, and cannot be completed now "
                f"({error.strerror or error}); repeat this command where the folder can be written to"
            ) from error
        if not _journal_file(staging).exists():
            break
        if time.monotonic() > deadline:
            raise RunError(f"{folder} is being replaced by another process: wait until it has finished, or end it")
        time.sleep(_POLL_SECONDS)
    return False


def other_content(folder: Path) -> set[str]:
    """Return the names of the files and folders in a folder, without temporary ones and `lost+found` of the system."""
    names = {path.name for path in folder.iterdir()} - {STAGING_FOLDER, "lost+found"}
    return {name for name in names if not is_temporary(name)}


def restore(folder: Path, backup: Path, removed: Iterable[Path]) -> None:
    """Move the files of a backup within a folder to their old places, all together or not at all.

    Args:
        folder: folder.
        backup: folder within it, with files at the same relative paths.
        removed: paths of files that the backup replaces or that are removed.

    Raises:
        SeqloomError: the disk is full or the folder is not writable.
    """
    with Replacement(folder, lambda: removed) as replacement:
        replacement.staged = backup
        replacement.commit()


def _lock_file(staging: Path) -> Path:
    return staging / "lock"


def _journal_file(staging: Path) -> Path:
    return staging / "journal.json"


def _write_journal(staging: Path, source: Path, installed: list[Path], removed: list[Path]) -> None:
    """Write the journal: from here on, the replacement is completed."""
    journal: dict[str, Any] = {
        "format": _JOURNAL_FORMAT,
        "source": source.relative_to(staging.parent).as_posix(),
        "install": [name.as_posix() for name in installed],
        "remove": [name.as_posix() for name in removed],
    }
    write_checked_json(_journal_file(staging), journal)
    disk.sync_folder(staging)


def _read_journal(folder: Path, staging: Path) -> tuple[Path, list[str], list[str]]:
    """Return the folder of the staged files, and the names of the files to install and to remove.

    Raises:
        RunError: the journal is damaged.
    """
    file = _journal_file(staging)
    try:
        journal = checked_json(read_own_file(file), required_from_format=0)
        if journal.get("format", _JOURNAL_FORMAT) != _JOURNAL_FORMAT:
            raise ValueError("another version of seqloom has begun it")
        source, names = str(journal["source"]), [list(map(str, journal[part])) for part in ("install", "remove")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(
            f"{file} is damaged ({error!r:.60}), so that the interrupted replacement of {folder} cannot be completed: "
            f"copy the folder from a backup, or remove {staging} and start again"
        ) from None
    if not all(_is_inside(folder, Path(name)) for name in (f"{source}/file", *names[0], *names[1])):
        raise RunError(f"{file} is damaged: it names files outside of {folder}; remove {staging}")
    return folder / source, names[0], names[1]


def _check_staging(staging: Path) -> None:
    """Check that a staging folder is a folder, and its lock and its journal are files, as seqloom makes them.

    A link would lead to something else, which would be changed, and reading from a pipe would wait forever.

    Raises:
        RunError: one of them is something else.
    """
    is_expected = {staging: stat.S_ISDIR, _lock_file(staging): stat.S_ISREG, _journal_file(staging): stat.S_ISREG}
    for path, check in is_expected.items():
        try:
            mode = path.lstat().st_mode
        except OSError:  # it does not exist, or cannot be read, which is reported where it is used
            continue
        if not check(mode):
            kind = "a link" if stat.S_ISLNK(mode) else "something else"
            wanted = "folder" if path == staging else "file"
            raise RunError(f"{path} is {kind}, where seqloom expects a {wanted} of its own: remove it")


def _finish(folder: Path, staging: Path) -> None:
    """Complete a committed replacement; discard the staged files of one that was not committed.

    An interrupted call can be repeated: a file that was renamed is no longer staged.

    Raises:
        RunError: the journal is damaged.
    """
    journal_file = _journal_file(staging)
    if journal_file.exists():
        source, installed, removed = _read_journal(folder, staging)
        for name in installed:
            if (source / name).exists():
                disk.make_folder((folder / name).parent)
                disk.rename(source / name, folder / name)
        for name in removed:
            disk.unlink(folder / name, missing_ok=True)
        names = [*installed, *removed]
        parents = {parent for name in names for parent in (folder / name).parents if parent.is_relative_to(folder)}
        for parent in sorted(parents | {source}, reverse=True):  # subfolders first
            if parent != folder and parent.is_dir() and not any(parent.iterdir()):
                with contextlib.suppress(OSError):
                    disk.remove_folder(parent)
            elif parent.is_dir():
                disk.sync_folder(parent)
        disk.unlink(journal_file)
    if staging.is_dir():
        disk.remove_tree(staging, keep=_lock_file(staging))


def _remove_staging(staging: Path, lock: BinaryIO) -> None:
    """Remove the staging folder, unless it still has a journal; what cannot be removed is left to the next command."""
    if _journal_file(staging).exists():
        return
    with contextlib.suppress(OSError):
        disk.remove_tree(staging, keep=_lock_file(staging))
        if os.name == "nt":
            lock.close()  # Windows removes no open file
        disk.unlink(_lock_file(staging))  # the lock comes last: until then, no other process may use the folder
        disk.remove_folder(staging)


def _claim(staging: Path) -> BinaryIO | None:
    """Lock a staging folder; return None if a living process uses it."""
    path = _lock_file(staging)
    while True:
        disk.make_folder(staging)
        file = disk.open_file(path, "update")
        try:
            if not disk.try_lock(file):
                file.close()
                return None
        except OSError:
            return file  # a file system without locks
        if disk.is_file_at(file, path):
            return file
        file.close()  # the owner has just removed the folder


def _files_in(folder: Path) -> Iterator[Path]:
    """Yield the paths of all files in a folder, relative to it, except locks."""
    for file in folder.rglob("*"):
        if not file.is_dir() and file.name != LOCK_FILE:
            yield file.relative_to(folder)


def _is_inside(folder: Path, name: Path) -> bool:
    """Return whether a file lies in a folder, whatever its path and the links in it say."""
    return ".." not in name.parts and real_path((folder / name).parent).is_relative_to(real_path(folder))


def _check_replaceable(folder: Path, names: Iterable[Path]) -> None:
    """Check that files can be replaced by renaming, before the first of them is.

    Raises:
        OSError: a file is a folder, or its folder is not writable, or on another disk.
    """
    for name in names:
        path = folder / name
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, f"{path} is a folder")
        if not os.access(path.parent, os.W_OK):
            raise PermissionError(errno.EACCES, f"{path.parent} is not writable")
        if not _is_inside(folder, name) or path.parent.stat().st_dev != folder.stat().st_dev:
            raise OSError(errno.EXDEV, f"{path.parent} is a link, or on another disk")
