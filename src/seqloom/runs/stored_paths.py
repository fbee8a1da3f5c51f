"""Paths in the JSON files of a run.

A path that the user named relative to the working folder is stored relative to the run folder, beginning with `./` or
`../`, so that it stays valid in any working folder, and if the run and its corpus are moved together. An absolute path
stays absolute, unless it leads into the run folder. Other names, such as those of the catalogue, are stored unchanged.
"""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from seqloom.corpora.zip_archives import archive_and_pattern
from seqloom.files import is_utf8_name, real_path

__all__ = ["from_stored", "same_sources", "source_to_stored", "to_stored"]


def source_to_stored(name: str, folder: Path) -> str:
    """Return the name of a source as it is stored: a file, folder or glob as a path, any other name unchanged.

    Args:
        name: source that the user named.
        folder: run folder.
    """
    return to_stored(name, folder) if _is_path(name) and not name.startswith("~") else name


def to_stored(name: str, folder: Path) -> str:
    """Return a path as it is stored.

    Args:
        name: path, absolute or relative to the working folder.
        folder: run folder.
    """
    path, base = Path(name), real_path(folder)
    absolute = path.absolute()
    # The links in the folders above a file are followed, because the relative path leads through them; the file itself
    # keeps its name.
    resolved = real_path(absolute.parent) / absolute.name
    if not is_utf8_name(str(resolved)) or (path.is_absolute() and not resolved.is_relative_to(base)):
        return name
    relative = _relative(resolved, base)
    if relative is None:
        return name
    return relative if relative.startswith("../") or relative in (".", "..") else f"./{relative}"


def from_stored(name: str, folder: Path) -> str:
    """Return a stored path so that it can be used in the working folder.

    Args:
        name: result of `to_stored` or `source_to_stored`.
        folder: run folder.
    """
    if not name.startswith(("./", "../")) and name not in (".", ".."):
        return name
    path = Path(os.path.normpath(real_path(folder) / name))
    return _relative(path, real_path(Path.cwd())) or str(path)


def same_sources(one: Sequence[str | Path], other: Sequence[str | Path]) -> bool:
    """Return whether two lists name the same sources, by absolute or relative paths."""
    return [_absolute_if_path(str(name)) for name in one] == [_absolute_if_path(str(name)) for name in other]


def _absolute_if_path(name: str) -> str:
    return os.path.abspath(name) if _is_path(name) else name


def _is_path(name: str) -> bool:
    """Return whether the name of a source is a file, a folder, a glob, or leads into an archive."""
    return Path(name).exists() or glob.has_magic(name) or archive_and_pattern(Path(name)) is not None


def _relative(path: Path, base: Path) -> str | None:
    """Return a path relative to another; None if they are on different drives of Windows."""
    try:
        return Path(os.path.relpath(path, base)).as_posix()
    except ValueError:
        return None
