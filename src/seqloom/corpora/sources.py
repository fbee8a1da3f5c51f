"""From what a person names (a catalogue name, a path, a folder, a glob, "-", or several) to files."""

import atexit
import functools
import glob
import os
import shutil
import stat
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO

from seqloom.corpora.catalogue import ENTRIES
from seqloom.corpora.fetch import fetch
from seqloom.errors import SeqloomError, SourceError

__all__ = ["Place", "Source", "check_source", "find_places"]

Source = str | Path | Sequence[str | Path]
"""One thing that a person names, or several."""

_STANDARD_INPUT = "-"


@dataclass(frozen=True, kw_only=True)
class Place:
    """One file of a source, or the text that is built in.

    Attributes:
        name: what messages call it.
        path: the file; None for the built-in text.
        named: True where the person named this very file: a fault in it is an error. False where it was found
            in a folder or by a glob: a file that is no text is left out and counted.
    """

    name: str
    path: Path | None
    named: bool = True


def check_source(source: Source) -> None:
    """See whether everything that a source names is there; nothing is read or fetched.

    Raises:
        SourceError: something is not; says which names are near.
    """
    names = [str(name) for name in ([source] if isinstance(source, str | Path) else source)]
    missing = [_missing(name, Path(name).expanduser()) for name in names if not _may_be_there(name)]
    if missing:
        raise SourceError(*missing)


def _may_be_there(name: str) -> bool:
    if name == _STANDARD_INPUT or name in ENTRIES or glob.has_magic(name):
        return True
    try:
        return Path(name).expanduser().exists()
    except OSError:
        return True  # which is told better when it is opened


def find_places(source: Source, skipped: Counter[str]) -> list[Place]:
    """Everything that `source` names, in order, each file once.

    Args:
        source: what the person named.
        skipped: counts the hidden and the repeated files, by reason.

    Raises:
        SourceError: nothing is there; says which names are near.
    """
    names = [source] if isinstance(source, str | Path) else list(source)
    if not names:
        raise SourceError("no source was named: give a catalogue name, a file, a folder or a glob")
    if [str(name) for name in names].count(_STANDARD_INPUT) > 1:
        raise SourceError("standard input was named twice, and can be read once only: name - once")
    places: dict[Path | None, Place] = {}
    faults: list[str] = []
    for name in names:
        try:
            found = _find(str(name), skipped)
        except SourceError as error:
            faults += error.faults
            continue
        except OSError as error:
            raise SourceError(f"cannot look at {str(name)!r}: {error.strerror}; check its name and rights") from error
        for place in found:
            key = place.path.resolve() if place.path else None
            skipped["file named twice"] += key in places
            places.setdefault(key, place)
    if faults:
        raise SourceError(*faults)
    return list(places.values())


def _find(name: str, skipped: Counter[str]) -> list[Place]:
    if name == _STANDARD_INPUT:
        if sys.stdin is None:
            raise SourceError("standard input is closed: pipe a text into it, or name a file")
        return [Place(name="standard input", path=_spooled(sys.stdin.buffer))]
    path = Path(name).expanduser()
    if path.is_dir():
        return _in_folder(path, skipped)
    if path.is_file():
        return [Place(name=str(path), path=path)]
    if path.exists() and stat.S_ISFIFO(path.stat().st_mode):
        with open(path, "rb") as pipe:
            return [Place(name=str(path), path=_spooled(pipe))]
    if path.exists():
        raise SourceError(f"{name} is neither a file nor a folder: give a file, a folder, a glob or -")
    if name in ENTRIES:
        return [Place(name=name, path=None if ENTRIES[name].built_in else fetch(name))]
    if glob.has_magic(name):
        return _matching(str(path), name)
    raise SourceError(_missing(name, path))


def _in_folder(folder: Path, skipped: Counter[str]) -> list[Place]:
    """The files of a folder and its folders, sorted by path; what is hidden is left out."""
    places = []
    for parent, folders, files in os.walk(folder):
        for kind, names in (("folder", folders), ("file", files)):
            if hidden := [name for name in names if name.startswith(".")]:
                skipped[f"hidden {kind}"] += len(hidden)
        folders[:] = [name for name in folders if not name.startswith(".")]
        shown = [Path(parent, name) for name in files if not name.startswith(".")]
        places += [Place(name=str(path), path=path, named=False) for path in shown if path.is_file()]
        if other := sum(not path.is_file() for path in shown):
            skipped["thing that is no file"] += other
    if not places:
        raise SourceError(f"the folder {folder} holds no files: choose one that holds text")
    return sorted(places, key=lambda place: Path(place.name).parts)


def _matching(pattern: str, name: str) -> list[Place]:
    found = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]
    places = [Place(name=str(path), path=path, named=False) for path in found if path.is_file()]
    if not places:
        raise SourceError(f"no file matches {name!r}: check the pattern (* is any text, ** any folders)")
    return places


def _missing(name: str, path: Path) -> str:
    """What to say where nothing is called `name`: the choices, and what is called something like it."""
    try:
        beside = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        beside = []
    near = get_close_matches(name, ENTRIES, n=1)
    near += [str(path.with_name(match)) for match in get_close_matches(path.name, beside, n=2)]
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"no source {name!r}: give a file, a folder, a glob, - or one of {', '.join(ENTRIES)}{hint}"


@functools.cache
def _spooled(stream: IO[bytes]) -> Path:
    """A copy of a stream that can be read once only; deleted when Python ends.

    The same stream gives the same copy, however often it is asked for.
    """
    try:
        with tempfile.NamedTemporaryFile(prefix="seqloom-", delete=False) as file:
            atexit.register(Path(file.name).unlink, missing_ok=True)
            shutil.copyfileobj(stream, file, 1 << 20)
    except OSError as error:
        raise SeqloomError(
            f"cannot keep a copy of the input in {tempfile.gettempdir()}: {error.strerror or error}; "
            "free some space, or set TMPDIR to another folder"
        ) from error
    return Path(file.name)
