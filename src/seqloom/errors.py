"""The errors that seqloom raises, one shallow tree.

A message says what was got, what is allowed and what to try. Several faults found at once are several lines of one
error.
"""

__all__ = [
    "CodecError",
    "ConfigError",
    "MissingExtraError",
    "RunError",
    "SeqloomError",
    "SourceError",
    "TrainingError",
    "UserError",
]


class SeqloomError(Exception):
    """The work failed and no change to the command would mend it (exit code 1).

    Args:
        faults: one plain line a fault.
    """

    exit_code = 1

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class TrainingError(SeqloomError):
    """Training could not go on: the loss kept exploding, the disk is full, the process ran out of memory."""


class UserError(SeqloomError):
    """The person must change something (exit code 2)."""

    exit_code = 2


class SourceError(UserError):
    """A source that is missing, empty, binary, undecodable or lacks a column."""


class CodecError(UserError):
    """Text that the codec cannot spell, or token ids that it does not know."""


class ConfigError(UserError):
    """Settings that are out of range or contradict one another; every fault is listed."""


class RunError(UserError):
    """A run folder that is missing, half-written, damaged or from a newer format."""


class MissingExtraError(UserError):
    """A part of seqloom that needs a package which is not installed; says the install line."""
