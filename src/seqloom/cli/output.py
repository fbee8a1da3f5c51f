"""Write to standard output and standard error, for any terminal, encoding and reader."""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from seqloom.display.terminal import HARMFUL, abandon, harmless, shows_terminal, styled, visible
from seqloom.display.verbosity import is_quiet, stamped

__all__ = [
    "as_json",
    "note",
    "prepare",
    "print_json",
    "print_json_line",
    "print_line",
    "print_table",
    "short_number",
]

_FAULT, _WARNING = "seqloom: ", "seqloom: warning: "

_NUMBER = re.compile(r"[+-]?\d[\d.,]*(e[+-]?\d+)?( %| bits)?( \(.*\))?")
"""Cell with a number, and perhaps its interval in brackets."""

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


def short_number(value: float) -> str:
    """Return a number with few digits: in scientific notation if it is very small or very large."""
    return f"{value:.3f}" if value == 0 or 1e-3 <= abs(value) < 1e6 else f"{value:.3g}"


def note(line: str) -> None:
    """Print a line on standard error, with the flags of the settings that it names; ignore a closed stream.

    A warning or an error begins with "seqloom:"; all other lines are left out if the command is quiet.
    """
    is_fault = line.startswith(_FAULT)
    if sys.stderr is None or (is_quiet() and not is_fault):
        return
    if "`" in line:
        from seqloom.cli.flags import with_flags

        line = with_flags(line)
    try:
        print(_colored(harmless(line)) if is_fault else stamped(harmless(line)), file=sys.stderr, flush=True)
    except OSError:
        abandon(sys.stderr)


def _colored(line: str) -> str:
    """Return a warning or an error with its beginning in a colour, if standard error is a terminal."""
    is_mild = line.startswith((_WARNING, f"{_FAULT}interrupted"))
    beginning = _WARNING if line.startswith(_WARNING) else _FAULT
    return styled(beginning, "yellow" if is_mild else "red", sys.stderr) + line.removeprefix(beginning)


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
    return HARMFUL.sub(lambda match: f"\\u{ord(match[0]):04x}", text) if shows_terminal() else text


def print_table(rows: Iterable[Sequence[str]], *, has_heading: bool = False) -> None:
    """Print rows in aligned columns.

    Args:
        rows: cells of each row.
        has_heading: whether the first row names the columns; columns of numbers are then aligned to the right.
    """
    rows = [[_cell(cell) for cell in row] for row in rows]
    if not rows:
        return
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    is_number = [has_heading and all(map(_NUMBER.fullmatch, filter(None, column[1:]))) for column in columns]
    for number, row in enumerate(rows):
        cells = zip(row, widths, is_number, strict=True)
        line = "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip()
        print(styled(line, "bold") if has_heading and number == 0 else line)


def _cell(text: str) -> str:
    """Return the text of a cell of a table, in one line if standard output is a terminal."""
    return _LINE_BREAKS.sub(" ", visible(text)) if shows_terminal() else text
