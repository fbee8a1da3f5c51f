"""Writer of Parquet tables that can be continued, and the types of their columns.

A Parquet file ends with its index, so that it cannot be continued. The rows are therefore kept as a sequence of Arrow
streams, one per chunk, and become Parquet when the table is complete.
"""

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from seqloom.corpora.formats.arrow_cells import arrow_cells
from seqloom.corpora.table_columns import Row
from seqloom.corpora.table_writers import TableRows, TableWriter, check_names, json_text, utf8_text
from seqloom.errors import SourceError

__all__ = ["JsonColumns", "ParquetColumns", "ParquetWriter", "read_json_columns"]

_ROW_GROUP_ROWS, _ROW_GROUP_BYTES = 1 << 16, 1 << 26
"""Size of a row group: a part of a Parquet file that is in memory at once."""

_EXACT_FLOAT = 2**53
"""Largest whole number up to which every whole number is a float."""

_MAX_INTEGER = 2**63

_AS_JSON = "column of lists, objects or several types, written as JSON text"
"""Reason for which a column is written as something else."""


@dataclass
class JsonColumns:
    """The columns of a table of JSON objects.

    Attributes:
        kinds: kinds of the cells of each column: "bool", "int", "float", "long" (a whole number that no float equals),
            "str" and "other"; null has no kind.
        num_rows: number of rows.
    """

    kinds: dict[str, set[str]] = field(default_factory=dict)
    num_rows: int = 0


@dataclass(frozen=True)
class ParquetColumns:
    """The columns of a source as columns of Parquet.

    Attributes:
        names: names in the source.
        schema: Arrow schema, with the names in Parquet, which hold no half of a surrogate pair.
        json_names: columns of the source whose cells become JSON text.
    """

    names: Sequence[str]
    schema: Any
    json_names: frozenset[str] = frozenset()

    @classmethod
    def of_texts(cls, names: Sequence[str]) -> Self:
        """Return the columns of a table whose cells are texts."""
        import pyarrow

        return cls(names, pyarrow.schema([(name, pyarrow.string()) for name in names]))

    @classmethod
    def of_json(cls, columns: JsonColumns, tally: Counter[str]) -> Self:
        """Return the columns of a table of JSON objects; count those that become JSON text."""
        import pyarrow

        types = {name: _arrow_type(kinds) for name, kinds in columns.kinds.items()}
        json_names = frozenset(name for name, kind in types.items() if kind is None)
        if json_names:
            tally[_AS_JSON] += len(json_names)
        fields = [(utf8_text(name, tally), kind or pyarrow.string()) for name, kind in types.items()]
        return cls(list(types), pyarrow.schema(fields), json_names)


class ParquetWriter(TableWriter):
    """Writer of Parquet.

    Args:
        file: open file, positioned where the next rows are to be written.
        columns: columns of the source.
        new_columns: further columns and the Python type of their cells: float, int or str.

    Raises:
        SourceError: a column has a type that cannot be written.
    """

    def __init__(self, file: IO[bytes], columns: ParquetColumns, new_columns: Mapping[str, type]) -> None:
        import pyarrow

        super().__init__(file, columns.names, list(new_columns))
        types = {float: pyarrow.float64(), int: pyarrow.int64(), str: pyarrow.string()}
        self._columns = columns
        self._new_types = {name: types[kind] for name, kind in new_columns.items()}
        self._schema = columns.schema
        for name, kind in self._new_types.items():
            self._schema = self._schema.append(pyarrow.field(name, kind))
        check_names(self._schema.names)
        _check_writable(columns.schema)

    def write(self, rows: TableRows, new_cells: Mapping[int, Mapping[str, Any]], tally: Counter[str]) -> None:
        """Write some rows as one complete Arrow stream."""
        import pyarrow

        if rows.batch is None:
            arrays = [
                self._array(name, column.type, rows.cells, tally)
                for name, column in zip(self._header, self._columns.schema, strict=True)
            ]
            num_rows = len(rows.cells)
        else:
            arrays = [_decoded(rows.batch.column(column.name), column.type) for column in self._columns.schema]
            num_rows = rows.batch.num_rows
        for name, kind in self._new_types.items():
            arrays.append(pyarrow.array([new_cells.get(index, {}).get(name) for index in range(num_rows)], kind))
        batch = pyarrow.RecordBatch.from_arrays(arrays, schema=self._schema)
        with pyarrow.ipc.new_stream(self._file, self._schema) as stream:
            stream.write_batch(batch)

    def finish(self, part: Path, finished: Path) -> bool:
        """Write the rows of `part` as Parquet."""
        from pyarrow import Table, parquet

        with parquet.ParquetWriter(finished, self._schema) as writer:
            for batches in _row_groups(part):
                writer.write_table(Table.from_batches(batches, self._schema), row_group_size=_ROW_GROUP_ROWS)
        return True

    def _array(self, name: str, kind: Any, cells: Sequence[Mapping[str, Any]], tally: Counter[str]) -> Any:
        import pyarrow

        values = [row.get(name) for row in cells]
        if pyarrow.types.is_string(kind):
            is_json = name in self._columns.json_names
            values = [_text_cell(value, tally, is_json=is_json) for value in values]
        return pyarrow.array(values, kind)


