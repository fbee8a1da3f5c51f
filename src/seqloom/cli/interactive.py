"""An interactive prompt: a person and a run write one text in turns.

All that was typed and generated so far is the prompt of the next turn, so the run continues the whole text.
"""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from seqloom.cli.generated_texts import note_unknown
from seqloom.cli.output import note
from seqloom.cli.text_requests import TextRequest
from seqloom.config import SamplingConfig
from seqloom.display.terminal import dimmed, visible
from seqloom.errors import UserError

if TYPE_CHECKING:
    from seqloom.api.generating_run import GeneratingRun

__all__ = ["interact"]

_PROMPT = "> "


def interact(run: "GeneratingRun", text: str, settings: dict[str, Any]) -> None:
    """Read lines from standard input, and continue the text after each of them, until the end of the input.

    A line is appended to the text as it is; an empty line lets the run go on. Ctrl-C ends a turn, and keeps what was
    generated.

    Args:
        run: run that generates.
        text: beginning of the text.
        settings: settings of generation.
    """
    note("type a continuation of the text; after an empty line, the run continues it; Ctrl-D ends")
    if text:
        print(visible(text), flush=True)
    seed = settings.get("seed", SamplingConfig().seed)
    for turn, line in enumerate(_lines()):
        try:
            text += line
            if settings.get("skip_unknown"):
                note_unknown(run, [line])
            text += _turn(run, text, {**settings, "seed": seed + turn})  # the same text goes on in another way
        except UserError as error:  # a symbol that the run does not know, for example
            text = text.removesuffix(line)
            note("\n".join(error.faults))


def _lines() -> Iterator[str]:
    """Yield the lines of standard input."""
    is_terminal = sys.stdin.isatty()
    while True:
        if is_terminal:
            print(dimmed(_PROMPT), end="", flush=True)
        line = sys.stdin.readline()
        if not line:
            return
        yield line.removesuffix("\n")


def _turn(run: "GeneratingRun", text: str, settings: dict[str, Any]) -> str:
    """Print how a text goes on, piece by piece, and return it."""
    request = TextRequest(run=run, prompt=text, count=1, settings=settings)
    request.prepare(streams=True)
    written = ""
    try:
        for piece in next(request.streams):
            written += piece
            print(visible(piece), end="", flush=True)
    except KeyboardInterrupt:
        pass
    print(flush=True)
    return written
