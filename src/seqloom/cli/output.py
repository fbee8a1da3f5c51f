"""Standard output and standard error: they survive any terminal, any encoding, and readers that go away."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import IO, TYPE_CHECKING, Any, cast

from seqloom.cli.flags import with_flags

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "abandon",
    "as_json",
    "console",
    "dimmed",
    "magnitude",
    "prepare",
    "print_json",
    "print_table",
    "say",
    "shows_terminal",
    "visible",
]

_HARMLESS = "\n\t"


def prepare() -> None:
    """Make standard output take any text: UTF-8 where it is no terminal and no encoding was asked for.

    What the process was started without (`>&-`) goes nowhere.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is None:
        return
    if shows_terminal() or os.environ.get("PYTHONIOENCODING"):
        reconfigure(errors="replace")
    else:
        reconfigure(encoding="utf-8", errors="replace")


def abandon(stream: IO[str]) -> None:
    """Send what is still unwritten nowhere: whoever read it is gone, or cannot take more."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return


def magnitude(value: float) -> str:
    """A figure in units of any size."""
    return f"{value:.3f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.3g}"


def say(line: str) -> None:
    """Print a line on standard error, with flags for the settings that it names; a closed stream is no error."""
    if sys.stderr is None:
        return
    try:
        print(f"seqloom: {with_flags(line)}", file=sys.stderr, flush=True)
    except OSError:
        abandon(sys.stderr)


class _Steady:
    """A stream that goes on taking text when nobody reads it any more."""

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
    """Standard error, for what is drawn; work goes on when nobody reads there any more."""
    from rich.console import Console

    return Console(file=cast("IO[str]", _Steady(sys.stderr)), stderr=True)


def shows_terminal() -> bool:
    """Whether a person looks at standard output."""
    return sys.stdout.isatty()


def dimmed(text: str) -> str:
    """The text in a faint colour, where the terminal has any."""
    if not text or not shows_terminal() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[2m{text}\x1b[0m"


def visible(text: str) -> str:
    """The text without what would move a terminal's cursor or change its colours; as it is where there is none."""
    if not shows_terminal():
        return text
    return "".join(
        sign if sign in _HARMLESS or not (sign < " " or "\x7f" <= sign < "\xa0") else "" if sign == "\r" else "\ufffd"
        for sign in text
    )


def print_json(value: Any) -> None:
    """Print one JSON object."""
    print(as_json(value))


def as_json(value: Any) -> str:
    """The value as JSON; beyond ASCII only where standard output takes all of Unicode."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("_", "-")
    return json.dumps(value, ensure_ascii=not encoding.startswith("utf"), allow_nan=False)


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns, the last of which is as wide as it likes."""
    rows = [list(row) for row in rows]
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        print("  ".join([*cells, row[-1]]).rstrip())
