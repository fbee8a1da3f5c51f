"""Turn an error into lines for the command line, one for each fault, and an exit code."""

import errno
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqloom.cli.flags import with_flags
from seqloom.errors import SeqloomError

if TYPE_CHECKING:
    from typer.exceptions import TyperException

__all__ = ["Failure", "describe_error"]

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "not enough memory")
"""Phrases in the messages of libraries that raise another error than `MemoryError`, such as torch."""

_MAX_SIMILAR = 2
"""Largest number of similar options in a message."""


@dataclass(frozen=True)
class Failure:
    """The exit code and the messages of a command that failed.

    Attributes:
        exit_code: 1 if the work failed, 2 if the user must change something.
        lines: one line for each fault.
    """

    exit_code: int
    lines: tuple[str, ...]


def describe_error(error: Exception) -> Failure:
    """Return exit code and messages of an error; a message has no line breaks, and names settings by their flags."""
    failure = _failure(error)
    return Failure(failure.exit_code, tuple(" ".join(with_flags(line).split()) for line in failure.lines))


def _failure(error: Exception) -> Failure:
    from typer.exceptions import TyperException

    if isinstance(error, SeqloomError):
        return Failure(error.exit_code, error.faults)
    if isinstance(error, TyperException):
        return Failure(2, (_usage_message(error),))
    if isinstance(error, MemoryError) or any(phrase in str(error).lower() for phrase in _OUT_OF_MEMORY):
        return Failure(
            1,
            ("not enough memory: lower `hidden_size`, `batch_size` or `sequence_length`, or close other programs",),
        )
    if isinstance(error, OSError):
        return Failure(1, (_system_message(error),))
    return Failure(1, (_unexpected_message(error),))


def _usage_message(error: "TyperException") -> str:
    """Return the message about a command that cannot be parsed: fault, similar options, and the command for help."""
    context = getattr(error, "ctx", None)
    message = _number_message(error) or error.format_message()
    similar = _similar_options(error, context)[:_MAX_SIMILAR]
    if similar:
        message = f"no such option: {getattr(error, 'option_name', '')}; did you mean {' or '.join(similar)}?"
    message = re.sub(r"\.? Did you mean", "; did you mean", message)
    message = message[:1].lower() + message[1:].rstrip(".")
    command = getattr(context, "command_path", "seqloom")
    return f"{message} (see '{command} --help')" if message.endswith("?") else f"{message}; see '{command} --help'"


def _similar_options(error: "TyperException", context: Any) -> list[str]:
    """Return the options that an unknown one may stand for: those that begin with it, else those that resemble it."""
    name = getattr(error, "option_name", None)
    if name is None or context is None:
        return getattr(error, "possibilities", None) or []
    options = [flag for parameter in context.command.get_params(context) for flag in parameter.opts]
    beginning = [flag for flag in options if flag.startswith(name) and name.startswith("--")]
    return beginning or getattr(error, "possibilities", None) or []


def _number_message(error: "TyperException") -> str | None:
    """Return the message about a value that is not a number; None for other faults."""
    parameter, cause = getattr(error, "param", None), error.__cause__
    # typer converts values with pydantic, whose errors list faults as dictionaries with a type such as "int_parsing".
    fault = cause.errors()[0] if cause is not None and hasattr(cause, "errors") else {}
    expected_type = str(fault.get("type")).partition("_")[0]
    expected = {"int": "a whole number", "float": "a number"}.get(expected_type)
    if parameter is None or expected is None:
        return None
    return f"{parameter.opts[0]} got {fault['input']!r}: give {expected}"


def _system_message(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    file = f" {error.filename}" if error.filename else ""
    if error.errno in _DISK_FULL:
        return f"cannot write{file}: {reason}; free some space, or choose another disk"
    return f"cannot read or write{file}: {reason}; check that the file exists and that you may access it"


def _unexpected_message(error: Exception) -> str:
    """Return the message about an error of seqloom itself, with the file and line that raised it."""
    location = ""
    trace = error.__traceback__
    while trace is not None:
        location = f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return (
        f"this should not have happened: {type(error).__name__}{location}: {error}; set SEQLOOM_TRACEBACK=1 to see the "
        "traceback"
    )
