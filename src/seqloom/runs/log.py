"""Append to the training log of a run."""

from typing import Any

from seqloom import disk
from seqloom.errors import SeqloomError
from seqloom.files import read_own_file, write_text
from seqloom.runs.layout import RunFolder
from seqloom.runs.log_lines import log_line, parse_log

__all__ = ["LogWriter", "last_step"]


class LogWriter:
    """Writer of `log.jsonl`.

    Args:
        folder: run folder.
        resumed_at: step from which training continues; lines of later steps are removed, and so is a damaged line with
            all lines after it.
    """

    def __init__(self, folder: RunFolder, resumed_at: int) -> None:
        self._folder = folder
        kept = [line for line in _whole_lines(folder) if line["step"] <= resumed_at]
        write_text(folder.log_file, "".join(map(log_line, kept)))

    def write(self, *, step: int, **measurements: float) -> None:
        """Append one line.

        Raises:
            SeqloomError: the file cannot be written.
        """
        path = self._folder.log_file
        try:
            with disk.open_file(path, "append") as file:
                file.write(log_line({"step": step, **measurements}).encode("utf-8"))
        except OSError as error:
            raise SeqloomError(f"cannot write {path}: {error.strerror}; free some space, then `resume`") from error


def last_step(folder: RunFolder) -> int:
    """Return the largest step in the log of a run, before its first damaged line; 0 for an empty log."""
    return max((line["step"] for line in _whole_lines(folder)), default=0)


def _whole_lines(folder: RunFolder) -> list[dict[str, Any]]:
    """Return the lines of the log before the first damaged line."""
    return parse_log(read_own_file(folder.log_file))[0] if folder.log_file.exists() else []
