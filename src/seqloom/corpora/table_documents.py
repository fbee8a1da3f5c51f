"""From the cells of a row to a document: text, ratings, categories, group; counts missing and invalid cells."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from hashlib import blake2b
from typing import Any

from seqloom.config import ReadingConfig
from seqloom.corpora.disjoint_splits import pool_of
from seqloom.corpora.document import Document
from seqloom.corpora.normalization import record_chunks
from seqloom.corpora.payloads import Rereadable, TextPayload
from seqloom.corpora.table_cells import group_of, is_missing_rating, name_of, pool_label, usable_text
from seqloom.corpora.table_columns import Row
from seqloom.errors import SourceError

__all__ = ["INCOMPLETE_REASONS", "RatingColumns", "row_documents"]

INCOMPLETE_REASONS = ("missing rating", "missing name", "missing group", "rating that is not a number")
"""Prefixes of the reasons that count incomplete rows: their text is kept without a rating, category name or group."""

_MAX_QUOTED = 60
"""Largest number of characters of a cell that a message quotes."""


@dataclass
class RatingColumns:
    """Counts of the cells in rating columns, which detect a column that the user named by mistake.

    Attributes:
        num_numbers: number of cells that hold a number, by column.
        num_others: number of cells that hold something other than a number, by column; empty cells are not counted.
        examples: first of these other cells, with its row, for the error message, by column.
    """

    num_numbers: Counter[str] = field(default_factory=Counter)
    num_others: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def read(
        self, column: str, value: object, row_name: str, missing: Collection[str], tally: Counter[str]
    ) -> float | None:
        """Count a cell, and return its number, or None if it holds no number.

        Args:
            column: name of the column.
            value: cell.
            row_name: name of the row in messages.
            missing: words that stand for a missing value.
            tally: counter of cells without a number by reason, which this method increases.
        """
        number = _number(value)
        if is_missing_rating(value, missing):
            tally[f"missing rating ({column})"] += 1
            return None
        if number is not None:
            self.num_numbers[column] += 1
        else:
            self.num_others[column] += 1
            self.examples.setdefault(column, f"{_quoted_start(value)} in {row_name}")
            tally[f"rating that is not a number ({column})"] += 1
        return number

    def check(self, columns: Iterable[str]) -> None:
        """Check that at least half of the filled cells of every column, and at least one cell, hold numbers.

        Raises:
            SourceError: a column does not hold numbers; the message names the column, and a row with another value.
        """
        faults = []
        for column in columns:
            num_numbers, num_others = self.num_numbers[column], self.num_others[column]
            if num_numbers and num_others <= num_numbers:
                continue
            total = num_numbers + num_others
            reason = (
                f"{num_others:,} of its {total:,} filled cells hold something else, such as {self.examples.get(column)}"
            )
            faults.append(
                f"the column {column!r} does not hold numbers: {reason if num_others else 'every cell is empty'}; "
                "name a column of numbers with `rating`"
            )
        if faults:
            raise SourceError(*faults)


def _quoted_start(value: object) -> str:
    """Return a value in quotation marks, or the start of a long one."""
    quoted = repr(value)
    return quoted if len(quoted) <= _MAX_QUOTED else f"{quoted[:_MAX_QUOTED]}...{quoted[0]}"


def row_documents(
    rows: Iterable[Row], name: str, reading: ReadingConfig, ratings: RatingColumns, tally: Counter[str]
) -> Iterator[Document]:
    """Yield one document per row; rows without text are counted and skipped.

    Args:
        rows: rows of the table, each with its number and its cells by column.
        name: name of the table in messages.
        reading: settings with the names of the columns.
        ratings: counts of the cells in rating columns, which this function increases.
        tally: counter of skipped rows and missing cells by reason, which this function increases.
    """
    seen_digests: set[bytes] = set()
    for row_number, cells in rows:
        text = usable_text(cells.get(reading.text or ""), tally)
        if text is None:
            continue
        group = _group(cells.get(reading.group), reading, tally) if reading.group else None
        if reading.pool is not None and not _is_in_pool(text, group, reading, seen_digests, tally):
            continue
        row_name = f"row {row_number} of {name}"
        rating_values = {
            column: ratings.read(column, cells.get(column), row_name, reading.missing, tally)
            for column in reading.rating
        }
        categories = {column: _category(column, cells.get(column), reading, tally) for column in reading.category}
        payload = TextPayload(Rereadable(partial(record_chunks, text, reading)))
        yield Document(payload, {**rating_values, **categories}, group, row_number)


def _is_in_pool(
    text: str, group: str | None, reading: ReadingConfig, seen_digests: set[bytes], tally: Counter[str]
) -> bool:
    """Return whether a row belongs to a pool (one of the disjoint parts of a table); count a row that does not.

    Of several rows with the same text, only the first belongs to a pool, so that no two pools share a text.
    """
    identity = pool_label(text, None, reading)
    digest = blake2b(identity.encode(), digest_size=16).digest()
    if digest in seen_digests:
        tally["duplicate row"] += 1
        return False
    seen_digests.add(digest)
    if pool_of(pool_label(text, group, reading)) == reading.pool:
        return True
    tally["row of another pool"] += 1
    return False


def _group(value: object, reading: ReadingConfig, tally: Counter[str]) -> str | None:
    group = group_of(value, reading)
    if group is None:
        tally["missing group"] += 1
    return group


def _category(column: str, value: object, reading: ReadingConfig, tally: Counter[str]) -> str | None:
    name = name_of(value, reading)
    if name is None:
        tally[f"missing name ({column})"] += 1
    return name


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    if isinstance(value, str) and "_" in value:  # `float` accepts "1_000"
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None
