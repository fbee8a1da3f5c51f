"""Copies a table row by row with further columns.

The new cells of a row are computed from its text: by a detector or a critic, for example.
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from seqloom.config import ReadingConfig
from seqloom.corpora.formats.base import TableFormat
from seqloom.corpora.input_file import examine
from seqloom.corpora.resumable_table import PartialTable, remove_table_leftovers, resumable_table
from seqloom.corpora.sources import find_files
from seqloom.corpora.table_columns import Row, check_columns
from seqloom.errors import ConfigError, SourceError

__all__ = ["OUTPUT_SUFFIXES", "ROW_WITHOUT_TEXT", "annotate"]

ROW_WITHOUT_TEXT = "row without text"
"""Reason under which rows without text are counted; they are copied with empty new cells."""

OUTPUT_SUFFIXES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson")
"""Suffixes of the new table, which choose its format."""

Annotator = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]
"""Function that receives texts, and returns for each of them its new cells by column."""


class _Chunk(NamedTuple):
    """Rows whose new cells are being computed.

    Attributes:
        row_cells: old cells of each row, by column.
        indices_with_text: indices in `row_cells` of the rows with text.
        new_cells: new cells of the rows with text, when they have been computed.
    """

    row_cells: list[Mapping[str, Any]]
    indices_with_text: list[int]
    new_cells: Future[Sequence[Mapping[str, Any]]]

    def result(self) -> tuple[list[Mapping[str, Any]], dict[int, Mapping[str, Any]]]:
        """Wait for the new cells; return the old cells of each row, and the new cells by the index of their row."""
        return self.row_cells, dict(zip(self.indices_with_text, self.new_cells.result(), strict=True))


def annotate(
    source: str | Path,
    text_column: str,
    output: Path,
    columns: Sequence[str],
    compute_cells: Annotator,
    tally: Counter[str],
    *,
    overwrite: bool = False,
    resume: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    chunk_rows: int = 512,
) -> int:
    """Copy a table with further columns; a table of any length needs the same memory.

    Rows without text are copied too, with empty new cells. The source has any table format; `output` is CSV, TSV or
    JSON Lines, by its suffix.

    Args:
        source: table.
        text_column: column that holds the text.
        output: new table.
        columns: new columns.
        compute_cells: function that computes the new cells of rows from their texts.
        tally: counter that this function increases for each row that cannot be read, by reason, and for each row
            without text, under `ROW_WITHOUT_TEXT`.
        overwrite: whether an existing `output` is replaced.
        resume: True resumes an interrupted call; False starts a call that can be resumed if it is interrupted; None
            starts a call that cannot be resumed.
        settings: settings that determine the new cells, in JSON types; a resumed call needs the same settings.
        chunk_rows: number of rows that are computed and committed together; a resumed call continues after the last
            committed rows.

    Returns:
        The number of rows written.

    Raises:
        SourceError: the table cannot be read, lacks the text column, already has one of the new columns, or has two
            columns of the same name.
        ConfigError: `output` exists and is not to be replaced, is a folder or the table itself, or has a suffix that is
            not in `OUTPUT_SUFFIXES`; or `resume` does not fit an interrupted call, or another process writes the table
            (see `resumable_table.resumable_table`).
        SeqloomError: `output` cannot be written.
    """
    remove_table_leftovers(output, resume=bool(resume))
    _check_output(output, may_exist=overwrite or bool(resume))
    table = _open_table(source, text_column)
    name, path = table.source_file.name, table.source_file.path
    if path is not None and output.exists() and output.samefile(path):
        raise ConfigError(f"`output` got {output}, which is the table that is read: name another file")
    header = table.columns()
    check_columns(name, required=dict.fromkeys(header), columns=header)  # no name may occur twice
    if existing := [column for column in columns if column in header]:
        raise SourceError(f"{name} has a column {existing[0]} already: rename it, or leave it out")
    rows = table.rows(header, tally)
    origin = {"table": _identity(table), "columns": [*header, *columns], "settings": dict(settings or {})}
    with resumable_table(output, origin, resume=resume, overwrite=overwrite) as partial_table:
        write_row = _row_writer(partial_table, output, [*header, *columns])
        for _ in islice(rows, partial_table.num_rows):
            pass  # the interrupted call has already written this row
        for chunk, new_cells in _annotated_chunks(rows, chunk_rows, text_column, compute_cells, tally):
            for index, cells in enumerate(chunk):
                # `dict.fromkeys` makes the new columns empty; they stay empty in a row without text.
                write_row({**cells, **dict.fromkeys(columns), **new_cells.get(index, {})})
            partial_table.commit(len(chunk))
        return partial_table.num_rows


def _check_output(output: Path, *, may_exist: bool) -> None:
    if output.suffix.lower() not in OUTPUT_SUFFIXES:
        got = f"the ending {output.suffix}" if output.suffix else "no ending"
        raise ConfigError(
            f"`output` got {output}, which has {got}: name a file that ends in {', '.join(OUTPUT_SUFFIXES)}"
        )
    if output.is_dir():
        raise ConfigError(f"`output` got {output}, which is a folder: name a file")
    if output.exists() and not may_exist:
        raise ConfigError(f"{output} exists already: name another file, or give `overwrite`")


def _annotated_chunks(
    rows: Iterator[Row], chunk_rows: int, text_column: str, compute_cells: Annotator, tally: Counter[str]
) -> Iterator[tuple[list[Mapping[str, Any]], dict[int, Mapping[str, Any]]]]:
    """Yield the old cells of each row of a chunk, and the new cells by the index of their row in the chunk.

    While the caller writes a chunk, a second thread computes the next one.
    """
    previous: _Chunk | None = None
    with ThreadPoolExecutor(1) as worker:
        while chunk := [cells for _, cells in islice(rows, chunk_rows)]:
            texts = [str(cells.get(text_column) or "") for cells in chunk]
            indices_with_text = [index for index, text in enumerate(texts) if text.strip()]
            if len(indices_with_text) < len(chunk):
                tally[ROW_WITHOUT_TEXT] += len(chunk) - len(indices_with_text)
            future = worker.submit(
                lambda nonempty: compute_cells(nonempty) if nonempty else (),
                [texts[index] for index in indices_with_text],
            )
            if previous is not None:
                yield previous.result()
            previous = _Chunk(chunk, indices_with_text, future)
        if previous is not None:
            yield previous.result()


def _identity(table: TableFormat) -> list[Any]:
    """Return values that change when the table changes, in JSON types."""
    path = table.source_file.path
    if path is None:
        return [table.source_file.name]
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]


def _open_table(source: str | Path, text_column: str) -> TableFormat:
    files = find_files(str(source), Counter())
    if len(files) != 1:
        raise SourceError(f"{source} stands for {len(files)} files: name one table")
    table = examine(files[0], ReadingConfig(text=text_column, strict=True))  # a copy must not lose a damaged byte
    if not isinstance(table, TableFormat):
        raise SourceError(f"{source} is not a table: name a table with a column {text_column!r}")
    return table


def _row_writer(
    partial_table: PartialTable, output: Path, columns: Sequence[str]
) -> Callable[[Mapping[str, Any]], None]:
    """Return a function that writes the cells of a row; the suffix of `output` chooses the format."""
    suffix = output.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return lambda cells: _write_json(partial_table.file, cells)
    delimiter = "\t" if suffix in (".tsv", ".tab") else ","
    writer = csv.writer(partial_table.file, delimiter=delimiter, lineterminator="\n")
    if not partial_table.num_rows:
        writer.writerow(columns)
    return lambda cells: writer.writerow([_csv_cell(cells.get(column)) for column in columns])


def _write_json(file: TextIO, cells: Mapping[str, Any]) -> None:
    file.write(json.dumps(cells, ensure_ascii=False, default=str) + "\n")


def _csv_cell(value: Any) -> Any:
    """Return the value of a CSV cell: JSON for an object or a list, which CSV cannot hold; else `value` itself."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
