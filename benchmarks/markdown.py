"""Print tables in the format of the report."""

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["print_table"]


def print_table(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a Markdown table after an empty line."""
    print("\n".join(["", f"| {' | '.join(heading)} |", "| --- " * len(heading) + "|"]))
    print("\n".join(f"| {' | '.join(map(str, row))} |" for row in rows), flush=True)
