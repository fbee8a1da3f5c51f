"""How much a command prints on standard error beside warnings and errors.

The choice holds for the whole process, since every module that prints shares standard error.
"""

import time
from enum import Enum

__all__ = ["Verbosity", "is_quiet", "is_verbose", "set_verbosity", "stamped"]


class Verbosity(Enum):
    """Amount of messages: none but warnings and errors, the usual ones, or those with times and tracebacks."""

    QUIET = "quiet"
    NORMAL = "normal"
    VERBOSE = "verbose"


class _State:
    """The verbosity of the process, and the time at which it was set."""

    verbosity = Verbosity.NORMAL
    start = 0.0


def set_verbosity(verbosity: Verbosity) -> None:
    """Set the verbosity, and start the clock of its time stamps."""
    _State.verbosity, _State.start = verbosity, time.monotonic()


def is_quiet() -> bool:
    """Return whether only warnings and errors are printed."""
    return _State.verbosity is Verbosity.QUIET


def is_verbose() -> bool:
    """Return whether messages have times, and errors their tracebacks."""
    return _State.verbosity is Verbosity.VERBOSE


def stamped(line: str) -> str:
    """Return a line, after the seconds since the start if the process is verbose."""
    return f"[{time.monotonic() - _State.start:7.2f} s] {line}" if is_verbose() else line
