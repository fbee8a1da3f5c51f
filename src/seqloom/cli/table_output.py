"""Write a new table to a file or, for the name "-", to standard output as CSV."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from seqloom.corpora.resumable_table import TABLE_SUFFIXES
from seqloom.errors import ConfigError
from seqloom.files import check_new_file

__all__ = ["STANDARD_OUTPUT", "table_output"]

STANDARD_OUTPUT = Path("-")
"""Name of standard output."""


@contextlib.contextmanager
def table_output(output: Path, *, as_json: bool, may_exist: bool) -> Iterator[Path]:
    """Yield the path of the table to write; for standard output, a temporary file that is printed at the end.

    Args:
        output: path of the table, or `STANDARD_OUTPUT`.
        as_json: whether the command prints JSON.
        may_exist: whether an existing file may be replaced or continued.

    Raises:
        ConfigError: the file cannot be such a table, or standard output is to receive both the table and JSON.
    """
    if output != STANDARD_OUTPUT:
        check_new_file(output, TABLE_SUFFIXES, may_exist=may_exist)
        yield output
        return
    if as_json:
        raise ConfigError("`output` - and `json` contradict each other: both are for standard output; leave out one")
    with tempfile.TemporaryDirectory(prefix="seqloom-") as folder:
        table = Path(folder) / "table.csv"
        yield table
        sys.stdout.flush()
        with table.open("rb") as file:
            while block := file.read(1 << 20):
                sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()
