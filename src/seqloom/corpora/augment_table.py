"""Reading a table row by row and writing it again with a column more, in the same form."""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from seqloom.config import ReadingConfig
from seqloom.corpora.formats.delimited import check_columns, csv_header, csv_rows, json_rows
from seqloom.corpora.formats.parquet import parquet_columns, parquet_rows
from seqloom.corpora.input_file import Input, examine
from seqloom.corpora.resumable_table import Partial, resumable
from seqloom.corpora.sources import find_places
from seqloom.errors import ConfigError, SourceError

__all__ = ["EMPTY", "ENDINGS", "annotate"]

EMPTY = "row without text"
"""What rows are counted under that keep their place and gain nothing."""

ENDINGS = (".csv", ".tsv", ".tab", ".jsonl", ".ndjson")
"""Of the tables that can be written."""

Annotator = Callable[[Sequence[str]], Sequence[Mapping[str, Any]]]
"""New cells for each of some texts."""


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
    at_once: int = 512,
) -> int:
    """Write a table again with more columns; memory stays flat however long it is.

    Rows without text keep their place, their new cells empty. CSV, TSV, JSON Lines and Parquet are read; what is
    written is CSV, TSV or JSON Lines, by the ending of `output`.

    Args:
        source: the table.
        text: the column that holds the text.
        output: the new table.
        columns: that are added.
        make: the new cells.
        tally: counts the rows that could not be read, by reason, and under `EMPTY` those without text.
        overwrite: replace what `output` holds.
        resume: go on from the rows that an interrupted call has left beside `output`; None leaves and takes none.
        settings: what the new cells hang on, in JSON's types; only with the same ones is a table gone on with.
        at_once: rows that are worked on together, and kept when they are done.

    Returns:
        The number of rows written.

    Raises:
        SourceError: the table cannot be read, lacks the text, has one of the new columns, or two of one name.
        ConfigError: `output` is there already, or its ending is none of `ENDINGS`.
        SeqloomError: it cannot be written to.
    """
    if output.suffix.lower() not in ENDINGS:
        got = f"the ending {output.suffix}" if output.suffix else "no ending"
        raise ConfigError(f"`output` got {output}, which has {got}: name a file that ends in {', '.join(ENDINGS)}")
    if output.is_dir():
        raise ConfigError(f"`output` got {output}, which is a folder: name a file")
    if output.exists() and not overwrite and not resume:
        raise ConfigError(f"{output} is there already: name another file, or give `overwrite`")
    table = _opened(source, text)
    if table.place.path is not None and output.exists() and output.samefile(table.place.path):
        raise ConfigError(f"`output` got {output}, which is the table that is read: name another file")
    header, rows = _header_and_rows(table, text, tally)
    check_columns(table.place.name, dict.fromkeys(header), header)
    taken = [column for column in columns if column in header]
    if taken:
        raise SourceError(f"{table.place.name} has a column {taken[0]} already: rename it, or leave it out")
    origin = {"table": _identity(table), "columns": [*header, *columns], "settings": dict(settings or {})}
    with resumable(output, origin, resume=resume, overwrite=overwrite) as partial:
        write = _writer(partial, output, [*header, *columns])
        for _ in islice(rows, partial.rows):
            pass
        for some, made in _ahead(rows, at_once, text, make, tally):
            for place, cells in enumerate(some):
                write({**cells, **dict.fromkeys(columns), **made.get(place, {})})
            partial.keep(len(some))
        return partial.rows


def _ahead(
    rows: Iterator[Mapping[str, Any]], at_once: int, text: str, make: Annotator, tally: Counter[str]
) -> Iterator[tuple[list[Mapping[str, Any]], dict[int, Mapping[str, Any]]]]:
    """Some rows after others, and the new cells of each by its place; the next ones are made meanwhile."""
    before: tuple[list[Mapping[str, Any]], list[int], Future[Sequence[Mapping[str, Any]]]] | None = None
    with ThreadPoolExecutor(1) as worker:
        while some := list(islice(rows, at_once)):
            texts = [str(cells.get(text) or "") for cells in some]
            full = [place for place, one in enumerate(texts) if one.strip()]
            if len(full) < len(some):
                tally[EMPTY] += len(some) - len(full)
            making = worker.submit(lambda given: make(given) if given else (), [texts[place] for place in full])
            if before is not None:
                yield before[0], dict(zip(before[1], before[2].result(), strict=True))
            before = some, full, making
        if before is not None:
            yield before[0], dict(zip(before[1], before[2].result(), strict=True))


def _identity(table: Input) -> list[Any]:
    """What tells a table from another one, and from what it was before it was changed."""
    path = table.place.path
    if path is None:
        return [table.place.name]
    known = path.stat()
    return [str(path.resolve()), known.st_size, known.st_mtime_ns]


def _opened(source: str | Path, text: str) -> Input:
    places = find_places(str(source), Counter())
    if len(places) != 1:
        raise SourceError(f"{source} is {len(places)} files: name one table")
    return examine(places[0], ReadingConfig(text=text))


def _header_and_rows(table: Input, text: str, tally: Counter[str]) -> tuple[list[str], Iterator[Mapping[str, Any]]]:
    if table.kind == "parquet":
        assert table.place.path is not None
        header = parquet_columns(table.place.path)
        return header, (cells for _, cells in parquet_rows(table.place.path, header))
    if table.kind == "jsonl":
        return _keys(table), (cells for _, cells in json_rows(table.pieces(), tally))
    header, delimiter = csv_header(table.pieces(), text, table.delimiter)
    return header, (cells for _, cells in csv_rows(table.pieces(), delimiter, tally))


def _keys(table: Input) -> list[str]:
    """Every key of a file of JSON Lines: its objects need not have the same ones."""
    keys: dict[str, None] = {}
    for _, cells in json_rows(table.pieces(), Counter()):
        keys.update(dict.fromkeys(cells))
    return list(keys)


def _writer(partial: Partial, output: Path, columns: Sequence[str]) -> Callable[[Mapping[str, Any]], None]:
    """Writes rows, in the form that the name of `output` asks for."""
    kind = output.suffix.lower()
    if kind in (".jsonl", ".ndjson"):
        return lambda cells: _write_json(partial.file, cells)
    tabs = kind in (".tsv", ".tab")
    rows = csv.writer(partial.file, delimiter="\t" if tabs else ",", lineterminator="\n")
    if not partial.rows:
        rows.writerow(columns)
    return lambda cells: rows.writerow([_plain(cells.get(column)) for column in columns])


def _write_json(file: TextIO, cells: Mapping[str, Any]) -> None:
    file.write(json.dumps(cells, ensure_ascii=False, default=str) + "\n")


def _plain(value: Any) -> Any:
    """A cell of CSV: what is no plain value is written as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else value
