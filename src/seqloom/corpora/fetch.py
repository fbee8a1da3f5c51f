"""Files of the catalogue: found on this machine by their hash, or fetched once into the user's cache."""

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
    """The catalogue, each entry with the path of its file where that is on this machine already."""
    return tuple(
        entry if entry.built_in else dataclasses.replace(entry, path=_find(entry)) for entry in ENTRIES.values()
    )


def fetch(name: str, *, progress: bool = True) -> Path:
    """The file of a catalogue entry: looked for under `SEQLOOM_CORPORA`, then in the cache, then fetched.

    Args:
        name: an entry that is not built in.
        progress: show a bar on standard error while fetching.

    Raises:
        SourceError: there is no such entry, it has no file, or no address gave the right file.
        SeqloomError: the cache cannot be written to.
    """
    if name not in ENTRIES:
        raise SourceError(unknown_name("corpus", name, ENTRIES))
    entry = ENTRIES[name]
    if entry.built_in:
        raise SourceError(f"{name} is built in and has no file: name it as the source")
    return _find(entry) or _download(entry, progress)


def _find(entry: Entry) -> Path | None:
    """The file of `entry` on this machine, wherever it lies under `SEQLOOM_CORPORA`, or in the cache."""
    placed = os.environ.get("SEQLOOM_CORPORA")
    candidates = sorted(Path(placed).rglob("*")) if placed else []
    for path in (*candidates, _cached(entry)):
        if path.is_file() and path.stat().st_size == entry.num_bytes:
            if _sha256(path, path.stat().st_mtime_ns) == entry.sha256:
                return path
    return None


@functools.lru_cache(maxsize=1024)
def _sha256(path: Path, modified_ns: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cached(entry: Entry) -> Path:
    return cache_folder("corpora") / f"{entry.name}.txt"


def _download(entry: Entry, progress: bool) -> Path:
    """Fetch from the first address that gives the right file; nothing else ever gets its name."""
    import pooch
    from requests import RequestException

    pooch.get_logger().setLevel("ERROR")  # the progress bar says it all, and errors are ours to word
    target = _cached(entry)
    reasons = []
    for address in entry.addresses:
        bar = _Bar(entry) if progress else None
        try:
            pooch.retrieve(
                url=address,
                known_hash=f"sha256:{entry.sha256}",
                fname=target.name,
                path=target.parent,
                downloader=pooch.HTTPDownloader(progressbar=bar or False, timeout=30),
            )
            return target
        except RequestException as error:  # before ValueError: some are both
            reasons.append(f"{address} could not be reached ({type(error).__name__})")
        except ValueError:
            reasons.append(f"what {address} gave is not the file that is known (another sha256)")
        except OSError as error:
            raise SeqloomError(
                f"cannot write {target}: {error.strerror or error}; "
                "set SEQLOOM_CACHE to a folder that can be written to"
            ) from error
        finally:
            if bar:
                bar.close()
    raise SourceError(
        f"cannot fetch {entry.name}: {'; '.join(reasons)}; "
        f"place the file by hand as {target}, or anywhere under a folder that SEQLOOM_CORPORA names"
    )


class _Bar:
    """A progress bar on standard error, in the shape that pooch asks for."""

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
