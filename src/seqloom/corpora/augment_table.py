"""Copies a table row by row with further columns.

The new cells of a row are computed from its text: by a detector or a critic, for example.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from seqloom.config import ReadingConfig
from seqloom.config.reading import TABLE_RULES
from seqloom.corpora.formats.arrow_cells import check_arrow_types
from seqloom.corpora.formats.base import TableFormat
from seqloom.corpora.formats.jsonl import JsonLinesFile
from seqloom.corpora.formats.parquet import ParquetFile
from seqloom.corpora.input_file import examine
from seqloom.corpora.parquet_writer import JsonColumns, ParquetColumns, ParquetWriter, read_json_columns
from seqloom.corpora.resumable_table import TABLE_SUFFIXES, PartialTable, remove_table_leftovers, resumable_table
from seqloom.corpora.sources import find_files
from seqloom.corpora.table_cells import TEXT_REASONS, usable_text
from seqloom.corpora.table_columns import check_columns
from seqloom.corpora.table_writers import CsvWriter, JsonLinesWriter, TableRows, TableWriter, TsvWriter
from seqloom.corpora.top_rows import RowSelection, TopRows
from seqloom.errors import ConfigError, SourceError
from seqloom.files import check_new_file, real_path
from seqloom.plural import counted

__all__ = ["TopRows", "annotate", "tally_lines"]

_TEXT_WRITERS: Mapping[str, type[CsvWriter | JsonLinesWriter]] = {
    ".csv": CsvWriter, ".tsv": TsvWriter, ".tab": TsvWriter, ".jsonl": JsonLinesWriter, ".ndjson": JsonLinesWriter,
}  # fmt: skip

_MIN_CELLS, _CELLS_PER_BYTE = 1 << 24, 16
"""Largest table that is made of JSON objects whatever the size of their file, in cells, and the largest per byte.
Objects with different keys would fill a table with empty cells."""

Annotator = Callable[[Sequence[str], Counter[str]], Sequence[Mapping[str, Any]]]
"""Function that receives texts, and returns for each of them its new cells by column. It may count what the user should
know in its second argument, by reason."""


@dataclass(frozen=True)
class _Source:
    """A table that is copied.

    Attributes:
        table: table.
        text_column: column of the text.
        header: names of all columns.
        json_columns: columns of a table of JSON objects; None for other tables.
    """

    table: TableFormat
    text_column: str
    header: Sequence[str]
    json_columns: JsonColumns | None


class _Chunk(NamedTuple):
    """Rows whose new cells are being computed.

    Attributes:
        rows: rows of the source.
        indices_with_text: indices of the rows with text.
        new_cells: new cells of the rows with text, when they have been computed.
        tally: what was counted in these rows, by reason.
    """

    rows: TableRows
    indices_with_text: list[int]
    new_cells: Future[Sequence[Mapping[str, Any]]]
    tally: Counter[str]

    def result(self) -> tuple[TableRows, dict[int, Mapping[str, Any]], Counter[str]]:
        """Wait for the new cells; return the rows, the new cells by the index of their row, and the tally."""
        return self.rows, dict(zip(self.indices_with_text, self.new_cells.result(), strict=True)), self.tally


def annotate(
    source: str | Path,
    text_column: str,
    output: Path,
    columns: Mapping[str, type],
    compute_cells: Annotator,
    tally: Counter[str],
    *,
    overwrite: bool = False,
    resume: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    chunk_rows: int = 512,
    top: TopRows | None = None,
) -> int:
    """Copy a table with further columns; a table of any length needs the same memory.

    Rows without a usable text are copied too, with empty new cells. The source has any table format; `output` is CSV,
    TSV, JSON Lines or Parquet, by its suffix.

    Args:
        source: table.
        text_column: column that holds the text.
        output: new table.
        columns: new columns, and the type of their cells: float, int or str.
        compute_cells: function that computes the new cells of rows from their texts.
        tally: counter that this function increases for each row that cannot be read, for each row without a usable text
            (see `table_cells.TEXT_REASONS`) and for each cell that `output` cannot hold as it is, by reason. A resumed
            call counts in the whole table.
        overwrite: whether an existing `output` is replaced.
        resume: True resumes an interrupted call; False starts a call that can be resumed if it is interrupted; None
            starts a call that cannot be resumed.
        settings: settings that determine the new cells, in JSON types; a resumed call needs the same settings.
        chunk_rows: number of rows that are computed and committed together; a resumed call continues after the last
            committed rows.
        top: rows to write, by the value of a new column; None writes all rows in their order. Such a call cannot be
            resumed.

    Returns:
        The number of rows written.

    Raises:
        SourceError: the table cannot be read, lacks the text column, already has one of the new columns, has two
            columns of the same name, or has a column of a type that `output` cannot hold.
        ConfigError: `output` exists and is not to be replaced, is a folder or the table itself, or has a suffix that is
            not in `TABLE_SUFFIXES`; or `resume` does not fit an interrupted call, or another process writes the table
            (see `resumable_table.resumable_table`).
        SeqloomError: `output` cannot be written.
    """
    if top is not None and resume:
        raise ConfigError("`top` and `resume` contradict each other: which rows are written is known at the end only")
    remove_table_leftovers(output, resume=bool(resume))
    check_new_file(output, TABLE_SUFFIXES, may_exist=overwrite or bool(resume))
    copied = _open_source(source, text_column, output, columns)
    origin = {
        "table": _identity(copied.table),
        "columns": [*copied.header, *columns],
        "settings": dict(settings or {}),
        "rules": TABLE_RULES,
    }
    with resumable_table(output, origin, resume=resume, overwrite=overwrite) as partial_table:
        writer = _open_writer(partial_table, output, copied, columns, tally)
        if not partial_table.num_rows:
            writer.begin()
        all_rows = _row_chunks(copied, chunk_rows, tally, partial_table.num_rows, isinstance(writer, ParquetWriter))
        chunks = _annotated_chunks(all_rows, text_column, compute_cells)
        for rows, new_cells, chunk_tally in chunks if top is None else RowSelection(top).selected(chunks):
            writer.write(rows, new_cells, chunk_tally)
            partial_table.commit(len(rows.cells), chunk_tally)
        partial_table.finish = writer.finish
    tally.update(partial_table.tally)
    return partial_table.num_rows


def tally_lines(tally: Mapping[str, int], column: str) -> Iterator[str]:
    """Yield a line for the user on everything that was counted.

    Args:
        tally: numbers by reason, as `annotate` counts them.
        column: new column that is empty in rows without a usable text.
    """
    for reason, count in tally.items():
        if not count:
            continue
        if reason in TEXT_REASONS:
            yield f"{counted(count, reason)}: {column} is empty there"
        else:
            is_lost = reason.startswith(("row ", "line ", "element ", "empty "))
            yield f"{'skipped: ' if is_lost else ''}{counted(count, reason)}"


def _open_source(source: str | Path, text_column: str, output: Path, columns: Mapping[str, type]) -> _Source:
    """Open a table, and check that it can be copied to `output` with further columns."""
    files = find_files(str(source), Counter())
    if len(files) != 1:
        raise SourceError(f"{source} stands for {len(files)} files: name one table")
    path = files[0].path
    if path is not None and output.exists() and output.samefile(path):
        raise ConfigError(f"`output` got {output}, which is the table that is read: name another file")
    table = examine(files[0], ReadingConfig(text=text_column, strict=True))  # a copy must not lose a damaged byte
    if not isinstance(table, TableFormat):
        raise SourceError(f"{source} is not a table: name a table with a column {text_column!r}")
    name = table.source_file.name
    json_columns = read_json_columns(table.rows((), Counter())) if isinstance(table, JsonLinesFile) else None
    header = table.columns() if json_columns is None else list(json_columns.kinds)
    check_columns(name, required=dict.fromkeys(header), columns=header)  # no name may occur twice
    if existing := [column for column in columns if column in header]:
        raise SourceError(f"{name} has a column {existing[0]} already: rename it, or leave it out")
    if isinstance(table, ParquetFile):
        check_arrow_types(name, table.schema(), header)
    if json_columns is not None and path is not None and not _is_json(output):
        _check_sparseness(name, json_columns, path.stat().st_size)
    return _Source(table, text_column, header, json_columns)


def _is_json(output: Path) -> bool:
    return _TEXT_WRITERS.get(output.suffix.lower()) is JsonLinesWriter


def _check_sparseness(name: str, columns: JsonColumns, num_bytes: int) -> None:
    num_cells = columns.num_rows * len(columns.kinds)
    if num_cells > max(_MIN_CELLS, _CELLS_PER_BYTE * num_bytes):
        raise SourceError(
            f"{name} has {len(columns.kinds):,} different keys in {columns.num_rows:,} objects, too many for columns: "
            "name an `output` that ends in .jsonl"
        )


def _open_writer(
    partial_table: PartialTable, output: Path, source: _Source, columns: Mapping[str, type], tally: Counter[str]
) -> TableWriter:
    """Return the writer of a table; the suffix of `output` chooses its format."""
    file = partial_table.file
    text_writer = _TEXT_WRITERS.get(output.suffix.lower())
    if text_writer is not None:
        return text_writer(file, source.header, list(columns))
    if isinstance(source.table, ParquetFile):
        return ParquetWriter(file, ParquetColumns(source.header, source.table.schema()), columns)
    if source.json_columns is not None:
        return ParquetWriter(file, ParquetColumns.of_json(source.json_columns, tally), columns)
    return ParquetWriter(file, ParquetColumns.of_texts(source.header), columns)


def _row_chunks(
    source: _Source, chunk_rows: int, tally: Counter[str], num_skipped: int, keeps_arrow: bool
) -> Iterator[TableRows]:
    """Yield the rows of a table in chunks, without the first `num_skipped`, which are read and counted all the same."""
    if keeps_arrow and isinstance(source.table, ParquetFile):
        for batch in source.table.batches(source.header, chunk_rows):
            kept = batch.slice(num_skipped)
            num_skipped = max(0, num_skipped - batch.num_rows)
            if kept.num_rows:
                texts = source.table.cells(kept, source.text_column)
                yield TableRows([{source.text_column: text} for text in texts], kept)
        return
    rows = islice(source.table.rows(source.header, tally), num_skipped, None)
    while cells := [row_cells for _, row_cells in islice(rows, chunk_rows)]:
        yield TableRows(cells)


def _annotated_chunks(
    chunks: Iterator[TableRows], text_column: str, compute_cells: Annotator
) -> Iterator[tuple[TableRows, dict[int, Mapping[str, Any]], Counter[str]]]:
    """Yield the rows of a chunk, the new cells by the index of their row in the chunk, and what was counted.

    While the caller writes a chunk, a second thread computes the next one.
    """
    previous: _Chunk | None = None
    with ThreadPoolExecutor(1) as worker:
        for rows in chunks:
            tally: Counter[str] = Counter()
            texts = [usable_text(cells.get(text_column), tally) for cells in rows.cells]
            indices_with_text = [index for index, text in enumerate(texts) if text is not None]
            usable = [text for text in texts if text is not None]
            future = worker.submit(partial(_computed, compute_cells, usable, tally))
            if previous is not None:
                yield previous.result()
            previous = _Chunk(rows, indices_with_text, future, tally)
        if previous is not None:
            yield previous.result()


def _computed(compute_cells: Annotator, texts: Sequence[str], tally: Counter[str]) -> Sequence[Mapping[str, Any]]:
    return compute_cells(texts, tally) if texts else ()


def _identity(table: TableFormat) -> list[Any]:
    """Return values that change when the table changes, in JSON types."""
    path = table.source_file.path
    if path is None:
        return [table.source_file.name]
    status = path.stat()
    return [str(real_path(path)), status.st_size, status.st_mtime_ns]
