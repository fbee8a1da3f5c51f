"""Append to the training log of a run."""

from seqloom import disk
from seqloom.errors import SeqloomError
from seqloom.files import write_text
from seqloom.runs.layout import RunFolder
from seqloom.runs.log_lines import log_line

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
        kept = [line for line in folder.whole_log_lines() if line["step"] <= resumed_at]
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
    return max((line["step"] for line in folder.whole_log_lines()), default=0)
