"""Atomic writes: a reader sees the old content or the new content, never a part.

A new file or folder has a temporary name such as `.seqloom-1f09ab3c.tmp` until it is complete, and its writer holds a
lock on it. The lock of a killed process is free, so that `remove_leftovers` can remove the file. Unlike a process id, a
lock is never reused, and is known to all computers that share a disk.
"""

import contextlib
import errno
import os
import re
import secrets
import shlex
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from seqloom import disk
from seqloom.checksums import indented_json, json_with_checksum
from seqloom.errors import ConfigError, SeqloomError

__all__ = [
    "STAGING_PARTS",
    "cache_folder",
    "cannot_write",
    "check_new_file",
    "check_writable",
    "creating_folder",
    "describe_unreadable",
    "is_temporary",
    "is_utf8_name",
    "open_own_file",
    "quoted_path",
    "read_own_file",
    "real_path",
    "remove_leftovers",
    "replacing_file",
    "write_checked_json",
    "write_json",
    "write_text",
]

STAGING_PARTS = (".seqloom-new", "new")
"""Names of the folders in which `seqloom.replacement` stages new files: the second is in the first."""

_TEMPORARY_NAME = re.compile(r"\.seqloom-[0-9a-f]{8}\.tmp")
_LOCK = "lock"
"""Name of the locked file in a temporary folder."""


def cache_folder(name: str) -> Path:
    """Return the path of the folder `name` inside seqloom's cache.

    The cache is the folder in the environment variable `SEQLOOM_CACHE`, or else `seqloom` in the user's cache folder.
    """
    if cache := os.environ.get("SEQLOOM_CACHE"):
        return Path(cache) / name
    from platformdirs import user_cache_path

    return user_cache_path("seqloom") / name


def is_utf8_name(name: str) -> bool:
    """Return whether the name of a file can be written as UTF-8; Python has lone surrogates for all other bytes."""
    return not any("\ud800" <= character <= "\udfff" for character in name)


def real_path(path: Path) -> Path:
    """Return an absolute path without links; of links that lead in a circle, one stays."""
    return Path(os.path.realpath(path))


def open_own_file(path: Path) -> BinaryIO:
    """Open one of seqloom's own files for reading. Something else in its place, such as a pipe, is not waited for.

    Raises:
        OSError: the file cannot be read, or is no file.
    """
    file = open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0)))
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is not a file but a pipe or a device", str(path))
    return file


def read_own_file(path: Path) -> bytes:
    """Return the content of one of seqloom's own files; see `open_own_file`."""
    with open_own_file(path) as file:
        return file.read()


def quoted_path(path: Path) -> str:
    """Return a path as it can be typed in a command line; it never looks like an option."""
    name = str(path)
    return shlex.quote(f"./{name}" if name.startswith("-") else name)


def check_new_file(path: Path, suffixes: Sequence[str], *, may_exist: bool) -> None:
    """Check the name of a file that a command writes for the user; the setting is `output`.

    Args:
        path: path of the file.
        suffixes: suffixes that the file may have, in lower case.
        may_exist: whether an existing file may be replaced.

    Raises:
        ConfigError: the suffix is another one, or there is something at `path` that may not be replaced.
    """
    if path.suffix.lower() not in suffixes:
        got = f"the ending {path.suffix}" if path.suffix else "no ending"
        raise ConfigError(f"`output` got {path}, which has {got}: name a file that ends in {', '.join(suffixes)}")
    if path.is_symlink() and real_path(path).is_symlink():
        raise ConfigError(f"`output` got {path}, which is a link that leads in a circle: name a file")
    if path.is_dir():
        raise ConfigError(f"`output` got {path}, which is a folder: name a file")
    if path.exists() and not may_exist:
        raise ConfigError(f"{path} exists already: name another file, or give `overwrite`")


def is_temporary(name: str) -> bool:
    """Return whether a file or folder has the name of an unfinished one."""
    return _TEMPORARY_NAME.fullmatch(name) is not None


@contextlib.contextmanager
def replacing_file(path: Path) -> Iterator[BinaryIO]:
    """Yield an open temporary file next to `path`; flush it and rename it to `path` when the block succeeds.

    First, the temporary files that killed processes left in the folder are removed.

    Raises:
        SeqloomError: the disk is full or the folder is not writable.
    """
    temporary: Path | None = None
    try:
        disk.make_folder(path.parent)
        remove_leftovers(path.parent)
        temporary, file = _create_locked(path.parent)
        with file:
            yield file
            disk.sync(file)
            if os.name == "nt":
                file.close()  # Windows renames no open file
            disk.rename(temporary, path)
            temporary = None
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                disk.unlink(temporary, missing_ok=True)


