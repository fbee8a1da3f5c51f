"""From the name of a source (a catalogue name, a path, a folder, a glob, "-", or several) to its files."""

import atexit
import functools
import glob
import os
import shutil
import stat
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import IO

from seqloom.corpora.builtin import python_docs
from seqloom.corpora.catalogue import ENTRIES
from seqloom.corpora.compressed_files import read_blocks
from seqloom.corpora.fetch import fetch
from seqloom.errors import SeqloomError, SourceError

__all__ = ["Source", "SourceFile", "check_source", "find_files"]

Source = str | Path | Sequence[str | Path]
"""One or several sources: catalogue names, files, folders, globs or "-" (standard input)."""

_STANDARD_INPUT = "-"


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file of a source, or the built-in text.

    Attributes:
        name: name in messages.
        path: path of the file; None for the built-in text.
        named_by_user: True where the user named this very file, so that a fault in it is an error. False where the
            file comes from a folder or a glob: if it cannot be read, it is skipped and counted.
    """

    name: str
    path: Path | None
    named_by_user: bool = True

    def read_blocks(self) -> Iterator[bytes]:
        """Yield the bytes of the file in bounded blocks, decompressed.

        Raises:
            SourceError: the file cannot be read, or its compressed content is damaged.
        """
        if self.path is None:
            return iter((python_docs().encode(),))
        return read_blocks(self.path)


def check_source(source: Source) -> None:
    """Check that everything in a source exists, without reading or fetching anything.

    Raises:
        SourceError: something is missing; the message lists similar names.
    """
    names = [str(name) for name in ([source] if isinstance(source, str | Path) else source)]
    faults = [_missing_message(name, Path(name).expanduser()) for name in names if not _may_exist(name)]
    if faults:
        raise SourceError(*faults)


def _may_exist(name: str) -> bool:
    if name == _STANDARD_INPUT or name in ENTRIES or glob.has_magic(name):
        return True
    try:
        return Path(name).expanduser().exists()
    except OSError:
        return True  # opening the path gives a better message


def find_files(source: Source, skipped: Counter[str]) -> list[SourceFile]:
    """Return the files of a source in order, each once.

    Args:
        source: one or several sources.
        skipped: counter of hidden, special and repeated files by reason, which this function increases.

    Raises:
        SourceError: a source is missing or has no files; the message lists similar names.
    """
    names = [source] if isinstance(source, str | Path) else list(source)
    if not names:
        raise SourceError("no source was named: give a catalogue name, a file, a folder or a glob")
    if [str(name) for name in names].count(_STANDARD_INPUT) > 1:
        raise SourceError("standard input was named twice, and can be read only once: name - once")
    files: dict[Path | None, SourceFile] = {}
    faults: list[str] = []
    for name in names:
        try:
            named_files = _files_of_name(str(name), skipped)
        except SourceError as error:
            faults += error.faults
            continue
        except OSError as error:
            raise SourceError(
                f"cannot look at {str(name)!r}: {error.strerror}; check its name and permissions"
            ) from error
        for file in named_files:
            path = file.path.resolve() if file.path else None  # only the built-in text has no path
            skipped["file named twice"] += path in files
            files.setdefault(path, file)
    if faults:
        raise SourceError(*faults)
    return list(files.values())


def _files_of_name(name: str, skipped: Counter[str]) -> list[SourceFile]:
    if name == _STANDARD_INPUT:
        if sys.stdin is None:
            raise SourceError("standard input is closed: pipe a text into it, or name a file")
        return [SourceFile(name="standard input", path=_spool(sys.stdin.buffer))]
    path = Path(name).expanduser()
    if path.is_dir():
        return _files_of_folder(path, skipped)
    if path.is_file():
        return [SourceFile(name=str(path), path=path)]
    if path.exists() and stat.S_ISFIFO(path.stat().st_mode):
        with open(path, "rb") as pipe:
            return [SourceFile(name=str(path), path=_spool(pipe))]
    if path.exists():
        raise SourceError(f"{name} is neither a file nor a folder: give a file, a folder, a glob or -")
    if name in ENTRIES:
        return [SourceFile(name=name, path=None if ENTRIES[name].is_built_in else fetch(name))]
    if glob.has_magic(name):
        return _files_of_glob(str(path), name)
    raise SourceError(_missing_message(name, path))


def _files_of_folder(folder: Path, skipped: Counter[str]) -> list[SourceFile]:
    """Return the files of a folder and its subfolders, sorted by path, without hidden ones."""
    files = []
    for parent, subfolders, filenames in os.walk(folder):
        for noun, names in (("folder", subfolders), ("file", filenames)):
            if hidden := [name for name in names if name.startswith(".")]:
                skipped[f"hidden {noun}"] += len(hidden)
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]  # `os.walk` enters those left
        paths = [Path(parent, name) for name in filenames if not name.startswith(".")]
        files += [SourceFile(name=str(path), path=path, named_by_user=False) for path in paths if path.is_file()]
        if num_special := sum(not path.is_file() for path in paths):  # pipes and sockets, for example
            skipped["special file"] += num_special
    if not files:
        raise SourceError(f"the folder {folder} holds no files: choose one that holds text")
    return sorted(files, key=lambda file: Path(file.name).parts)


def _files_of_glob(pattern: str, name: str) -> list[SourceFile]:
    paths = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]
    files = [SourceFile(name=str(path), path=path, named_by_user=False) for path in paths if path.is_file()]
    if not files:
        raise SourceError(f"no file matches {name!r}: check the pattern (* is any text, ** any folders)")
    return files


def _missing_message(name: str, path: Path) -> str:
    """Return the error message for a source that does not exist: the choices and similar names."""
    try:
        siblings = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        siblings = []
    similar = get_close_matches(name, ENTRIES, n=1)
    similar += [str(path.with_name(match)) for match in get_close_matches(path.name, siblings, n=2)]
    hint = f"; did you mean {' or '.join(similar)}?" if similar else ""
    return f"no source {name!r}: give a file, a folder, a glob, - or one of {', '.join(ENTRIES)}{hint}"


@functools.cache
def _spool(stream: IO[bytes]) -> Path:
    """Copy a stream, which can be read only once, to a file; return the path. The file is deleted when Python exits.

    Cached: a second call for the same stream returns the first copy, because the stream itself is empty by then.
    """
    try:
        with tempfile.NamedTemporaryFile(prefix="seqloom-", delete=False) as file:
            atexit.register(Path(file.name).unlink, missing_ok=True)
            shutil.copyfileobj(stream, file, length=1 << 20)
    except OSError as error:
        raise SeqloomError(
            f"cannot keep a copy of the input in {tempfile.gettempdir()}: {error.strerror or error}; "
            "free some space, or set TMPDIR to another folder"
        ) from error
    return Path(file.name)
