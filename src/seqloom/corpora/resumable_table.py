"""A table that is written row by row, and may be gone on with where it was interrupted."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from seqloom.errors import ConfigError, SeqloomError
from seqloom.files import write_json

__all__ = ["Partial", "resumable"]


@dataclass
class Partial:
    """What has been written so far.

    Attributes:
        file: takes what comes next.
        rows: that stand in it for good.
    """

    file: TextIO
    rows: int
    _journal: Path
    _origin: dict[str, Any]

    def keep(self, rows: int) -> None:
        """Say that so many rows more are whole."""
        self.file.flush()
        self.rows += rows
        write_json(self._journal, {"rows": self.rows, "bytes": self.file.tell(), "origin": self._origin})


@contextmanager
def resumable(output: Path, origin: dict[str, Any], *, resume: bool | None, overwrite: bool) -> Iterator[Partial]:
    """A file that becomes `output` when the block ends well, and stays beside it when it does not.

    Args:
        output: the file that shall be.
        origin: what it is made of, in JSON's types: only with the same is it gone on with.
        resume: go on with what an interrupted block left; None neither does nor leaves anything.
        overwrite: begin anew.

    Raises:
        ConfigError: something was left and it is not said what to do with it, or nothing was and it shall go on, or it
            was made of something else.
        SeqloomError: it cannot be written.
    """
    if output.is_symlink():
        output = output.resolve()
    part, journal = (output.with_name(f".{output.name}.{ending}") for ending in ("part", "part.json"))
    done = {"rows": 0, "bytes": 0}
    if resume is not None:
        done = _left(output, part, journal, origin, resume=resume, overwrite=overwrite)
    mine = False
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "r+", encoding="utf-8", errors="replace", newline="", opener=_opened_or_made) as file:
            _lock(file, part, output)
            mine = True
            file.truncate(done["bytes"])
            file.seek(done["bytes"])
            yield Partial(file, done["rows"], journal, origin)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, output)
        journal.unlink(missing_ok=True)
    except OSError as error:
        raise SeqloomError(f"{output} cannot be written: {error.strerror or error}") from error
    finally:
        if resume is None and mine:
            part.unlink(missing_ok=True)
            journal.unlink(missing_ok=True)


def _opened_or_made(path: str, flags: int) -> int:
    """Open a file, made where there is none; it is not emptied before it is locked, as another call may write it."""
    return os.open(path, flags | os.O_CREAT, 0o666)


def _lock(file: TextIO, part: Path, output: Path) -> None:
    """See that nobody else writes this file, and that nobody will; nothing where the system has no such locks."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        same = os.path.samestat(os.fstat(file.fileno()), part.stat())
    except (BlockingIOError, FileNotFoundError):
        same = False
    if not same:
        raise ConfigError(f"{output} is being written by another call: wait for it, or name another file")


def _left(
    output: Path, part: Path, journal: Path, origin: dict[str, Any], *, resume: bool, overwrite: bool
) -> dict[str, Any]:
    """How much of an interrupted block's rows is gone on with."""
    nothing: dict[str, Any] = {"rows": 0, "bytes": 0}
    if not (part.exists() and journal.exists()):
        if resume and not part.exists():
            raise ConfigError(f"`resume`: nothing of {output} was begun here: leave it out")
        return nothing
    if overwrite and not resume:
        return nothing
    try:
        found = dict(json.loads(journal.read_text(encoding="utf-8")))
        same = found["origin"] == origin and found["bytes"] <= part.stat().st_size
    except (OSError, ValueError, KeyError, TypeError):
        found, same = nothing, False
    if not resume:
        raise ConfigError(f"{output} was begun and interrupted: give `resume` to go on, or `overwrite` to begin anew")
    if not same:
        raise ConfigError(
            f"`resume`: what stands of {output} was made of another table, or with other settings: give `overwrite` to "
            "begin anew"
        )
    return found
