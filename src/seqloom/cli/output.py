"""Write to standard output and standard error, for any terminal, encoding and reader."""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "abandon",
    "as_json",
    "can_draw_on",
    "console",
    "dimmed",
    "harmless",
    "note",
    "prepare",
    "print_json",
    "print_json_line",
    "print_line",
    "print_table",
    "short_number",
    "shows_terminal",
    "visible",
]

_HARMFUL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters, except line break and tab
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"  # controls of the writing direction
)
"""Characters that change the state of a terminal, or the order in which it shows other characters."""

_LINE_BREAKS = re.compile("[\t\n]")


def prepare() -> None:
    """Prepare the standard streams, so that printing any text raises no error.

    A stream that is closed (`>&-` in the shell) is replaced by the null device. Standard output replaces characters
    that its encoding lacks. In a file or pipe it uses UTF-8, unless the user has set `PYTHONIOENCODING`.
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
    """Redirect a stream whose reader is gone to the null device, so that Python's flush at exit raises no error."""
    try:
        null_device = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null_device, stream.fileno())
        os.close(null_device)
    except (OSError, ValueError):
        return


def short_number(value: float) -> str:
    """Return a number with few digits: in scientific notation if it is very small or very large."""
    return f"{value:.3f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.3g}"


def note(line: str) -> None:
    """Print a line on standard error, with the flags of the settings that it names; ignore a closed stream."""
    if sys.stderr is None:
        return
    if "`" in line:
        from seqloom.cli.flags import with_flags

        line = with_flags(line)
    try:
        print(harmless(line), file=sys.stderr, flush=True)
    except OSError:
        abandon(sys.stderr)


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
    """Return a rich console on standard error, which ignores a closed stream."""
    from rich.console import Console

    return Console(file=cast("IO[str]", _TolerantStream(sys.stderr)), stderr=True)


def can_draw_on(console: "Console") -> bool:
    """Return whether a console is a terminal in which the cursor can be moved."""
    # FORCE_COLOR makes rich call any file a terminal, so ask the file too: a log must not receive cursor movements.
    is_terminal = console.is_terminal and console.file.isatty() and not console.is_dumb_terminal
    return is_terminal and console.encoding.lower().startswith("utf")


def shows_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def dimmed(text: str) -> str:
    """Return the text in a faint colour, if the terminal has colours."""
    if not text or not shows_terminal() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[2m{text}\x1b[0m"


def harmless(text: str) -> str:
    """Return a text that a terminal may receive.

    Control characters and controls of the writing direction become U+FFFD, and carriage returns are left out. Names and
    texts from outside could otherwise send commands to the terminal, or show a file name in another order.
    """
    return _HARMFUL.sub("\ufffd", text.replace("\r", ""))


def visible(text: str) -> str:
    """Return the text as it is, or a harmless text if standard output is a terminal."""
    return harmless(text) if shows_terminal() else text


def print_line(text: object = "") -> None:
    """Print a line on standard output."""
    print(visible(str(text)))


def print_json(value: Any) -> None:
    """Print one JSON object."""
    print(as_json(value))


def print_json_line(value: Any) -> None:
    """Print one JSON object at once, as one of many lines."""
    print(as_json(value), flush=True)


def as_json(value: Any) -> str:
    """Return the value as JSON, in ASCII unless the encoding of standard output is Unicode."""
    encoding = (sys.stdout.encoding or "ascii").lower().replace("_", "-")
    text = json.dumps(value, ensure_ascii=not encoding.startswith("utf"), allow_nan=False)
    # JSON may contain any character as an escape, such as \\u202e.
    return _HARMFUL.sub(lambda match: f"\\u{ord(match[0]):04x}", text) if shows_terminal() else text


def print_table(rows: Iterable[Sequence[str]]) -> None:
    """Print rows in aligned columns; the last column is not padded."""
    rows = [[_cell(cell) for cell in row] for row in rows]
    if not rows:
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths[:-1], strict=True)]
        print("  ".join([*cells, row[-1]]).rstrip())


def _cell(text: str) -> str:
    """Return the text of a cell of a table, in one line if standard output is a terminal."""
    return _LINE_BREAKS.sub(" ", visible(text)) if shows_terminal() else text
