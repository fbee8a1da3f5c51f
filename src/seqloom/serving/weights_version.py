"""Which version of its weights a run has on disk."""

from dataclasses import dataclass

from seqloom.array_files import read_header
from seqloom.runs.layout import RunFolder

__all__ = ["WeightsVersion"]

_MAX_DIGITS = 16


@dataclass(frozen=True)
class WeightsVersion:
    """A version of the weights of a run.

    Attributes:
        step: number of training steps behind them; None if it is unknown.
        file: inode, size in bytes, and time of the last change in nanoseconds; None if there is no file.
    """

    step: int | None
    file: tuple[int, int, int] | None

    @classmethod
    def of(cls, folder: RunFolder) -> "WeightsVersion":
        """Return the version that is now in a run's folder."""
        file = _file_version(folder)
        header = read_header(folder.weights_file)
        step = "" if header is None else header.metadata.get("step", "")
        return cls(int(step) if step.isdecimal() and len(step) < _MAX_DIGITS else None, file)

    def is_newest(self, folder: RunFolder) -> bool:
        """Return whether the folder still has this version."""
        return _file_version(folder) == self.file


def _file_version(folder: RunFolder) -> tuple[int, int, int] | None:
    try:
        status = folder.weights_file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns
