"""The command `seqloom`: how it begins, and how it ends when something fails.

Imports next to nothing before it can answer to Ctrl-C.
"""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqloom.cli.commands import app

__all__ = ["app", "call", "main"]


def __getattr__(name: str) -> Any:
    """Import the commands when they are first asked for."""
    if name != "app":
        raise AttributeError(f"module 'seqloom.cli.app' has no attribute '{name}'")
    from seqloom.cli.commands import app

    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave Python with its exit code.

    Args:
        arguments: the words after `seqloom`; those that the process was started with unless given.
    """
    # The command's products are small: threads would only wait for one another. Read when numpy is first imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.exit(call(sys.argv[1:] if arguments is None else arguments))


def call(arguments: Sequence[str]) -> int:
    """Run a command; its faults go to standard error, one line each.

    Returns:
        0 on success, 1 where the work failed, 2 where the person must change something, 130 after Ctrl-C.
    """
    try:
        return _invoke(arguments)
    except BrokenPipeError:
        return _fail(0)
    except KeyboardInterrupt:
        from seqloom.cli.error_messages import INTERRUPTED

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
    """Find the command and run it; the imports count as its work."""
    from seqloom.cli import output

    output.prepare()
    import typer

    from seqloom.cli.commands import app

    try:
        command = typer.main.get_command(app)
        with command.make_context("seqloom", list(arguments)) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as ended:
        return ended.exit_code
    return 0


def _fail(exit_code: int, *lines: str) -> int:
    """Print faults below whatever is printed already."""
    from seqloom.cli import output

    try:
        if sys.stdout is not None:  # as it is before `prepare` where it was closed
            sys.stdout.flush()
    except OSError:
        output.abandon(sys.stdout)
    for line in lines:
        output.say(line)
    return exit_code
