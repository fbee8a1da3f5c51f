"""The cache of token stores: each corpus is encoded once, and the least recently used stores are removed.

A store is locked while it is in use, so that no process removes it. The time of its lock file is that of its last use.
The environment variable `SEQLOOM_CACHE_SIZE` sets the largest size of all stores together, in GiB.
"""

import contextlib
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from seqloom import disk
from seqloom.codecs.base import Codec
from seqloom.corpora.document import Corpus
from seqloom.data.store import TokenStore, build_store, open_store
from seqloom.errors import ConfigError, RunError, SeqloomError
from seqloom.files import cache_folder, check_writable, is_temporary, remove_leftovers

__all__ = ["cached_store"]

_LOCK = "in-use.lock"
_DEFAULT_SIZE_GIB = 20.0


class _Lease:
    """Lock of a store that is in use; it is released when the store is no longer referenced.

    Args:
        file: locked file, which the caller closes: the lease has a descriptor of its own.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._descriptor: int | None = os.dup(file.fileno())

    def release(self) -> None:
        """Release the lock."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    __del__ = release


def cached_store(
    corpus: Corpus, codec: Codec[Any], *, progress: Callable[[int], None] | None = None, verify: bool = False
) -> TokenStore:
    """Return the store of `corpus` in the user's cache; build it if it is missing, damaged or of another format.

    If the cache cannot be written, the store is a temporary folder that is deleted when Python exits.

    Args:
        corpus: corpus to encode.
        codec: codec.
        progress: function that is called now and then, as for `build_store`.
        verify: whether to compare the checksums of all files, even of those that have not changed.

    Raises:
        SourceError, CodecError, SeqloomError: as `build_store`.
        ConfigError: `SEQLOOM_CACHE_SIZE` is not a number.
    """
    max_bytes = _max_bytes()
    folder = cache_folder("stores") / f"{corpus.fingerprint[:16]}-{codec.fingerprint[:16]}"
    remove_leftovers(folder.parent)
    if folder.is_symlink() or folder.is_file():
        with contextlib.suppress(OSError):
            disk.unlink(folder)  # something else in the place of the store
    if folder.exists() and (store := _open(folder, verify=verify)) is not None:
        return store
    try:
        check_writable(folder)
        store = replace(build_store(corpus, codec, folder, progress=progress), lease=_lock_for_use(folder))
    except SeqloomError as error:
        if not isinstance(error.__cause__, OSError):
            raise  # a fault of the corpus, not of the cache
        return build_store(corpus, codec, disk.temporary_folder_until_exit() / "store", progress=progress)
    _remove_least_recently_used(folder.parent, max_bytes)
    return store


def _max_bytes() -> float:
    """Return the largest size of all stores together."""
    text = os.environ.get("SEQLOOM_CACHE_SIZE") or str(_DEFAULT_SIZE_GIB)
    try:
        size = float(text)
    except ValueError:
        size = math.nan
    if not size >= 0:
        raise ConfigError(f"SEQLOOM_CACHE_SIZE is {text!r}: give a number of GiB from 0 up, such as 20")
    return size * 2**30


def _open(folder: Path, *, verify: bool) -> TokenStore | None:
    """Return a store of the cache; remove it and return None if it is damaged or of another format."""
    lease = _lock_for_use(folder)
    try:
        return replace(open_store(folder, verify=verify), lease=lease)
    except RunError:
        if lease is not None:
            lease.release()
        with contextlib.suppress(OSError):
            disk.remove_tree(folder)
        return None


def _lock_for_use(folder: Path) -> _Lease | None:
    """Lock a store against removal and note its use; return None where files cannot be locked or written."""
    path = folder / _LOCK
    try:
        file = disk.open_file(path, "update")
    except OSError:
        return None
    with file, contextlib.suppress(OSError):
        if disk.try_lock(file, shared=True) and disk.is_file_at(file, path):
            disk.set_time_to_now(path)
            return _Lease(file)
    return None


def _remove_least_recently_used(stores: Path, max_bytes: float) -> None:
    """Remove stores that are not in use, the least recently used first, until all together are small enough."""
    folders = [
        path
        for path in stores.iterdir()
        if path.is_dir() and not path.is_symlink() and not is_temporary(path.name)  # a link's target is not ours
    ]
    sizes = {folder: _num_bytes(folder) for folder in folders}
    total = sum(sizes.values())
    for folder in sorted(folders, key=_last_use):
        if total <= max_bytes:
            return
        if _remove_unused(folder):
            total -= sizes[folder]


def _num_bytes(folder: Path) -> int:
    with contextlib.suppress(OSError):
        return sum(entry.stat().st_size for entry in os.scandir(folder))
    return 0


def _last_use(folder: Path) -> float:
    for path in (folder / _LOCK, folder):
        with contextlib.suppress(OSError):
            return path.stat().st_mtime
    return 0.0


def _remove_unused(folder: Path) -> bool:
    """Remove a store and return True; return False if a process uses it, or if it cannot be removed."""
    try:
        with disk.open_file(folder / _LOCK, "update") as lock:
            if not disk.try_lock(lock):
                return False
            disk.remove_tree(folder)
    except OSError:
        return False
    return True
