"""What terminals, files and pipes may receive: colours, cursor movements and characters."""

import os
import sys
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from seqloom.display.verbosity import is_quiet
from seqloom.harmless_text import HARMFUL, harmless

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "HARMFUL", "abandon", "can_draw_on", "console", "dimmed", "harmless", "shows_terminal", "styled", "visible",
]  # fmt: skip

_STYLE_CODES = {"bold": 1, "faint": 2, "red": 31, "yellow": 33}
"""Codes of ANSI X3.64 (SGR)."""


def abandon(stream: IO[str]) -> None:
    """Redirect a stream whose reader is gone to the null device, so that Python's flush at exit raises no error."""
    try:
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, stream.fileno())
        os.close(null_device)
    except (OSError, ValueError):
        return


class _TolerantStream:
    """Stream that accepts and discards text after its reader is gone."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            abandon(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            abandon(self._stream)


def console() -> "Console":
    """Return a rich console on standard error; it ignores a closed stream, and prints nothing if seqloom is quiet."""
    from rich.console import Console

    return Console(file=cast("IO[str]", _TolerantStream(sys.stderr)), stderr=True, quiet=is_quiet())


def can_draw_on(console: "Console") -> bool:
    """Return whether a console is a terminal in which the cursor can be moved."""
    # FORCE_COLOR makes rich call any file a terminal, so ask the file too: a log must not receive cursor movements.
    if console.quiet:  # a live display would catch what others print, and print it to this console
        return False
    is_terminal = console.is_terminal and console.file.isatty() and not console.is_dumb_terminal
    return is_terminal and console.encoding.lower().startswith("utf")


def shows_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def styled(text: str, style: Literal["bold", "faint", "red", "yellow"], stream: IO[str] | None = None) -> str:
    """Return the text in a style, if the stream is a terminal with colours and the user has not set `NO_COLOR`.

    Args:
        text: text.
        style: style; "faint" is a pale colour.
        stream: stream that the text is for; None for standard output.
    """
    is_terminal = shows_terminal() if stream is None else stream.isatty()
    if not text or not is_terminal or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_STYLE_CODES[style]}m{text}\x1b[0m"


def dimmed(text: str) -> str:
    """Return the text in a faint colour, if standard output is a terminal with colours."""
    return styled(text, "faint")


def visible(text: str) -> str:
    """Return the text as it is, or a harmless text if standard output is a terminal."""
    return harmless(text) if shows_terminal() else text
