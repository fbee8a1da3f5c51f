"""Files of the catalogue: identified on this machine by their hash, or fetched once into the user's cache."""

import dataclasses
import functools
import hashlib
import os
from pathlib import Path
from typing import Any

from seqloom.corpora.catalogue import ENTRIES, Entry
from seqloom.errors import SeqloomError, SourceError
from seqloom.files import cache_folder
from seqloom.registry import unknown_name

__all__ = ["catalogue", "fetch"]


def catalogue() -> tuple[Entry, ...]:
    """Return the catalogue, with paths for the files that are on this machine."""
    return tuple(
        entry if entry.is_built_in else dataclasses.replace(entry, path=_local_copy(entry))
        for entry in ENTRIES.values()
    )


def fetch(name: str, *, progress: bool = True) -> Path:
    """Return the path of a catalogue file: a copy on this machine, or else a download into the cache.

    Args:
        name: name of an entry that is not built in.
        progress: whether a bar on standard error shows the progress of a download.

    Raises:
        SourceError: the catalogue has no entry of that name, the entry is built in, or no address returned the right
            file.
        SeqloomError: the cache is not writable.
    """
    if name not in ENTRIES:
        raise SourceError(unknown_name("corpus", name, ENTRIES))
    entry = ENTRIES[name]
    if entry.is_built_in:
        raise SourceError(f"{name} is built in and has no file: name it as the source")
    return _local_copy(entry) or _download(entry, show_progress=progress)


def _local_copy(entry: Entry) -> Path | None:
    """Return the path of a copy: any file with the entry's hash below `SEQLOOM_CORPORA`, or in the cache; else None."""
    folder = os.environ.get("SEQLOOM_CORPORA")
    candidates = sorted(Path(folder).rglob("*")) if folder else []
    for path in (*candidates, _cache_path(entry)):
        if path.is_file() and path.stat().st_size == entry.num_bytes:
            if _sha256(path, modified_ns=path.stat().st_mtime_ns) == entry.sha256:
                return path
    return None


@functools.lru_cache(maxsize=1024)
def _sha256(path: Path, *, modified_ns: int) -> str:
    """Return the hash of a file. `modified_ns` is a part of the cache's key: a modified file is hashed again."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cache_path(entry: Entry) -> Path:
    return cache_folder("corpora") / f"{entry.name}.txt"


def _download(entry: Entry, *, show_progress: bool) -> Path:
    """Download from the first address that returns the right file; discard a file with another hash."""
    import pooch
    from requests import RequestException

    pooch.get_logger().setLevel("ERROR")  # the progress bar and our own errors replace pooch's log
    target = _cache_path(entry)
    reasons = []
    for address in entry.addresses:
        bar = _Bar(entry) if show_progress else None
        try:
            pooch.retrieve(
                url=address,
                known_hash=f"sha256:{entry.sha256}",
                fname=target.name,
                path=target.parent,
                downloader=pooch.HTTPDownloader(progressbar=bar or False, timeout=30),
            )
            return target
        except RequestException as error:  # before ValueError, because some errors are of both types
            reasons.append(f"{address} could not be reached ({type(error).__name__})")
        except ValueError:
            reasons.append(f"{address} returned another file (another sha256)")
        except OSError as error:
            raise SeqloomError(
                f"cannot write {target}: {error.strerror or error}; set SEQLOOM_CACHE to a writable folder"
            ) from error
        finally:
            if bar:
                bar.close()
    raise SourceError(
        f"cannot fetch {entry.name}: {'; '.join(reasons)}; "
        f"put the file at {target}, or anywhere below a folder named by SEQLOOM_CORPORA"
    )


class _Bar:
    """A progress bar on standard error, with the attribute and the methods that pooch expects."""

    def __init__(self, entry: Entry) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

        self.total: float = entry.num_bytes or 0
        self._progress: Any = Progress(
            TextColumn(f"fetching {entry.name}"), BarColumn(), DownloadColumn(), console=Console(stderr=True)
        )
        self._task = self._progress.add_task("", total=self.total)
        self._progress.start()

    def update(self, num_bytes: int) -> None:
        self._progress.advance(self._task, num_bytes)

    def reset(self) -> None:
        self._progress.reset(self._task, total=self.total)

    def close(self) -> None:
        self._progress.stop()
