"""The operations with which seqloom changes files. No other module changes files directly.

Every operation passes through `perform`, so that a test can let any of them fail. Reading needs no such layer. The
exceptions, such as the download of a corpus, are listed in `tests/contracts/test_file_layer.py`.
"""

import atexit
import contextlib
import io
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

__all__ = [
    "is_file_at",
    "make_folder",
    "open_file",
    "perform",
    "remove_folder",
    "remove_tree",
    "rename",
    "set_time_to_now",
    "sync",
    "sync_folder",
    "temporary_folder",
    "temporary_folder_until_exit",
    "try_lock",
    "unlink",
]

Result = TypeVar("Result")

_BUFFER_BYTES = 1 << 18


def perform(operation: str, function: Callable[..., Result], *arguments: Any) -> Result:
    """Call the function that carries out an operation.

    Args:
        operation: name of the operation, such as "rename".
        function: function of the operating system.
        arguments: its arguments.
    """
    return function(*arguments)


class _RawFile(io.FileIO):
    """An unbuffered file whose writes are operations."""

    def write(self, data: Any, /) -> int:
        return perform("write", super().write, data)

    def truncate(self, size: int | None = None, /) -> int:
        return perform("truncate", super().truncate, size)


def open_file(path: str | Path, mode: str) -> BinaryIO:
    """Open a file for writing.

    Args:
        path: path of the file.
        mode: "new" creates a file and fails if it exists, "update" keeps the content of an existing file, and "append"
            also writes behind it; both create a missing file.
    """
    flags = {"new": os.O_EXCL, "update": 0, "append": os.O_APPEND}[mode]
    flags |= os.O_CREAT | os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = perform("open", os.open, path, flags, 0o666)
    return cast(BinaryIO, io.BufferedWriter(_RawFile(descriptor, "ab" if mode == "append" else "r+b"), _BUFFER_BYTES))


def sync(file: BinaryIO) -> None:
    """Write the content of an open file to the disk."""
    file.flush()
    perform("fsync", os.fsync, file.fileno())


def sync_folder(path: Path) -> None:
    """Write the names in a folder to the disk; do nothing on systems that cannot open a folder."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        perform("fsync", os.fsync, descriptor)
    finally:
        os.close(descriptor)


def rename(source: Path, target: Path) -> None:
    """Rename a file or a folder; an existing file `target` is replaced."""
    perform("rename", os.replace, source, target)


def unlink(path: Path, *, missing_ok: bool = False) -> None:
    """Remove a file."""
    try:
        perform("unlink", os.unlink, path)
    except FileNotFoundError:
        if not missing_ok:
            raise


def make_folder(path: Path) -> None:
    """Create a folder and its missing parents; an existing folder stays as it is."""
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    try:
        perform("mkdir", os.mkdir, path)
    except FileExistsError:
        if not path.is_dir():
            raise


def remove_folder(path: Path) -> None:
    """Remove an empty folder."""
    perform("rmdir", os.rmdir, path)


def remove_tree(path: Path, *, keep: Path | None = None) -> None:
    """Remove a folder with everything in it; links, also `path` itself, are removed, not followed.

    Args:
        path: folder, or a link.
        keep: file in the folder that stays, and with it the folder; None for none.
    """
    if path.is_symlink():
        unlink(path)
        return
    for entry in list(os.scandir(path)):
        child = Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            remove_tree(child)
        elif child != keep:
            unlink(child, missing_ok=True)
    if keep is None:
        remove_folder(path)


def set_time_to_now(path: Path) -> None:
    """Set the time of the last change of a file to the current time."""
    perform("utime", os.utime, path)


def try_lock(file: BinaryIO, *, shared: bool = False) -> bool:
    """Lock an open file until it is closed; return False if another open file holds the lock.

    The system releases the lock of a process that ends in any way.

    Args:
        file: open file.
        shared: whether other files may hold the lock too, if theirs is shared; Windows has no shared locks.

    Raises:
        OSError: the file system has no locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def is_file_at(file: BinaryIO, path: Path) -> bool:
    """Return whether an open file is still the file at a path."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder in the system's folder for temporary files, and remove it at the end of the `with` block."""
    with tempfile.TemporaryDirectory(prefix="seqloom-") as name:
        yield Path(name)


def temporary_folder_until_exit() -> Path:
    """Return a folder in the system's folder for temporary files; it is removed when Python exits."""
    folder: tempfile.TemporaryDirectory[Any] = tempfile.TemporaryDirectory(
        prefix="seqloom-", ignore_cleanup_errors=True
    )
    atexit.register(folder.cleanup)
    return Path(folder.name)
