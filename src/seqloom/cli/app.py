"""Start the command `seqloom`, and turn every error into messages and an exit code.

Slow modules are imported inside `call`, which handles Ctrl-C, so that Ctrl-C never prints a traceback.
"""

import os
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqloom.cli import output
from seqloom.cli.exit_codes import INTERRUPTED
from seqloom.display import terminal
from seqloom.display.verbosity import Verbosity, is_verbose, set_verbosity

if TYPE_CHECKING:
    import typer

    app: typer.Typer

__all__ = ["app", "call", "main"]

_COMPLETION_VARIABLE = "_SEQLOOM_COMPLETE"
"""Environment variable with which the completion of a shell calls the command."""


def __getattr__(name: str) -> Any:
    """Return `app`, the application with all commands; it is made on request, since that imports every command."""
    if name != "app":
        raise AttributeError(f"module 'seqloom.cli.app' has no attribute '{name}'")
    return _make_app(None)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, and end the process with its exit code.

    Args:
        arguments: words after `seqloom`; None takes those of the process.
    """
    # numpy and torch read these variables when they are imported. The matrix products of numpy are small here: several
    # threads would spend more time waiting for one another than they save. By default, a waiting OpenMP thread of torch
    # keeps a core busy, which slows training down on a machine with other work; a thread that waits passively sleeps.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    warnings.showwarning = lambda message, *_, **__: output.note(f"seqloom: warning: {message}")
    sys.exit(call(sys.argv[1:] if arguments is None else arguments))


def call(arguments: Sequence[str]) -> int:
    """Run a command and print its faults on standard error, one line each.

    Returns:
        0 on success, 1 if the work failed, 2 if the user must change something, 130 after Ctrl-C.
    """
    set_verbosity(Verbosity.NORMAL)
    try:
        return _invoke(arguments)
    except BrokenPipeError:
        return _finish(0)  # the reader of the output, such as `head`, wants no more
    except KeyboardInterrupt:
        if sys.stderr is not None and sys.stderr.isatty():
            print(file=sys.stderr)  # end the line in which the terminal has shown ^C
        return _finish(INTERRUPTED, "interrupted")
    except Exception as error:
        if os.environ.get("SEQLOOM_TRACEBACK") or (is_verbose() and not hasattr(error, "exit_code")):
            raise
        from seqloom.cli.error_messages import describe_error

        failure = describe_error(error)
        return _finish(failure.exit_code, *failure.lines)


def _invoke(arguments: Sequence[str]) -> int:
    """Import the commands and run one of them; errors during the import are reported like errors of the command."""
    output.prepare()
    import typer

    name = next((word for word in arguments if not word.startswith("-")), None)
    try:
        if os.environ.get(_COMPLETION_VARIABLE):  # the shell asks how a word can be completed
            typer.main.get_command(_make_app(None)).main(args=[], prog_name="seqloom")
        command = typer.main.get_command(_make_app(name))
        with command.make_context("seqloom", list(arguments)) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as stop:
        return stop.exit_code
    return 0


def _make_app(name: str | None) -> "typer.Typer":
    from seqloom.cli.commands import make_app

    return make_app(name)


def _finish(exit_code: int, *lines: str) -> int:
    """Flush the output, print lines on standard error and return the exit code."""
    try:
        if sys.stdout is not None:  # None if the process was started without it and `output.prepare` has not run
            sys.stdout.flush()
    except OSError:
        terminal.abandon(sys.stdout)
    for line in lines:
        output.note(f"seqloom: {line}")
    return exit_code
