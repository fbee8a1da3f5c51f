"""The command `seqloom`: its commands, and how it ends when one of them fails."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from seqloom import __version__
from seqloom.cli import corpora, looking, measuring, output, training, writing
from seqloom.cli.faults import INTERRUPTED, judge
from seqloom.cli.sections import SectionedCommand

__all__ = ["app", "call", "main"]

app = typer.Typer(
    help="Train a small sequence model on your own corpus and write new sequences in its manner.",
    epilog="Begin with: seqloom demo",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback(invoke_without_command=True)
def seqloom(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="print the version and stop")] = False,
) -> None:
    """What stands before any command."""
    if version:
        print(f"seqloom {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


for _command, _example in (
    (training.train, "seqloom train novel.txt --run runs/novel --minutes 5"),
    (writing.generate, 'seqloom generate runs/novel --prompt "It was" --temperature 0.7 --count 3'),
    (measuring.evaluate, "seqloom evaluate runs/novel --split held-out"),
    (measuring.score, "seqloom score runs/novel chapter.txt"),
    (looking.info, "seqloom info runs/novel"),
    (looking.plot, 'seqloom plot runs/novel --prompt "It wa"'),
    (training.demo, "seqloom demo --minutes 1"),
):
    app.command(cls=SectionedCommand, epilog=f"Example: {_example}")(_command)
app.add_typer(corpora.app, name="corpora", epilog="Example: seqloom corpora fetch shakespeare")


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
    output.prepare()
    try:
        command = typer.main.get_command(app)
        with command.make_context("seqloom", list(arguments)) as context:
            command.invoke(context)
        sys.stdout.flush()
    except typer.Exit as ended:
        return ended.exit_code
    except BrokenPipeError:
        output.abandon()
    except KeyboardInterrupt:
        if sys.stderr.isatty():
            print(file=sys.stderr)  # the terminal wrote ^C where the text had come to
        return _fail(INTERRUPTED, "interrupted")
    except Exception as error:
        if os.environ.get("SEQLOOM_TRACEBACK"):
            raise
        verdict = judge(error)
        return _fail(verdict.exit_code, *verdict.lines)
    return 0


def _fail(exit_code: int, *lines: str) -> int:
    """Print faults below whatever is printed already."""
    try:
        sys.stdout.flush()
    except OSError:
        output.abandon()
    for line in lines:
        print(f"seqloom: {line}", file=sys.stderr)
    return exit_code
