"""Writing files so that a reader sees the old content or the new, never half of it."""

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
    "building_folder",
    "cache_folder",
    "check_writable",
    "replaced",
    "replaced_folder",
    "write_json",
    "write_text",
]


def cache_folder(kind: str) -> Path:
    """The user's cache for one kind of file; `SEQLOOM_CACHE` names another place for all of them."""
    if chosen := os.environ.get("SEQLOOM_CACHE"):
        return Path(chosen) / kind
    from platformdirs import user_cache_path

    return user_cache_path("seqloom") / kind


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; flush it and rename it to `path` when the block ends well.

    Raises:
        SeqloomError: the disk is full or the folder cannot be written to.
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
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        raise _cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Make sure that a file can be written, before the work that it shall hold is begun; makes nothing.

    Raises:
        SeqloomError: the disk is full or the folder cannot be written to.
    """
    try:
        with tempfile.TemporaryFile(dir=next(folder for folder in path.parents if folder.exists())):
            pass
    except OSError as error:
        raise _cannot_write(path, error) from error


@contextlib.contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder beside `path`; rename it to `path` when the block ends well.

    A folder that is already at `path` by then wins: what was made is the same, by another process.

    Raises:
        SeqloomError: the disk is full or the folder cannot be written to.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent, ignore_cleanup_errors=True) as name:
            made = Path(name) / path.name
            made.mkdir()
            yield made
            if not path.exists():
                with contextlib.suppress(FileExistsError):
                    os.rename(made, path)
    except OSError as error:
        raise _cannot_write(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with replaced(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _cannot_write(path: Path, error: OSError) -> SeqloomError:
    return SeqloomError(
        f"cannot write {path}: {error.strerror or error}; free some space or choose a folder that can be written to"
    )


@contextlib.contextmanager
def building_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside the wanted one, which takes its place when all is done."""
    folder = folder.resolve() if folder.is_symlink() else folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        yield place
        place.chmod(0o777 & ~_umask())
        old = place.with_name(f"{place.name}.old")
        if folder.exists():
            folder.rename(old)
        place.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _umask() -> int:
    """What the person's new files may not be."""
    found = os.umask(0)
    os.umask(found)
    return found
