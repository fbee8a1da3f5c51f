"""Tables as Parquet, read in batches that fit into memory."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from seqloom.config import ReadingConfig
from seqloom.corpora.encodings import Refused
from seqloom.corpora.formats.arrow_cells import arrow_cells, check_arrow_types, text_bytes
from seqloom.corpora.formats.base import TableFormat, check_table, named_columns
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_columns import Row
from seqloom.errors import SourceError

__all__ = ["ParquetFile", "parquet_batches", "parquet_columns", "parquet_rows", "parquet_schema"]

_BATCH_ROWS = 1024

_MIN_ROWS, _MIN_VALUES, _MIN_BYTES = 1 << 18, 1 << 22, 1 << 26
_ROWS_PER_BYTE, _VALUES_PER_BYTE, _BYTES_PER_BYTE = 1, 8, 64
"""Largest table that is read whatever the size of its file, in rows, values (of lists, for example) and bytes of text,
and the largest table per byte of its file. Repeated values take next to no space in a Parquet file, so that a small
file can stand for a table that no memory holds."""


@dataclass(frozen=True, kw_only=True)
class ParquetFile(TableFormat):
    """A Parquet table.

    Attributes:
        magic: first bytes of every Parquet file.
    """

    name = "parquet"
    magic: ClassVar[bytes] = b"PAR1"

    @classmethod
    def examine(cls, source_file: SourceFile, reading: ReadingConfig) -> Self:
        """Check the columns of a table, and hash it."""
        path = _path(source_file)
        check_table(source_file.name, reading, parquet_columns(path))
        check_arrow_types(source_file.name, parquet_schema(path), named_columns(reading))
        digest = hashlib.sha256()
        for block in source_file.read_blocks():
            digest.update(block)
        return cls(source_file=source_file, sha256=digest.hexdigest())

    def columns(self) -> list[str]:
        """Return the names of the top-level columns."""
        return parquet_columns(_path(self.source_file))

    def schema(self) -> Any:
        """Return the Arrow schema."""
        return parquet_schema(_path(self.source_file))

    def batches(self, columns: Sequence[str], batch_rows: int) -> Iterator[Any]:
        """Yield the rows as Arrow record batches; see `parquet_batches`."""
        return parquet_batches(_path(self.source_file), columns, batch_rows)

    def cells(self, batch: Any, column: str) -> list[Any]:
        """Return the cells of one column of a batch of this file.

        Raises:
            SourceError: a text is not UTF-8.
        """
        return _column_cells(batch.column(column), _path(self.source_file))

    def rows(self, columns: Sequence[str], tally: Counter[str]) -> Iterator[Row]:
        """Yield the rows, each with the cells of `columns` only."""
        return parquet_rows(_path(self.source_file), columns)


def parquet_schema(path: Path) -> Any:
    """Return the Arrow schema of a file.

    Raises:
        SourceError: the file is not Parquet, or is damaged.
    """
    with _open(path) as file:
        return file.schema_arrow


def parquet_columns(path: Path) -> list[str]:
    """Return the names of the top-level columns.

    Raises:
        SourceError: the file is not Parquet, or is damaged.
    """
    return list(parquet_schema(path).names)


def parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a file, each with the cells of `columns` only.

    Raises:
        SourceError: the file is damaged, or stands for a table that is too large for it.
    """
    row_number = 0
    for batch in parquet_batches(path, columns):
        names = batch.schema.names
        cells = [_column_cells(batch.column(index), path) for index in range(len(names))]
        for row in zip(*cells, strict=True) if cells else ((),) * batch.num_rows:
            row_number += 1
            yield row_number, dict(zip(names, row, strict=True))


def _column_cells(array: Any, path: Path) -> list[Any]:
    try:
        return arrow_cells(array)
    except UnicodeDecodeError as error:
        raise _damaged(path, error) from error


def parquet_batches(path: Path, columns: Sequence[str], batch_rows: int = _BATCH_ROWS) -> Iterator[Any]:
    """Yield the rows of a file as Arrow record batches, with `columns` only and strings in dictionaries.

    Raises:
        SourceError: the file is damaged, or stands for a table that is too large for it.
    """
    import pyarrow

    names = list(dict.fromkeys(columns))
    size = path.stat().st_size
    with _open(path) as file:
        chunks = _check_size(file, path, names)
    texts = {chunk.path_in_schema for chunk in chunks if chunk.physical_type == "BYTE_ARRAY"}
    file = _open(path, read_dictionary=sorted(texts))
    try:
        num_bytes = 0
        for batch in file.iter_batches(batch_size=batch_rows, columns=names):
            num_bytes += sum(text_bytes(column) for column in batch.columns)
            if num_bytes > max(_MIN_BYTES, _BYTES_PER_BYTE * size):
                raise _too_large(path, f"more than {num_bytes - 1:,} bytes of text", size)
            yield batch
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    finally:
        file.close()


def _check_size(file: Any, path: Path, names: Sequence[str]) -> list[Any]:
    """Check that columns of a file are not far larger than the file, by what it says; return their column chunks."""
    size = path.stat().st_size
    metadata = file.metadata
    if metadata.num_rows > max(_MIN_ROWS, _ROWS_PER_BYTE * size):
        raise _too_large(path, f"{metadata.num_rows:,} rows", size)
    chunks = [
        (row_group.column(index), file.schema.column(index).length or 0)
        for row_group in map(metadata.row_group, range(metadata.num_row_groups))
        for index in range(row_group.num_columns)
        if row_group.column(index).path_in_schema.split(".")[0] in names
        or row_group.column(index).path_in_schema in names
    ]
    num_values: Counter[str] = Counter()
    num_bytes = 0
    for chunk, value_bytes in chunks:
        num_values[chunk.path_in_schema] += chunk.num_values
        num_bytes += max(chunk.total_uncompressed_size, value_bytes * chunk.num_values)
    if num_values and (most := max(num_values.values())) > max(_MIN_VALUES, _VALUES_PER_BYTE * size):
        raise _too_large(path, f"{most:,} values in one column", size)
    if num_bytes > max(_MIN_BYTES, _BYTES_PER_BYTE * size):
        raise _too_large(path, f"{num_bytes:,} bytes of cells", size)
    return [chunk for chunk, _ in chunks]


def _path(source_file: SourceFile) -> Path:
    assert source_file.path is not None  # only the built-in text has no path
    if source_file.member is not None:
        raise Refused(
            "Parquet file in an archive", f"{source_file.name} is a Parquet file in an archive: extract it first"
        )
    return source_file.path


def _open(path: Path, read_dictionary: Sequence[str] = ()) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path, read_dictionary=list(read_dictionary))
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _too_large(path: Path, content: str, size: int) -> SourceError:
    return SourceError(
        f"{path} has {content} in a file of {size:,} bytes, which is more than a table of texts needs: check where it "
        "comes from, or write it as CSV"
    )


def _damaged(path: Path, error: Exception) -> SourceError:
    detail = (str(error).splitlines() or ["unknown reason"])[0]
    return SourceError(f"cannot read {path} as Parquet ({detail}); check that the file is complete")
