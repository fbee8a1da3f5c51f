"""A table that is written row by row; an interrupted write can be resumed.

Until `table.csv` is complete, its rows are in `.table.csv.part`. The journal `.table.csv.part.json` says how many rows
and bytes of that file are complete and what their hash is, from which table and settings (`origin`) they come, what was
counted in them, and which file the table replaces. A file of these names without a journal is not seqloom's.
"""

import contextlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, BinaryIO

from seqloom import disk
from seqloom.checksums import checked_json
from seqloom.errors import ConfigError, SeqloomError
from seqloom.files import open_own_file, read_own_file, real_path, remove_leftovers, write_checked_json

__all__ = ["TABLE_SUFFIXES", "Finish", "PartialTable", "is_resumable", "remove_table_leftovers", "resumable_table"]

TABLE_SUFFIXES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson", ".parquet")
"""Suffixes of the tables that seqloom writes."""

_FIELDS = {"rows", "bytes", "hash", "tally", "origin", "replaced"}
"""Fields of a journal."""

_HASHED_BLOCK = 1 << 20

Finish = Callable[[Path, Path], bool]
"""Function that makes the table in its second argument from the file in its first one, or returns False if that file is
the table itself."""


@dataclass
class PartialTable:
    """A table during a write.

    Attributes:
        file: open file, positioned where the next row is to be written.
        num_rows: number of complete rows, which a resumed write keeps.
        tally: what was counted in the complete rows, by reason.
        finish: function that turns the written file into the table, or None if it is the table.
    """

    file: IO[bytes]
    num_rows: int
    _journal: "_Journal"
    tally: Counter[str] = field(default_factory=Counter)
    finish: Finish | None = None

    def commit(self, num_rows: int, tally: Mapping[str, int]) -> None:
        """Record that `num_rows` further rows are complete, and what was counted in them; in the journal, if any."""
        self.num_rows += num_rows
        self.tally.update(tally)
        self.file.flush()
        self._journal.write(self.num_rows, self.file.tell(), self.tally)


class _Journal:
    """Writer of the journal of a table.

    Args:
        path: path of the journal.
        part: file with the rows.
        origin: table and settings that the rows come from.
        replaced: identity of the file that the table replaces; None for none.
        is_kept: whether the journal is updated, so that the write can be resumed.
    """

    def __init__(
        self, path: Path, part: Path, origin: dict[str, Any], replaced: list[int] | None, *, is_kept: bool
    ) -> None:
        self._path, self._part, self._is_kept = path, part, is_kept
        self._fixed = {"origin": origin, "replaced": replaced}
        self._hash, self._num_hashed = sha256(), 0

    def start(self) -> None:
        """Write the journal of a table without rows, by which its file is recognised."""
        self._hash, self._num_hashed = sha256(), 0
        self._write(0, {})

    def write(self, num_rows: int, num_bytes: int, tally: Mapping[str, int]) -> None:
        """Record how many rows and bytes of the file are complete."""
        if self._is_kept:
            self.hash_to(num_bytes)
            self._write(num_rows, tally)

    def hash_to(self, num_bytes: int) -> str:
        """Return the hash of the first `num_bytes` bytes of the file; it may not decrease from call to call."""
        with open_own_file(self._part) as file:
            file.seek(self._num_hashed)
            while self._num_hashed < num_bytes and (
                block := file.read(min(_HASHED_BLOCK, num_bytes - self._num_hashed))
            ):
                self._hash.update(block)
                self._num_hashed += len(block)
        return self._hash.hexdigest()

    def _write(self, num_rows: int, tally: Mapping[str, int]) -> None:
        progress = {"rows": num_rows, "bytes": self._num_hashed, "hash": self._hash.hexdigest(), "tally": dict(tally)}
        write_checked_json(self._path, {**progress, **self._fixed})


@contextmanager
def resumable_table(
    output: Path, origin: dict[str, Any], *, resume: bool | None, overwrite: bool
) -> Iterator[PartialTable]:
    """Open a file that is renamed to `output` when the block succeeds.

    When the block fails, the file is kept next to `output` for a resumed write, or deleted if `resume` is None.

    Args:
        output: path of the table.
        origin: table and settings that the rows come from, in JSON types; a resumed write needs the same origin.
        resume: True resumes an interrupted write; False starts a write that can be resumed if it is interrupted; None
            starts a write that cannot be resumed.
        overwrite: whether an interrupted write may be discarded.

    Raises:
        ConfigError: there is an interrupted write, `resume` is not set, and neither is `overwrite`; `resume` is True,
            but there is no interrupted write that it could continue; another process is writing the table; or there is
            a file at `output` that was not there when the write began.
        SeqloomError: the file cannot be written.
    """
    output = _target(output)
    part, journal_file = _part_files(output)
    finished = _finished_file(part)
    progress = _interrupted_progress(output, part, journal_file, origin, resume=resume, overwrite=overwrite)
    may_replace = overwrite or not resume  # without `resume`, the caller has checked this
    replaced = _identity(output) if may_replace else progress["replaced"]
    journal = _Journal(journal_file, part, origin, replaced, is_kept=resume is not None)
    _check_target(output, replaced)
    is_locked = False
    try:
        disk.make_folder(output.parent)
        if os.path.lexists(part) and not (journal_file.exists() and _is_own_part(part)):
            raise ConfigError(f"{part} is in the way, but seqloom did not write it: move it, or name another file")
        if progress["bytes"] and journal.hash_to(progress["bytes"]) != progress["hash"]:
            raise _unusable(output)
        if not journal_file.exists():
            journal.start()
        with disk.open_file(part, "update") as file:
            _lock(file, part, output)
            is_locked = True
            if not progress["bytes"]:  # a journal of a discarded write must not describe the rows of this one
                journal.start()
            file.truncate(progress["bytes"])
            file.seek(progress["bytes"])
            table = PartialTable(file, progress["rows"], journal, Counter(progress["tally"]))
            yield table
            file.flush()
            disk.sync(file)
            _check_target(output, replaced)
            is_other_file = table.finish is not None and table.finish(part, finished)
            if os.name != "nt":
                disk.rename(finished if is_other_file else part, output)  # while the lock is held
        if os.name == "nt":  # Windows renames no open file
            disk.rename(finished if is_other_file else part, output)
        disk.unlink(part, missing_ok=True)
        disk.unlink(journal_file, missing_ok=True)
    except OSError as error:
        raise SeqloomError(f"{output} cannot be written: {error.strerror or error}") from error
    finally:
        if is_locked:  # without a lock, the files belong to another process
            with contextlib.suppress(OSError):
                disk.unlink(finished, missing_ok=True)
                if resume is None:
                    disk.unlink(part, missing_ok=True)
                    disk.unlink(journal_file, missing_ok=True)


