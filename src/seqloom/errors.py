"""The errors that seqloom raises.

    SeqloomError             exit code 1: the work failed
    +-- TrainingError
    +-- UserError            exit code 2: the user must change something
        +-- SourceError, CodecError, ConfigError, RunError, MissingExtraError

A message says what was received, what is allowed and what to try. An error can have several faults, one per line.
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
    """The work failed, and no change to the command would help (exit code 1).

    Args:
        faults: plain lines, one per fault.
    """

    exit_code = 1

    def __init__(self, *faults: str) -> None:
        self.faults = faults
        super().__init__("\n".join(faults))


class TrainingError(SeqloomError):
    """Training cannot continue: the loss kept exploding, the disk is full, or memory ran out."""


class UserError(SeqloomError):
    """The user must change something (exit code 2)."""

    exit_code = 2


class SourceError(UserError):
    """A source that is missing, empty, binary, undecodable or lacks a column."""


class CodecError(UserError):
    """A payload that the codec cannot encode, unknown token ids, or a damaged codec."""


class ConfigError(UserError):
    """Settings that are out of range or contradict each other; lists every fault."""


class RunError(UserError):
    """A run folder that is missing, half-written, damaged or from a newer format."""


class MissingExtraError(UserError):
    """A package that is not installed; gives the install command."""
