"""Rows of Parquet files, in batches that fit into memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from seqloom.corpora.formats.delimited import Row
from seqloom.errors import SourceError

__all__ = ["parquet_columns", "parquet_rows"]

_BATCH_ROWS = 1024


def parquet_columns(path: Path) -> list[str]:
    """The names of the top-level columns.

    Raises:
        SourceError: the file is no Parquet, or is damaged.
    """
    return list(_opened(path).schema_arrow.names)


def parquet_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of a file; only `columns` are read.

    Raises:
        SourceError: the file is damaged.
    """
    import pyarrow

    number = 0
    file = _opened(path)
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=list(dict.fromkeys(columns))):
            for cells in batch.to_pylist():
                number += 1
                yield number, cells
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error
    finally:
        file.close()


def _opened(path: Path) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        return parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> SourceError:
    detail = (str(error).splitlines() or ["unknown reason"])[0]
    return SourceError(f"cannot read {path} as Parquet ({detail}); check that the file is whole")