def read_json_columns(rows: Iterable[Row]) -> JsonColumns:
    """Read all rows of a table of JSON objects, and return its columns."""
    columns = JsonColumns()
    for _, cells in rows:
        columns.num_rows += 1
        for name, value in cells.items():
            kinds = columns.kinds.setdefault(name, set())
            if value is not None:
                kinds.add(_kind(value))
    return columns


def _kind(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return "int" if abs(value) <= _EXACT_FLOAT else "long" if -_MAX_INTEGER <= value < _MAX_INTEGER else "other"
    return type(value).__name__ if isinstance(value, bool | float | str) else "other"


def _arrow_type(kinds: set[str]) -> Any:
    """Return the Arrow type that holds all cells of some kinds; None if there is none."""
    import pyarrow

    if kinds <= {"int", "long"} and kinds:
        return pyarrow.int64()
    if kinds <= {"int", "float"} and kinds:
        return pyarrow.float64()
    if kinds == {"bool"}:
        return pyarrow.bool_()
    return pyarrow.string() if kinds <= {"str"} else None


def _text_cell(value: Any, tally: Counter[str], *, is_json: bool) -> str | None:
    if value is None:
        return None
    return json_text(value, tally) if is_json else utf8_text(value, tally)


def _decoded(array: Any, kind: Any) -> Any:
    """Return a column as it was in the file, where reading has put its texts into a dictionary."""
    import pyarrow

    if array.type == kind:
        return array
    try:
        return array.cast(kind)
    except pyarrow.ArrowNotImplementedError:  # views of text
        return pyarrow.array(arrow_cells(array), kind)


def _row_groups(part: Path) -> Iterator[list[Any]]:
    """Yield the batches of a sequence of Arrow streams, as many together as make up a row group."""
    from pyarrow import ipc

    batches: list[Any] = []
    with open(part, "rb") as file:
        size = part.stat().st_size
        while file.tell() < size:
            batches += ipc.open_stream(file)
            num_rows, num_bytes = sum(batch.num_rows for batch in batches), sum(batch.nbytes for batch in batches)
            if num_rows >= _ROW_GROUP_ROWS or num_bytes >= _ROW_GROUP_BYTES:
                yield batches
                batches = []
    if batches:
        yield batches


def _check_writable(columns: Any) -> None:
    """Check that Parquet can hold the columns of a schema.

    Raises:
        SourceError: it cannot; the message names the columns and their types.
    """
    import pyarrow
    from pyarrow import parquet

    faults = []
    for column in columns:
        try:
            schema = pyarrow.schema([column])
            parquet.ParquetWriter(io.BytesIO(), schema).close()
            with pyarrow.ipc.new_stream(io.BytesIO(), schema) as stream:
                stream.write_batch(pyarrow.RecordBatch.from_pylist([], schema))
        except pyarrow.ArrowException:
            faults.append(
                f"the column {column.name!r} has the type {column.type}, which Parquet cannot hold here: leave the "
                "column out, or name an `output` that ends in .jsonl"
            )
    if faults:
        raise SourceError(*faults)
