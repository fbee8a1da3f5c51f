"""Copies a table row by row with further columns."""

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
from seqloom.corpora.resumable_table import PartialTable, resumable_table
from seqloom.corpora.sources import find_files
from seqloom.corpora.table_columns import Row, check_columns
from seqloom.errors import ConfigError, SourceError

__all__ = ["OUTPUT_SUFFIXES", "ROW_WITHOUT_TEXT", "annotate"]

ROW_WITHOUT_TEXT = "row without text"
"""Reason under which rows without text are counted; they keep their place, with empty new cells."""

OUTPUT_SUFFIXES = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson")

Annotator = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]
"""Function from texts to the new cells of each."""


class _Chunk(NamedTuple):
    """Rows in progress.

    Attributes:
        rows: cells of each row.
        places: index of each row with text.
        new_cells: new cells of the rows with text, once computed.
    """

    rows: list[Mapping[str, Any]]
    places: list[int]
    new_cells: Future[Sequence[Mapping[str, Any]]]

    def result(self) -> tuple[list[Mapping[str, Any]], dict[int, Mapping[str, Any]]]:
        """Return the rows, and the new cells by index of the row."""
        return self.rows, dict(zip(self.places, self.new_cells.result(), strict=True))


def annotate(
    source: str | Path,
    text: str,
    output: Path,
    columns: Sequence[str],
    make: Annotator,
    tally: Counter[str],
    *,
    overwrite: bool = False,
    resume: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    chunk_rows: int = 512,
) -> int:
    """Copy a table with further columns; memory is bounded at any length.

    Rows without text keep their place, with empty new cells. The source has any table format; `output` is CSV, TSV or
    JSON Lines, by its suffix.

    Args:
        source: table.
        text: column that holds the text.
        output: new table.
        columns: new columns.
        make: function that computes the new cells.
        tally: number of rows that cannot be read, by reason, and of rows without text, under `ROW_WITHOUT_TEXT`.
        overwrite: whether an existing `output` is replaced.
        resume: True resumes an interrupted call; False starts one that can be resumed; None starts one that cannot.
        settings: settings that determine the new cells, in JSON types; a resumed call needs the same settings.
        chunk_rows: rows that are computed and committed together.

    Returns:
        The number of rows written.

    Raises:
        SourceError: the table cannot be read, lacks the text, has one of the new columns, or two columns of one name.
        ConfigError: `output` exists, or its suffix is not in `OUTPUT_SUFFIXES`.
        SeqloomError: `output` cannot be written.
    """
    _check_output(output, may_exist=overwrite or bool(resume))
    table = _open_table(source, text)
    name, path = table.source_file.name, table.source_file.path
    if path is not None and output.exists() and output.samefile(path):
        raise ConfigError(f"`output` got {output}, which is the table that is read: name another file")
    header = table.columns()
    check_columns(name, dict.fromkeys(header), header)
    if existing := [column for column in columns if column in header]:
        raise SourceError(f"{name} has a column {existing[0]} already: rename it, or leave it out")
    rows = table.rows(header, tally)
    origin = {"table": _identity(table), "columns": [*header, *columns], "settings": dict(settings or {})}
    with resumable_table(output, origin, resume=resume, overwrite=overwrite) as partial:
        write = _row_writer(partial, output, [*header, *columns])
        for _ in islice(rows, partial.num_rows):
            pass
        for chunk, new_cells in _annotated_chunks(rows, chunk_rows, text, make, tally):
            for index, cells in enumerate(chunk):
                write({**cells, **dict.fromkeys(columns), **new_cells.get(index, {})})
            partial.commit(len(chunk))
        return partial.num_rows


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
    rows: Iterator[Row], chunk_rows: int, text: str, make: Annotator, tally: Counter[str]
) -> Iterator[tuple[list[Mapping[str, Any]], dict[int, Mapping[str, Any]]]]:
    """Yield chunks of rows with their new cells by index; the next chunk is computed meanwhile."""
    previous: _Chunk | None = None
    with ThreadPoolExecutor(1) as worker:
        while chunk := [cells for _, cells in islice(rows, chunk_rows)]:
            texts = [str(cells.get(text) or "") for cells in chunk]
            places = [index for index, value in enumerate(texts) if value.strip()]
            if len(places) < len(chunk):
                tally[ROW_WITHOUT_TEXT] += len(chunk) - len(places)
            future = worker.submit(
                lambda nonempty: make(nonempty) if nonempty else (), [texts[index] for index in places]
            )
            if previous is not None:
                yield previous.result()
            previous = _Chunk(chunk, places, future)
        if previous is not None:
            yield previous.result()


def _identity(table: TableFormat) -> list[Any]:
    """Return values that change when the table changes, in JSON types."""
    path = table.source_file.path
    if path is None:
        return [table.source_file.name]
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]


def _open_table(source: str | Path, text: str) -> TableFormat:
    files = find_files(str(source), Counter())
    if len(files) != 1:
        raise SourceError(f"{source} is {len(files)} files: name one table")
    table = examine(files[0], ReadingConfig(text=text))
    if not isinstance(table, TableFormat):
        raise SourceError(f"{source} is not a table: name a table with a column {text!r}")
    return table


def _row_writer(partial: PartialTable, output: Path, columns: Sequence[str]) -> Callable[[Mapping[str, Any]], None]:
    """Return a function that writes a row in the format of the suffix of `output`."""
    suffix = output.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return lambda cells: _write_json(partial.file, cells)
    delimiter = "\t" if suffix in (".tsv", ".tab") else ","
    writer = csv.writer(partial.file, delimiter=delimiter, lineterminator="\n")
    if not partial.num_rows:
        writer.writerow(columns)
    return lambda cells: writer.writerow([_csv_cell(cells.get(column)) for column in columns])


def _write_json(file: TextIO, cells: Mapping[str, Any]) -> None:
    file.write(json.dumps(cells, ensure_ascii=False, default=str) + "\n")


def _csv_cell(value: Any) -> Any:
    """Return a cell of CSV: objects and lists as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
