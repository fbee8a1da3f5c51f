"""A table that is written row by row; an interrupted write can be resumed.

Until `table.csv` is complete, its rows are in `.table.csv.part`. The journal `.table.csv.part.json` says how many rows
and bytes of that file are complete, from which table and settings (`origin`) they come, and what was counted in them.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from seqloom.errors import ConfigError, SeqloomError
from seqloom.files import write_text

__all__ = ["Finish", "PartialTable", "resumable_table"]

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
    _journal: Path
    _origin: dict[str, Any]
    tally: Counter[str] = field(default_factory=Counter)
    finish: Finish | None = None

    def commit(self, num_rows: int, tally: Mapping[str, int]) -> None:
        """Record in the journal that `num_rows` further rows are complete, and what was counted in them."""
        self.file.flush()
        self.num_rows += num_rows
        self.tally.update(tally)
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
    part, journal, finished = (
        output.with_name(f".{output.name}.{suffix}") for suffix in ("part", "part.json", "part.finished")
    )
    progress: dict[str, Any] = {"rows": 0, "bytes": 0}
    if resume is not None:
        progress = _interrupted_progress(output, part, journal, origin, resume=resume, overwrite=overwrite)
    is_locked = False
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "rb+", opener=_open_or_create) as file:
            _lock(file, part, output)
            is_locked = True
            if not progress["bytes"]:  # a journal of a discarded write must not describe the rows of this one
                journal.unlink(missing_ok=True)
            file.truncate(progress["bytes"])
            file.seek(progress["bytes"])
            table = PartialTable(file, progress["rows"], journal, origin, Counter(progress.get("tally", {})))
            yield table
            file.flush()
            os.fsync(file.fileno())
            is_other_file = table.finish is not None and table.finish(part, finished)
        os.replace(finished if is_other_file else part, output)
        part.unlink(missing_ok=True)
        journal.unlink(missing_ok=True)
    except OSError as error:
        raise SeqloomError(f"{output} cannot be written: {error.strerror or error}") from error
    finally:
        if is_locked:
            finished.unlink(missing_ok=True)
        if resume is None and is_locked:  # without a lock, the files belong to another process
            part.unlink(missing_ok=True)
            journal.unlink(missing_ok=True)


def _open_or_create(path: str, flags: int) -> int:
    """Open a file, and create it if it is missing, without truncating it: another process may be writing it."""
    return os.open(path, flags | os.O_CREAT, 0o666)


def _lock(file: IO[bytes], part: Path, output: Path) -> None:
    """Lock the file against other writers; do nothing on systems without such locks."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # False if the other process has completed and renamed the file in the meantime.
        is_same_file = os.path.samestat(os.fstat(file.fileno()), part.stat())
    except (BlockingIOError, FileNotFoundError):
        is_same_file = False
    if not is_same_file:
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
