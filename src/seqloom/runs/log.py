"""Append to the training log of a run."""

import json

from seqloom import disk
from seqloom.errors import SeqloomError
from seqloom.files import write_text
from seqloom.runs.layout import RunFolder

__all__ = ["LogWriter"]


class LogWriter:
    """Writer of `log.jsonl`.

    Args:
        folder: run folder.
        resumed_at: step from which training continues; lines of later steps are removed.
    """

    def __init__(self, folder: RunFolder, resumed_at: int) -> None:
        self._folder = folder
        kept = [line for line in folder.read_log() if line["step"] <= resumed_at]
        write_text(folder.log_file, "".join(json.dumps(line) + "\n" for line in kept))

    def write(self, *, step: int, **measurements: float) -> None:
        """Append one line.

        Raises:
            SeqloomError: the file cannot be written.
        """
        path = self._folder.log_file
        try:
            with disk.open_file(path, "append") as file:
                file.write((json.dumps({"step": step, **measurements}) + "\n").encode("utf-8"))
        except OSError as error:
            raise SeqloomError(f"cannot write {path}: {error.strerror}; free some space, then `resume`") from error
