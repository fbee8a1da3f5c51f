"""From the name of a source (a catalogue name, a path, a folder, a glob, "-", or several) to its files."""

import atexit
import functools
import glob
import itertools
import os
import select
import shutil
import stat
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import IO

from seqloom.corpora.builtin import python_docs
from seqloom.corpora.catalogue import ENTRIES
from seqloom.corpora.compressed_files import DEFAULT_MAX_BYTES, check_opened_size, read_blocks
from seqloom.corpora.fetch import fetch
from seqloom.corpora.folder_walk import leads_out, matching_files, walk_folder
from seqloom.corpora.zip_archives import archive_and_pattern, members, read_member
from seqloom.errors import SeqloomError, SourceError
from seqloom.files import is_utf8_name, real_path
from seqloom.plural import counted
from seqloom.user_warnings import warn_user

__all__ = ["Source", "SourceFile", "check_source", "find_files"]

Source = str | Path | Sequence[str | Path]
"""One or several sources: catalogue names, files, folders, globs, zip archives or "-" (standard input)."""

_STANDARD_INPUT = "-"

_OUTPUT_FILES = (
    ("config.json", "codec.json"),
    ("asked.json", "state"),
    ("critic.json", "critic.safetensors"),
    ("detector.json", "detector.safetensors"),
    ("store.json", "records.bin"),
)
"""Files that show what a folder is: a run, a GAN before its first checkpoint, a critic, a detector, or a store of the
cache."""

_OUTPUT_FOLDER, _OUTPUT_FILE = "folder that seqloom wrote", "file that seqloom wrote"
_PATIENCE_SECONDS = 0.5
"""Time after which a message says that a pipe has no data."""

_NAME_NOT_UTF8 = "name that is not UTF-8"
"""Reasons for skipping a folder or a file."""


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """One file of a source, or the built-in text.

    Attributes:
        name: name in messages.
        path: path of the file; None for the built-in text.
        named_by_user: True where the user named this very file, so that a fault in it is an error. False where the
            file comes from a folder or a glob: if it cannot be read, it is skipped and counted.
        max_bytes: largest size of the content of a compressed file.
        member: name of the file in the zip archive `path`; None for a file that is in no archive.
    """

    name: str
    path: Path | None
    named_by_user: bool = True
    max_bytes: float = DEFAULT_MAX_BYTES
    member: str | None = None

    def read_blocks(self) -> Iterator[bytes]:
        """Yield the bytes of the file in bounded blocks, decompressed.

        Raises:
            SourceError: the file cannot be read, or its compressed content is damaged.
        """
        if self.path is None:
            return iter((python_docs().encode(),))
        if self.member is not None:
            return read_member(self.path, self.member, self.max_bytes)
        return read_blocks(self.path, self.max_bytes)

    def check_size(self) -> None:
        """Check the size of compressed content before it is read.

        Raises:
            SourceError: the content is larger than `max_bytes`, the file is damaged or cannot be read.
        """
        if self.path is not None and self.member is None:
            check_opened_size(self.path, self.max_bytes)


def check_source(source: Source) -> None:
    """Check that everything in a source exists, without reading or fetching anything.

    Raises:
        SourceError: something is missing; the message lists similar names.
    """
    names = [str(name) for name in ([source] if isinstance(source, str | Path) else source)]
    faults = [fault for name in names if (fault := _name_fault(name) or _missing_fault(name))]
    if faults:
        raise SourceError(*faults)


def _name_fault(name: str) -> str | None:
    """Return the fault of a name that cannot be a source; None for all other names."""
    if not name.strip():
        return (
            f"a source got the empty name {name!r}: give a file, a folder, a glob or -; for the current folder, write ."
        )
    if not is_utf8_name(name):
        return f"the name {name!r} is not UTF-8: rename the file or folder"
    return None


def _missing_fault(name: str) -> str | None:
    if name == _STANDARD_INPUT or name in ENTRIES or glob.has_magic(name):
        return None
    path = Path(name).expanduser()
    try:
        return None if path.exists() or archive_and_pattern(path) else _missing_message(name, path)
    except OSError:
        return None  # opening the path gives a better message


