"""Turn an error into lines for the command line, one for each fault, and an exit code."""

import errno
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seqloom.cli.flags import with_flags
from seqloom.errors import SeqloomError

if TYPE_CHECKING:
    from typer.exceptions import TyperException

__all__ = ["Verdict", "report_error"]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "not enough memory")


@dataclass(frozen=True)
class Verdict:
    """End of a command.

    Attributes:
        exit_code: 1 where the work failed, 2 where the user must change something.
        lines: one line for each fault.
    """

    exit_code: int
    lines: tuple[str, ...]


def report_error(error: Exception) -> Verdict:
    """Return the lines of an error; settings are named by their flags."""
    verdict = _judge(error)
    return Verdict(verdict.exit_code, tuple(" ".join(with_flags(line).split()) for line in verdict.lines))


def _judge(error: Exception) -> Verdict:
    from typer.exceptions import TyperException

    if isinstance(error, SeqloomError):
        return Verdict(error.exit_code, error.faults)
    if isinstance(error, TyperException):
        return Verdict(2, (_usage(error),))
    if isinstance(error, MemoryError) or any(phrase in str(error).lower() for phrase in _OUT_OF_MEMORY):
        return Verdict(
            1,
            ("not enough memory: lower `hidden_size`, `batch_size` or `sequence_length`, or close other programs",),
        )
    if isinstance(error, OSError):
        return Verdict(1, (_system(error),))
    return Verdict(1, (_surprise(error),))


def _usage(error: "TyperException") -> str:
    """Return the line for a command that cannot be parsed: the fault, the nearest option, and where help is."""
    context = getattr(error, "ctx", None)
    message = _misread(error) or error.format_message()
    near = getattr(error, "possibilities", None)
    if near:
        message = f"no such option: {getattr(error, 'option_name', '')}; did you mean {' or '.join(near)}?"
    message = re.sub(r"\.? Did you mean", "; did you mean", message)
    message = message[:1].lower() + message[1:].rstrip(".")
    command = getattr(context, "command_path", "seqloom")
    return f"{message} (see '{command} --help')" if message.endswith("?") else f"{message}; see '{command} --help'"


def _misread(error: "TyperException") -> str | None:
    """Return the message about a value that is not a number; None for other faults."""
    parameter, cause = getattr(error, "param", None), error.__cause__
    fault = cause.errors()[0] if cause is not None and hasattr(cause, "errors") else {}
    expected = {"int": "a whole number", "float": "a number"}.get(str(fault.get("type")).partition("_")[0])
    if parameter is None or expected is None:
        return None
    return f"{parameter.opts[0]} got {fault['input']!r}: give {expected}"


def _system(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    named = f" {error.filename}" if error.filename else ""
    if error.errno in _NO_ROOM:
        return f"cannot write{named}: {reason}; free some space, or choose another disk"
    return f"cannot read or write{named}: {reason}; check that it is there and may be used"


def _surprise(error: Exception) -> str:
    """Return the line for an unexpected error, with its place."""
    where = ""
    trace = error.__traceback__
    while trace is not None:
        where = f" at {os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return f"this should not have happened: {type(error).__name__}{where}: {error}; SEQLOOM_TRACEBACK=1 shows it all"
