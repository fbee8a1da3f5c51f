"""The command `seqloom`: its start, and its end when something fails.

Almost nothing is imported before Ctrl-C is handled.
"""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqloom.cli.exit_codes import INTERRUPTED

if TYPE_CHECKING:
    from seqloom.cli.commands import app

__all__ = ["app", "call", "main"]


def __getattr__(name: str) -> Any:
    """Import the commands on first use."""
    if name != "app":
        raise AttributeError(f"module 'seqloom.cli.app' has no attribute '{name}'")
    from seqloom.cli.commands import app

    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave Python with its exit code.

    Args:
        arguments: words after `seqloom`; None takes those of the process.
    """
    # Read when numpy and torch are first imported. The matrix products of a command are small: more threads would only
    # wait for one another. Threads that spin while they wait slow training down on a machine with other work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sys.exit(call(sys.argv[1:] if arguments is None else arguments))


def call(arguments: Sequence[str]) -> int:
    """Run a command and print its faults on standard error, one line each.

    Returns:
        0 on success, 1 if the work failed, 2 if the user must change something, 130 after Ctrl-C.
    """
    try:
        return _invoke(arguments)
    except BrokenPipeError:
        return _fail(0)
    except KeyboardInterrupt:
        if sys.stderr is not None and sys.stderr.isatty():
            print(file=sys.stderr)  # the terminal wrote ^C where the text had come to
        return _fail(INTERRUPTED, "interrupted")
    except Exception as error:
        if os.environ.get("SEQLOOM_TRACEBACK"):
            raise
        from seqloom.cli.error_messages import report_error

        verdict = report_error(error)
        return _fail(verdict.exit_code, *verdict.lines)


def _invoke(arguments: Sequence[str]) -> int:
    """Find the command and run it; errors of imports are reported like its own."""
    from seqloom.cli import output

    output.prepare()
    import typer

    try:
        command = typer.main.get_command(__getattr__("app"))
        with command.make_context("seqloom", list(arguments)) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as ended:
        return ended.exit_code
    return 0


def _fail(exit_code: int, *lines: str) -> int:
    """Print faults after the output so far."""
    from seqloom.cli import output

    try:
        if sys.stdout is not None:  # None if closed, until `prepare`
            sys.stdout.flush()
    except OSError:
        output.abandon(sys.stdout)
    for line in lines:
        output.say(line)
    return exit_code
