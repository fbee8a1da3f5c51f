"""Rows and columns of tables, whatever their format."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from seqloom.errors import SourceError

__all__ = ["NotText", "Row", "check_columns", "list_columns"]

_MOST_COMPARED, _MOST_COMPARED_CHARACTERS = 1000, 100
"""Number of columns, and characters of each, among which a similar name is sought."""

_MOST_FAULTS = 10
"""Number of columns that one error names."""

Row = tuple[int, Mapping[str, Any]]
"""Number of a row and its cells by column. Row 1 is the first below the header, or the first line of JSON."""


class NotText(str):
    """A cell of another type, such as a time, as it is shown; it is a name, but no text to learn from."""


def check_columns(name: str, required: Iterable[str], columns: Sequence[str]) -> None:
    """Check that each required column occurs exactly once.

    Args:
        name: name of the table in messages.
        required: names of the required columns.
        columns: names of all columns of the table.

    Raises:
        SourceError: a column is missing or occurs twice; the message lists the columns and the most similar name.
    """
    if not columns and (missing := next(iter(required), None)) is not None:
        raise SourceError(f"{name} has no rows, or none that can be read, and so no column {missing!r}")
    faults = []
    counts = Counter(columns)
    for column in required:
        if not counts[column]:
            shown = [other[:_MOST_COMPARED_CHARACTERS] for other in columns[:_MOST_COMPARED]]
            similar = get_close_matches(column, shown, n=1, cutoff=0.5)
            hint = f"; did you mean {similar[0]!r}?" if similar else ""
            faults.append(f"{name} has no column {column!r}: choose from {list_columns(columns)}{hint}")
        elif counts[column] > 1 and len(faults) < _MOST_FAULTS:
            faults.append(f"{name} has {counts[column]:,} columns named {column!r:.60}: rename all but one")
    if faults:
        raise SourceError(*faults)


def list_columns(columns: Sequence[str], *, max_shown: int = 20) -> str:
    """Return the names of columns for a message: at most `max_shown` names, with at most 40 characters of each."""
    more = f" and {len(columns) - max_shown} more" if len(columns) > max_shown else ""
    names = ", ".join(
        repr(column)[1:-1][:40] for column in columns[:max_shown]
    )  # `repr` escapes line ends, [1:-1] removes its quotation marks
    return names + more if columns else "no columns found"
