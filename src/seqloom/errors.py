"""The errors that seqloom raises.

    SeqloomError             exit code 1: the work failed
    +-- TrainingError
    +-- UserError            exit code 2: the user must change something
        +-- SourceError, CodecError, ConfigError, RunError, MissingExtraError

A message says what was received, what is allowed and what to try. An error can have several faults, one per line. Long
values from files and commands are shortened, and so is a long list of faults.
"""

import re

__all__ = [
    "CodecError",
    "ConfigError",
    "MissingExtraError",
    "RunError",
    "SeqloomError",
    "SourceError",
    "TrainingError",
    "UserError",
    "shortened",
]

_MAX_VALUE_CHARACTERS, _MAX_LINE_CHARACTERS, _MAX_FAULTS = 300, 1500, 20

_LONG_VALUE = re.compile(rf"\S{{{_MAX_VALUE_CHARACTERS + 1},}}|'[^']{{{_MAX_VALUE_CHARACTERS + 1},}}'")
"""Words and quoted values that are shortened."""


def shortened(text: str, limit: int = _MAX_VALUE_CHARACTERS) -> str:
    """Return a text of at most about `limit` characters, with the number of characters left out in its middle."""
    if len(text) <= limit:
        return text
    kept = limit // 2
    return f"{text[:kept]}...({len(text) - 2 * kept:,} characters)...{text[-kept:]}"


def _short_line(line: str) -> str:
    return shortened(_LONG_VALUE.sub(lambda match: shortened(match[0]), line), _MAX_LINE_CHARACTERS)


def _short_list(faults: tuple[str, ...]) -> tuple[str, ...]:
    lines = tuple(_short_line(str(fault)) for fault in faults[:_MAX_FAULTS])
    num_others = len(faults) - len(lines)
    return (*lines, f"and {num_others:,} more faults") if num_others else lines


class SeqloomError(Exception):
    """The work failed, although the command itself was valid (exit code 1).

    Args:
        faults: lines of plain text, one for each thing that is wrong.
    """

    exit_code = 1

    def __init__(self, *faults: str) -> None:
        self.faults = _short_list(faults)
        super().__init__("\n".join(self.faults))


class TrainingError(SeqloomError):
    """Training cannot continue: the loss kept exploding, the disk is full, or memory ran out."""


class UserError(SeqloomError):
    """The user must change the command, a setting or an input (exit code 2)."""

    exit_code = 2


class SourceError(UserError):
    """A source (a file, folder or table of texts) is missing, empty, binary or undecodable, or lacks a column."""


class CodecError(UserError):
    """The codec, which converts text to token ids and back, is damaged or cannot convert its input."""


class ConfigError(UserError):
    """Settings are unknown, are out of range or contradict each other; the error lists every fault."""


class RunError(UserError):
    """A folder of a run, critic or detector is missing, half-written, damaged, in use or from a newer format."""


class MissingExtraError(UserError):
    """An optional package is not installed; the message contains the install command."""
