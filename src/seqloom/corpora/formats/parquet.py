"""Tables as Parquet, read in batches that fit into memory."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from seqloom.config import ReadingConfig
from seqloom.corpora.formats.base import TableFormat, check_table
from seqloom.corpora.sources import SourceFile
from seqloom.corpora.table_columns import Row
from seqloom.errors import SourceError

__all__ = ["ParquetFile", "parquet_columns", "parquet_rows"]

_BATCH_ROWS = 1024


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
        check_table(source_file.name, reading, parquet_columns(_path(source_file)))
        digest = hashlib.sha256()
        for block in source_file.read_blocks():
            digest.update(block)
        return cls(source_file=source_file, sha256=digest.hexdigest())

    def columns(self) -> list[str]:
        """Return the names of the top-level columns."""
        return parquet_columns(_path(self.source_file))

    def rows(self, columns: Sequence[str], tally: Counter[str]) -> Iterator[Row]:
        """Yield the rows, each with the cells of `columns` only."""
        return parquet_rows(_path(self.source_file), columns)


def parquet_columns(path: Path) -> list[str]:
    """Return the names of the top-level columns.

    Raises:
        SourceError: the file is not Parquet, or is damaged.
    """
    return list(_open(path).schema_arrow.names)


def parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a file, each with the cells of `columns` only.

    Raises:
        SourceError: the file is damaged.
    """
    import pyarrow

    row_number = 0
    file = _open(path)
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=list(dict.fromkeys(columns))):
            for cells in batch.to_pylist():
                row_number += 1
                yield row_number, cells
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
    finally:
        file.close()


def _path(source_file: SourceFile) -> Path:
    assert source_file.path is not None  # only the built-in text has no path
    return source_file.path


def _open(path: Path) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> SourceError:
    detail = (str(error).splitlines() or ["unknown reason"])[0]
    return SourceError(f"cannot read {path} as Parquet ({detail}); check that the file is complete")
