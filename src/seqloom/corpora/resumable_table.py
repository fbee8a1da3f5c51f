"""A table that is written row by row; an interrupted write can be resumed.

Until `table.csv` is complete, its rows are in `.table.csv.part`. The journal `.table.csv.part.json` says how many rows
and bytes of that file are complete, from which table and settings (`origin`) they come, and what was counted in them.
"""

import contextlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO

from seqloom import disk
from seqloom.errors import ConfigError, SeqloomError
from seqloom.files import remove_leftovers, write_text

__all__ = ["Finish", "PartialTable", "remove_table_leftovers", "resumable_table"]

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
    _journal: Path | None
    _origin: dict[str, Any]
    tally: Counter[str] = field(default_factory=Counter)
    finish: Finish | None = None

    def commit(self, num_rows: int, tally: Mapping[str, int]) -> None:
        """Record that `num_rows` further rows are complete, and what was counted in them; in the journal, if any."""
        self.num_rows += num_rows
        self.tally.update(tally)
        if self._journal is None:
            return
        self.file.flush()
        progress = {"rows": self.num_rows, "bytes": self.file.tell(), "tally": dict(self.tally), "origin": self._origin}
        # In ASCII, because names of columns and files may hold half a surrogate pair.
        write_text(self._journal, json.dumps(progress, indent=2) + "\n")


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
    finished = _finished_file(part)
    progress: dict[str, Any] = {"rows": 0, "bytes": 0}
    if resume is not None:
        progress = _interrupted_progress(output, part, journal, origin, resume=resume, overwrite=overwrite)
    is_locked = False
    try:
        disk.make_folder(output.parent)
        with disk.open_file(part, "update") as file:
            _lock(file, part, output)
            is_locked = True
            if not progress["bytes"]:  # a journal of a discarded write must not describe the rows of this one
                disk.unlink(journal, missing_ok=True)
            file.truncate(progress["bytes"])
            file.seek(progress["bytes"])
            journal_if_resumable = None if resume is None else journal
            tally = Counter(progress.get("tally", {}))
            table = PartialTable(file, progress["rows"], journal_if_resumable, origin, tally)
            yield table
            file.flush()
            disk.sync(file)
            is_other_file = table.finish is not None and table.finish(part, finished)
            if os.name != "nt":
                disk.rename(finished if is_other_file else part, output)  # while the lock is held
        if os.name == "nt":  # Windows renames no open file
            disk.rename(finished if is_other_file else part, output)
        disk.unlink(part, missing_ok=True)
        disk.unlink(journal, missing_ok=True)
    except OSError as error:
        raise SeqloomError(f"{output} cannot be written: {error.strerror or error}") from error
    finally:
        if is_locked:  # without a lock, the files belong to another process
            with contextlib.suppress(OSError):
                disk.unlink(finished, missing_ok=True)
                if resume is None:
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
            disk.unlink(_finished_file(part), missing_ok=True)
        elif not journal.exists():
            with disk.open_file(part, "update") as file:
                if disk.try_lock(file) and disk.is_file_at(file, part):
                    disk.unlink(_finished_file(part), missing_ok=True)
                    disk.unlink(part, missing_ok=True)


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
        can_resume = (
            progress["origin"] == origin
            and isinstance(progress.get("tally", {}), dict)
            and progress["bytes"] <= part.stat().st_size
        )
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
