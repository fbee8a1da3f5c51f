"""Write generated texts into a file: plain text, CSV, TSV, JSON Lines or Parquet, by its suffix.

A table has a row for each text, with the columns of `SAMPLE_COLUMNS`. A column in which no row has a value is left out,
so texts without ratings have none.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqloom.errors import ConfigError
from seqloom.files import check_new_file, check_writable, real_path, replacing_file
from seqloom.registry import WRITERS

__all__ = [
    "SAMPLE_COLUMNS", "SAMPLE_SUFFIXES", "check_sample_file", "has_own_writer", "payload_paths", "write_samples",
]  # fmt: skip

SAMPLE_COLUMNS: Mapping[str, type] = {
    "text": str,
    "prompt": str,
    "temperature": float,
    "rating": str,
    "rating_predicted": float,
    "finish_reason": str,
    "matched": int,
    "seed": int,
    "index": int,
    "tokens": int,
    "log_prob": float,
    "sampling_log_prob": float,
}
"""Columns of a table of texts, and the type of their cells. A rating is a number unless it is a category."""

SAMPLE_SUFFIXES = (".txt", ".csv", ".tsv", ".jsonl", ".parquet")
"""Suffixes of files of generated texts."""


def has_own_writer(path: Path) -> bool:
    """Return whether the suffix is that of a file of music or another kind, which holds one sample, and not a table."""
    suffix = path.suffix.lower()
    return bool(suffix) and suffix not in SAMPLE_SUFFIXES and any(name.endswith(suffix) for name in WRITERS)


def payload_paths(path: Path, count: int) -> list[Path]:
    """Return the path of each sample: the path itself, or several with a number before the suffix."""
    if count == 1:
        return [path]
    width = len(str(count))
    return [path.with_stem(f"{path.stem}-{number:0{width}}") for number in range(1, count + 1)]


def check_sample_file(path: Path, *, may_exist: bool) -> None:
    """Check that generated texts can be written to a file, before they are generated.

    Args:
        path: path of the file.
        may_exist: whether an existing file may be replaced.

    Raises:
        ConfigError: the suffix is unknown, the folder is missing, or there is something at `path`.
        SeqloomError: the folder cannot be written to.
    """
    if path.suffix.lower() not in SAMPLE_SUFFIXES:
        others = dict.fromkeys(name.partition(".")[2] for name in WRITERS)
        raise ConfigError(
            f"`output` got {path}: name a file that ends in {', '.join(SAMPLE_SUFFIXES)} or, for music and drawings, "
            f"in {', '.join(f'.{suffix}' for suffix in others)}"
        )
    check_new_file(path, SAMPLE_SUFFIXES, may_exist=may_exist)
    if not path.parent.is_dir():
        raise ConfigError(f"`output` got {path}, but there is no folder {path.parent}: create it, or name another file")
    check_writable(path)


def write_samples(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write texts into a file, in place of an existing one.

    Args:
        path: path of the file; its suffix chooses the format. A link is followed.
        rows: for each text, cells by column; other columns than those of `SAMPLE_COLUMNS` are left out.

    Raises:
        SeqloomError: the disk is full or the folder is not writable.
    """
    path = real_path(path) if path.is_symlink() else path
    suffix = path.suffix.lower()
    names = [name for name in SAMPLE_COLUMNS if name == "text" or any(row.get(name) is not None for row in rows)]
    with replacing_file(path) as file:
        if suffix == ".parquet":
            _write_parquet(file, names, rows)
        elif suffix == ".txt":
            file.write(_plain_text(rows).encode())
        elif suffix == ".jsonl":
            for row in rows:
                cells = {name: row.get(name) for name in names}
                file.write((json.dumps(cells, ensure_ascii=False) + "\n").encode())
        else:
            file.write(_csv(names, rows, delimiter="\t" if suffix == ".tsv" else ",").encode())


def _plain_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return texts one per line; if one of them has several lines, with an empty line between two texts.

    Texts of several prompts or temperatures have headings, which name them.
    """
    texts = [str(row["text"]).strip("\n") for row in rows]
    origins = [(row.get("prompt"), row.get("temperature")) for row in rows]
    if len(set(origins)) > 1:
        headings = (
            f"--- {number} of {len(rows)}, temperature {temperature}, prompt {prompt!r}"
            for number, (prompt, temperature) in enumerate(origins, 1)
        )
        return "\n".join(f"{heading}\n{text}\n" for heading, text in zip(headings, texts, strict=True))
    separator = "\n\n" if any("\n" in text for text in texts) else "\n"
    return separator.join(texts) + "\n"


def _csv(names: Sequence[str], rows: Sequence[Mapping[str, Any]], *, delimiter: str) -> str:
    """Return a table; in TSV, which has no quotes, line ends and tabs within a cell become spaces."""
    output = io.StringIO()
    if delimiter == ",":
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_text_cell(row.get(name)) for name in names] for row in rows)
        return output.getvalue()
    lines = [names, *([" ".join(_text_cell(row.get(name)).split()) for name in names] for row in rows)]
    return "".join(delimiter.join(line) + "\n" for line in lines)


def _text_cell(value: Any) -> str:
    if value is None:
        return ""
    return str(int(value)) if isinstance(value, bool) else repr(value) if isinstance(value, float) else str(value)


def _write_parquet(file: Any, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    import pyarrow
    from pyarrow import parquet

    types = {str: pyarrow.string(), float: pyarrow.float64(), int: pyarrow.int64()}
    columns = {}
    for name in names:
        values, kind = [row.get(name) for row in rows], SAMPLE_COLUMNS[name]
        if name == "rating" and not any(isinstance(value, str) for value in values):
            kind = float
        cells = [None if value is None else kind(value) for value in values]
        columns[name] = pyarrow.array(cells, types[kind])
    parquet.write_table(pyarrow.table(columns), file)