def remove_table_leftovers(output: Path, *, resume: bool) -> None:
    """Remove what a killed write of a table left and no later write can use.

    The rows of an interrupted write stay as long as it can be resumed, and those of a living process always.

    Args:
        output: path of the table.
        resume: whether an interrupted write is resumed, possibly from its start.
    """
    output = _target(output)
    remove_leftovers(output.parent)
    part, journal = _part_files(output)
    if resume or not _is_own_journal(journal):
        return
    with contextlib.suppress(OSError):
        if not part.exists():
            disk.unlink(_finished_file(part), missing_ok=True)
            disk.unlink(journal, missing_ok=True)
        elif not _read_journal(journal)["rows"]:
            with disk.open_file(part, "update") as file:
                if disk.try_lock(file) and disk.is_file_at(file, part):
                    disk.unlink(_finished_file(part), missing_ok=True)
                    disk.unlink(part, missing_ok=True)
                    disk.unlink(journal, missing_ok=True)


def is_resumable(output: Path) -> bool:
    """Return whether there is an interrupted write of a table that can be resumed."""
    part, journal = _part_files(_target(output))
    with contextlib.suppress(OSError, ValueError):
        return part.exists() and bool(_read_journal(journal)["rows"])
    return False


def _target(output: Path) -> Path:
    """Return the path of the file to write: where a link leads."""
    return real_path(output) if output.is_symlink() else output


def _identity(output: Path) -> list[int] | None:
    """Return numbers that change when a file is replaced or written to; None if there is no file."""
    try:
        status = output.stat()
    except OSError:
        return None
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _check_target(output: Path, replaced: list[int] | None) -> None:
    """Check that the file that is replaced is still the one that was there when the write began.

    Raises:
        ConfigError: it is another one.
    """
    if _identity(output) not in (None, replaced):
        raise ConfigError(
            f"{output} was created or changed after its write began: move it and give `resume`, or give `resume` and "
            "`overwrite` to replace it"
        )


def _is_own_part(part: Path) -> bool:
    """Return whether a file is one by itself, and no link to a file that has another name too."""
    return not part.is_symlink() and part.stat().st_nlink == 1


def _part_files(output: Path) -> tuple[Path, Path]:
    """Return the paths of the incomplete table and of its journal."""
    return output.with_name(f".{output.name}.part"), output.with_name(f".{output.name}.part.json")


def _finished_file(part: Path) -> Path:
    """Return the path of the file in which an incomplete table gets another format, such as Parquet."""
    return part.with_name(f"{part.name}.finished")


def _lock(file: BinaryIO, part: Path, output: Path) -> None:
    """Lock the file against other writers; do nothing on file systems without locks."""
    with contextlib.suppress(OSError):
        if disk.try_lock(file) and disk.is_file_at(file, part):
            return
        raise ConfigError(f"{output} is being written by another command: wait for it, or name another file")


def _interrupted_progress(
    output: Path, part: Path, journal: Path, origin: dict[str, Any], *, resume: bool | None, overwrite: bool
) -> dict[str, Any]:
    """Return what is kept of an interrupted write: nothing, or what the journal lists."""
    no_progress = {"rows": 0, "bytes": 0, "hash": sha256().hexdigest(), "tally": {}, "replaced": _identity(output)}
    if not (part.exists() and journal.exists()):  # without a journal, no row of the file is known to be complete
        if resume and not part.exists():
            raise ConfigError(f"`resume`: there is no interrupted write of {output}: leave `resume` out")
        return no_progress
    if overwrite and not resume:
        return no_progress
    try:
        progress = _read_journal(journal)
    except (OSError, ValueError):
        raise _unusable(output) from None
    if not resume:
        if not progress["rows"]:
            return no_progress  # of a killed command
        raise ConfigError(
            f"{output} has an interrupted write: give `resume` to continue, or `overwrite` to start again"
        )
    if progress["origin"] != origin:
        raise _unusable(output)
    return progress


def _read_journal(journal: Path) -> dict[str, Any]:
    """Read a journal.

    Raises:
        OSError: it cannot be read.
        ValueError: it is damaged, or not a journal.
    """
    progress = checked_json(read_own_file(journal), required_from_format=0)
    if not isinstance(progress, dict) or not _FIELDS <= progress.keys():
        raise ValueError("it is not the journal of a table")
    return progress


def _is_own_journal(journal: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return bool(_read_journal(journal))
    return False


def _unusable(output: Path) -> ConfigError:
    return ConfigError(
        f"the interrupted write of {output} is damaged, of another table, or with other settings: give `overwrite` to "
        "start again"
    )