def check_writable(path: Path) -> None:
    """Check that a file can be written, without creating it or its folder.

    Raises:
        SeqloomError: the disk is full or the folder is not writable.
    """
    try:
        existing_folder = next(folder for folder in path.parents if folder.exists())
        with tempfile.TemporaryFile(dir=existing_folder):
            pass
    except OSError as error:
        raise cannot_write(path, error) from error


@contextlib.contextmanager
def creating_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder next to `path`; rename it to `path` when the block succeeds.

    If another process has created `path` in the meantime, `path` stays as it is. Use this function therefore only for
    content that every process would write in the same way, such as a cache.

    Raises:
        SeqloomError: the disk is full or the folder is not writable.
    """
    remove_leftovers(path.parent)
    outer = _temporary_path(path.parent)
    try:
        try:
            disk.make_folder(outer)
            with disk.open_file(outer / _LOCK, "new") as lock:
                _is_locked(lock, outer / _LOCK)
                content = outer / "content"
                disk.make_folder(content)
                yield content
                if not path.exists():
                    with contextlib.suppress(FileExistsError):
                        disk.rename(content, path)
        finally:
            with contextlib.suppress(OSError):
                disk.remove_tree(outer)
    except OSError as error:
        raise cannot_write(path, error) from error


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders of killed processes from a folder.

    Those of living processes stay, and so do links, which no process of seqloom makes.
    """
    try:
        entries = [entry for entry in os.scandir(folder) if is_temporary(entry.name) and not entry.is_symlink()]
    except OSError:
        return
    for path in (Path(entry.path) for entry in entries):
        with contextlib.suppress(OSError):
            is_folder = path.is_dir()
            # A folder without its locked file is incomplete: its writer fails at creating that file.
            lock = path / _LOCK if is_folder else path
            if lock.exists():
                with disk.open_file(lock, "update") as file:
                    if not disk.try_lock(file) or not disk.is_file_at(file, lock):
                        continue
            if is_folder:
                disk.remove_tree(path)
            else:
                disk.unlink(path)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically; bytes of names that are not UTF-8 become escapes."""
    with replacing_file(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    with replacing_file(path) as file:
        file.write(indented_json(value) + b"\n")


def write_checked_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object with its checksum, atomically; see `seqloom.checksums`."""
    with replacing_file(path) as file:
        file.write(json_with_checksum(value))


def cannot_write(path: Path, error: OSError) -> SeqloomError:
    """Return the error for a file or folder that the system refuses to write; a staged file is named by its place."""
    place = str(path).replace(os.path.join(*STAGING_PARTS, ""), "")
    if isinstance(error, FileExistsError | NotADirectoryError):
        return SeqloomError(
            f"cannot write {place}: a file, or a link that leads nowhere, is in the way ({error.filename}); choose "
            "another folder"
        )
    return SeqloomError(f"cannot write {place}: {error.strerror or error}; free some space or choose a writable folder")


def describe_unreadable(path: Path, error: Exception) -> str:
    """Return why a file cannot be used: the system does not let it be read, or its content is damaged."""
    if isinstance(error, OSError):
        advice = "copy the file again" if error.errno == errno.EINVAL else "check its permissions"
        return f"{path} cannot be read: {error.strerror or error}; {advice}"
    return f"{path} is damaged: {error}"


def _temporary_path(folder: Path) -> Path:
    return folder / f".seqloom-{secrets.token_hex(4)}.tmp"


def _create_locked(folder: Path) -> tuple[Path, BinaryIO]:
    """Create a temporary file and lock it; return its path and the open file."""
    while True:
        path = _temporary_path(folder)
        file = disk.open_file(path, "new")
        if _is_locked(file, path):
            return path, file
        file.close()  # another process has taken the new file for a leftover, and removed it


def _is_locked(file: BinaryIO, path: Path) -> bool:
    """Lock a new file; return False if another process has locked or removed it before.

    On a file system without locks, return True: there, the files of killed processes stay.
    """
    with contextlib.suppress(OSError):
        return disk.try_lock(file) and disk.is_file_at(file, path)
    return True