def find_files(
    source: Source, skipped: Counter[str], *, max_bytes: float = DEFAULT_MAX_BYTES, follow_links: bool = False
) -> list[SourceFile]:
    """Return the files of a source in order, each once.

    Args:
        source: one or several sources.
        skipped: counter of hidden, special and repeated files by reason, which this function increases.
        max_bytes: largest size of the content of a compressed file.
        follow_links: whether links that lead out of a named folder are followed; otherwise they are skipped.

    Raises:
        SourceError: a source is missing or has no files; the message lists similar names.
    """
    names = [source] if isinstance(source, str | Path) else list(source)
    if not names:
        raise SourceError("no source was named: give a catalogue name, a file, a folder or a glob")
    if [str(name) for name in names].count(_STANDARD_INPUT) > 1:
        raise SourceError("standard input was named twice, and can be read only once: name - once")
    files: dict[tuple[Path | None, str | None], SourceFile] = {}
    faults: list[str] = []
    for name in names:
        if fault := _name_fault(str(name)):
            faults.append(fault)
            continue
        try:
            named_files = _files_of_name(str(name), skipped, follow_links=follow_links)
        except SourceError as error:
            faults += error.faults
            continue
        except OSError as error:
            raise SourceError(
                f"cannot access {str(name)!r}: {error.strerror}; check its name and permissions"
            ) from error
        for file in named_files:
            path = real_path(file.path) if file.path else None  # only the built-in text has no path
            skipped["file named twice"] += (path, file.member) in files
            files.setdefault((path, file.member), replace(file, max_bytes=max_bytes))
    if faults:
        raise SourceError(*faults)
    return list(files.values())


def _files_of_name(name: str, skipped: Counter[str], *, follow_links: bool) -> list[SourceFile]:
    if name == _STANDARD_INPUT:
        if sys.stdin is None:
            raise SourceError("standard input is closed: pipe a text into it, or name a file")
        return [SourceFile(name="standard input", path=_spool(sys.stdin.buffer))]
    path = Path(name).expanduser()
    if path.is_dir():
        return _files_of_folder(path, skipped, follow_links=follow_links)
    if inside := archive_and_pattern(path):
        archive, pattern = inside
        return [
            SourceFile(name=f"{archive}/{member}", path=archive, member=member, named_by_user=member == pattern)
            for member in members(archive, pattern, skipped)
        ]
    if path.is_file():
        return [SourceFile(name=str(path), path=path)]
    if path.exists() and stat.S_ISFIFO(path.stat().st_mode):
        with _open_pipe(path) as pipe:
            return [SourceFile(name=str(path), path=_spool(pipe))]
    if path.exists():
        raise SourceError(f"{name} is neither a file nor a folder: give a file, a folder, a glob or -")
    if name in ENTRIES:
        return [SourceFile(name=name, path=None if ENTRIES[name].is_built_in else fetch(name))]
    if glob.has_magic(name):
        return _files_of_glob(str(path), name, skipped, follow_links=follow_links)
    raise SourceError(_missing_message(name, path))


