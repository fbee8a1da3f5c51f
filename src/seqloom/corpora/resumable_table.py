"""A table that is written row by row; an interrupted write can be resumed.

Until `table.csv` is complete, its rows are in `.table.csv.part`. The journal `.table.csv.part.json` says how many rows
and bytes of that file are complete, and from which table and settings (`origin`) they come.
"""

import contextlib
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from seqloom import disk
from seqloom.errors import ConfigError, SeqloomError
from seqloom.files import remove_leftovers, write_json

__all__ = ["PartialTable", "remove_table_leftovers", "resumable_table"]


@dataclass
class PartialTable:
    """A table during a write.

    Attributes:
        file: open file, positioned where the next row is to be written.
        num_rows: number of complete rows, which a resumed write keeps.
    """

    file: TextIO
    num_rows: int
    _journal: Path | None
    _origin: dict[str, Any]

    def commit(self, num_rows: int) -> None:
        """Record in the journal, if there is one, that `num_rows` further rows are complete."""
        self.num_rows += num_rows
        if self._journal is None:
            return
        self.file.flush()
        write_json(self._journal, {"rows": self.num_rows, "bytes": self.file.tell(), "origin": self._origin})


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
        ConfigError: there is an interrupted write, `resume` is False, and `overwrite` is not set; `resume` is True, but
            there is no interrupted write that it could continue; or another process is writing the table.
        SeqloomError: the file cannot be written.
    """
    if output.is_symlink():
        output = output.resolve()
    part, journal = _part_files(output)
    progress = {"rows": 0, "bytes": 0}
    if resume is not None:
        progress = _interrupted_progress(output, part, journal, origin, resume=resume, overwrite=overwrite)
    is_locked = False
    try:
        disk.make_folder(output.parent)
        with (
            disk.open_file(part, "update") as binary_file,
            io.TextIOWrapper(binary_file, encoding="utf-8", errors="replace", newline="") as file,
        ):
            _lock(binary_file, part, output)
            is_locked = True
            if not progress["bytes"]:  # a journal of a discarded write must not describe the rows of this one
                disk.unlink(journal, missing_ok=True)
            file.truncate(progress["bytes"])
            file.seek(progress["bytes"])
            yield PartialTable(file, progress["rows"], None if resume is None else journal, origin)
            file.flush()
            disk.sync(binary_file)
            if os.name != "nt":
                disk.rename(part, output)  # while the lock is held
        if os.name == "nt":  # Windows renames no open file
            disk.rename(part, output)
        disk.unlink(journal, missing_ok=True)
    except OSError as error:
        raise SeqloomError(f"{output} cannot be written: {error.strerror or error}") from error
    finally:
        if resume is None and is_locked:  # without a lock, the file belongs to another process
            with contextlib.suppress(OSError):
                disk.unlink(part, missing_ok=True)


def remove_table_leftovers(output: Path, *, resume: bool) -> None:
    """Remove what a killed write of a table left and no later write can use.

    The rows of an interrupted write stay as long as it can be resumed, and those of a living process always.

    Args:
        output: path of the table.
        resume: whether an interrupted write is resumed, possibly from its start.
    """
    if output.is_symlink():
        output = output.resolve()
    remove_leftovers(output.parent)
    if resume:
        return
    part, journal = _part_files(output)
    with contextlib.suppress(OSError):
        if not part.exists():
            disk.unlink(journal, missing_ok=True)
        elif not journal.exists():
            with disk.open_file(part, "update") as file:
                if disk.try_lock(file) and disk.is_file_at(file, part):
                    disk.unlink(part, missing_ok=True)


def _part_files(output: Path) -> tuple[Path, Path]:
    """Return the paths of the incomplete table and of its journal."""
    return output.with_name(f".{output.name}.part"), output.with_name(f".{output.name}.part.json")


def _lock(file: BinaryIO, part: Path, output: Path) -> None:
    """Lock the file against other writers; do nothing on file systems without locks."""
    with contextlib.suppress(OSError):
        if disk.try_lock(file) and disk.is_file_at(file, part):
            return
        raise ConfigError(f"{output} is being written by another command: wait for it, or name another file")


def _interrupted_progress(
    output: Path, part: Path, journal: Path, origin: dict[str, Any], *, resume: bool, overwrite: bool
) -> dict[str, Any]:
    """Return how many rows and bytes of an interrupted write are kept: none, or those that the journal lists."""
    no_progress: dict[str, Any] = {"rows": 0, "bytes": 0}
    if not (part.exists() and journal.exists()):  # without a journal, no row of the file is known to be complete
        if resume and not part.exists():
            raise ConfigError(f"`resume`: there is no interrupted write of {output}: leave `resume` out")
        return no_progress
    if overwrite and not resume:
        return no_progress
    try:
        progress = dict(json.loads(journal.read_text(encoding="utf-8")))
        can_resume = progress["origin"] == origin and progress["bytes"] <= part.stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        progress, can_resume = no_progress, False
    if not resume:
        raise ConfigError(
            f"{output} has an interrupted write: give `resume` to continue, or `overwrite` to start again"
        )
    if not can_resume:
        raise ConfigError(
            f"`resume`: the interrupted write of {output} is damaged, of another table, or with other settings: "
            "give `overwrite` to start again"
        )
    return progress
