"""Tables of what was measured, as the report shows them."""

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["print_table"]


def print_table(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table in Markdown, an empty line before it."""
    print("\n".join(["", f"| {' | '.join(heading)} |", "| --- " * len(heading) + "|"]))
    print("\n".join(f"| {' | '.join(map(str, row))} |" for row in rows), flush=True)