def _files_of_folder(folder: Path, skipped: Counter[str], *, follow_links: bool) -> list[SourceFile]:
    """Return the files of a folder and its subfolders, sorted by path.

    Hidden files are left out, and so is what seqloom has written: a training would read its own output.
    """
    files = []
    if _is_output(folder):
        raise SourceError(f"{folder} is a folder that seqloom wrote: name a file in it, or a folder of texts")
    for parent, subfolders, filenames in walk_folder(folder, follow_links=follow_links):
        outputs = [name for name in subfolders if _is_output(Path(parent, name))]
        if outputs:
            skipped[_OUTPUT_FOLDER] += len(outputs)
            subfolders[:] = [name for name in subfolders if name not in outputs]
        if undecodable := [name for name in (*subfolders, *filenames) if not is_utf8_name(name)]:
            skipped[_NAME_NOT_UTF8] += len(undecodable)
            subfolders[:] = [name for name in subfolders if name not in undecodable]
            filenames = [name for name in filenames if name not in undecodable]
        for noun, names in (("folder", subfolders), ("file", filenames)):
            if hidden := [name for name in names if name.startswith(".")]:
                skipped[f"hidden {noun}"] += len(hidden)
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]  # `os.walk` enters those left
        paths = [Path(parent, name) for name in filenames if not name.startswith(".")]
        for name in subfolders if not follow_links else ():
            if os.path.islink(Path(parent, name)):  # `os.walk` enters no link
                leads_out(Path(parent, name), folder, skipped, follow_links=False)
        paths = [path for path in paths if not leads_out(path, folder, skipped, follow_links=follow_links)]
        files += [SourceFile(name=str(path), path=path, named_by_user=False) for path in paths if path.is_file()]
        if num_special := sum(not path.is_file() for path in paths):  # pipes and sockets, for example
            skipped["special file"] += num_special
    if not files:
        raise SourceError(f"the folder {folder} holds no files: choose one that holds text")
    return sorted(files, key=lambda file: Path(file.name).parts)


def _files_of_glob(pattern: str, name: str, skipped: Counter[str], *, follow_links: bool) -> list[SourceFile]:
    """Return the files that match a pattern, sorted by path, without those that seqloom has written."""
    parts = Path(pattern).parts
    base = Path(*itertools.takewhile(lambda part: not glob.has_magic(part), parts))  # the folder that the user named
    if "**" in parts:  # `glob.glob` would go round in loops of links
        paths = matching_files(base, parts[len(base.parts) :], follow_links=follow_links)
    else:
        paths = [Path(match) for match in sorted(glob.glob(pattern))]
    is_output = functools.cache(_is_output)
    files, left_out = [], Counter[str]()
    for path in filter(Path.is_file, paths):
        folders = [parent for parent in path.parents if parent.is_relative_to(base)]
        reason = _OUTPUT_FILE if any(map(is_output, folders)) else None if is_utf8_name(str(path)) else _NAME_NOT_UTF8
        if reason:
            left_out[reason] += 1
        elif not leads_out(path, base, left_out, follow_links=follow_links):
            files.append(SourceFile(name=str(path), path=path, named_by_user=False))
    skipped.update(left_out)
    if not files and left_out:
        reasons = ", ".join(counted(number, reason) for reason, number in left_out.items())
        raise SourceError(
            f"all files that match {name!r} are skipped ({reasons}): name a file outright, or set `follow_links` for "
            "links out of the folder"
        )
    if not files:
        raise SourceError(f"no file matches {name!r}: check the pattern (* is any text, ** any folders)")
    return files


def _is_output(folder: Path) -> bool:
    """Return whether seqloom has written a folder."""
    return any(all((folder / name).exists() for name in names) for names in _OUTPUT_FILES)


def _missing_message(name: str, path: Path) -> str:
    """Return the error message for a source that does not exist: the choices and similar names."""
    if path.is_symlink():
        return f"the source {name!r} is a link that leads nowhere: correct the link, or name another file"
    try:
        siblings = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        siblings = []
    similar = get_close_matches(name, ENTRIES, n=1)
    similar += [str(path.with_name(match)) for match in get_close_matches(path.name, siblings, n=2)]
    hint = f"; did you mean {' or '.join(similar)}?" if similar else ""
    return f"no source {name!r}: give a file, a folder, a glob, - or one of {', '.join(ENTRIES)}{hint}"


def _open_pipe(path: Path) -> IO[bytes]:
    """Open a named pipe for reading, and warn if no program writes into it yet."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # without `O_NONBLOCK`, it would wait silently
    try:
        if not select.select([descriptor], [], [], _PATIENCE_SECONDS)[0]:
            warn_user(f"waiting for a program that writes into the pipe {path}", RuntimeWarning)
            select.select([descriptor], [], [])
        os.set_blocking(descriptor, True)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


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
