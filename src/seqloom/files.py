"""Atomic writes: a reader sees the old content or the new content, never a part.

During `replacing_folder` alone, a reader may see no folder for a moment.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqloom.errors import SeqloomError

__all__ = [
    "cache_folder",
    "check_writable",
    "creating_folder",
    "is_utf8_name",
    "replacing_file",
    "replacing_folder",
    "write_json",
    "write_text",
]


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


@contextlib.contextmanager
def replacing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; flush the file and rename it to `path` when the block succeeds.

    Raises:
        SeqloomError: the disk is full or the folder is not writable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise _cannot_write(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # a file of mkstemp is readable for its owner only
        os.replace(temporary, path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


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
        raise _cannot_write(path, error) from error


@contextlib.contextmanager
def creating_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder next to `path`; rename it to `path` when the block succeeds.

    If another process has created `path` in the meantime, `path` stays as it is. Use this function therefore only for
    content that every process would write in the same way, such as a cache.

    Raises:
        SeqloomError: the disk is full or the folder is not writable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent, ignore_cleanup_errors=True) as outer:
            temporary = Path(outer) / path.name
            temporary.mkdir()
            yield temporary
            if not path.exists():
                with contextlib.suppress(FileExistsError):
                    os.rename(temporary, path)
    except OSError as error:
        raise _cannot_write(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with replacing_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _cannot_write(path: Path, error: OSError) -> SeqloomError:
    return SeqloomError(f"cannot write {path}: {error.strerror or error}; free some space or choose a writable folder")


@contextlib.contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder next to `folder`; it replaces `folder` when the block succeeds.

    Two renames replace the folder, and for a moment between them `folder` does not exist.
    """
    folder = folder.resolve() if folder.is_symlink() else folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield temporary
        temporary.chmod(0o777 & ~_umask())  # a folder of mkdtemp is open to its owner only
        old = temporary.with_name(f"{temporary.name}.old")
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _umask() -> int:
    """Return the process's file mode creation mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
