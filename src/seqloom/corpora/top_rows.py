"""Select the rows of a table with the highest values in a new column."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from seqloom.corpora.table_writers import TableRows

__all__ = ["RowSelection", "TopRows"]

_Annotated = tuple[TableRows, Mapping[int, Mapping[str, Any]], Counter[str]]
"""Rows, their new cells by index, and what was counted in them."""


class TopRows(NamedTuple):
    """The rows to write: those with the highest values in a new column, in descending order.

    Attributes:
        column: new column of numbers.
        number: number of rows.
        excluded: new column that is 1 in rows that are left out; None for none.
    """

    column: str
    number: int
    excluded: str | None = None


class RowSelection:
    """Collector of the best rows, of which it keeps no more than it returns."""

    def __init__(self, top: TopRows) -> None:
        self._top = top
        self._best: list[tuple[float, int, TableRows, Mapping[str, Any]]] = []  # a heap with the worst row first
        self._num_rows = 0

    def selected(self, chunks: Iterable[_Annotated]) -> Iterator[_Annotated]:
        """Read all chunks; yield the best rows, one at a time, the best one first. Of equal rows, earlier ones count.

        The first of them has the counts of all chunks.
        """
        tally: Counter[str] = Counter()
        for rows, new_cells, chunk_tally in chunks:
            tally.update(chunk_tally)
            for index, cells in new_cells.items():
                self._add(cells, rows, index)
        for _, _, row, cells in sorted(self._best, key=lambda kept: kept[:2], reverse=True):
            yield row, {0: cells}, tally
            tally = Counter()

    def _add(self, cells: Mapping[str, Any], rows: TableRows, index: int) -> None:
        if self._top.excluded is not None and cells[self._top.excluded] == 1:
            return
        self._num_rows += 1
        value = cells[self._top.column]
        if len(self._best) == self._top.number and value <= self._best[0][0]:
            return
        batch = None if rows.batch is None else rows.batch.slice(index, 1)
        entry = (value, -self._num_rows, TableRows([rows.cells[index]], batch), cells)
        if len(self._best) < self._top.number:
            heapq.heappush(self._best, entry)
        else:
            heapq.heapreplace(self._best, entry)
