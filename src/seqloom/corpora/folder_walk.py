"""Walk through a folder of a source: its files, links that lead out of it, and the files that match a pattern."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from seqloom.corpora.path_patterns import matches_pattern

__all__ = ["leads_out", "matching_files", "walk_folder"]

_OUTER_LINK = "link out of the folder"


def walk_folder(folder: Path, *, follow_links: bool) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk through a folder as `os.walk` does; each folder is visited once, so that links may form a loop.

    Args:
        folder: folder.
        follow_links: whether to enter folders through links.
    """
    visited: set[str] = set()
    for parent, subfolders, filenames in os.walk(folder, followlinks=follow_links):
        real = os.path.realpath(parent)
        if real in visited:
            subfolders.clear()
            continue
        visited.add(real)
        yield parent, subfolders, filenames


def leads_out(path: Path, folder: Path, skipped: Counter[str], *, follow_links: bool) -> bool:
    """Return whether a path must be skipped because links lead out of its folder, and count it as skipped.

    Args:
        path: path of a file or a folder in the folder.
        folder: folder that the user named.
        skipped: counter of skipped parts by reason.
        follow_links: whether such links are followed.
    """
    if follow_links or Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
        return False
    skipped[_OUTER_LINK] += 1
    return True


def matching_files(folder: Path, pattern: Sequence[str], *, follow_links: bool) -> list[Path]:
    """Return the files below a folder whose path matches a pattern with `**`, sorted.

    Args:
        folder: folder.
        pattern: parts of the pattern below the folder; `**` stands for any number of folders.
        follow_links: whether to enter folders through links.
    """
    return sorted(
        path
        for parent, _, filenames in walk_folder(folder, follow_links=follow_links)
        for path in (Path(parent, name) for name in filenames)
        if matches_pattern(path.relative_to(folder).parts, pattern)
    )
