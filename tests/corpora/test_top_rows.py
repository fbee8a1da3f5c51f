"""The rows of a table with the highest values of a new column, in every format."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from pyarrow import parquet

from seqloom.corpora.augment_table import TopRows, annotate
from seqloom.errors import ConfigError

TEXTS = [f"text {'x' * (7 * row % 11)} {row}" for row in range(40)] + [""]


def write(path: Path) -> Path:
    rows = [{"id": row, "text": text} for row, text in enumerate(TEXTS)]
    if path.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["id", "text"])
            writer.writeheader()
            writer.writerows(rows)
    return path


def read(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def measured(texts: Any, tally: Counter[str]) -> list[dict[str, Any]]:
    tally["text"] += len(texts)
    return [{"size": float(text.count("x")), "odd": int(text.endswith("3"))} for text in texts]


@pytest.mark.parametrize("source", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("output", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(("number", "excluded"), [(5, None), (5, "odd"), (1, None), (100, None)])
def test_the_best_rows_come_first(tmp_path: Path, source: str, output: str, number: int, excluded: str | None) -> None:
    table, target, tally = write(tmp_path / f"in.{source}"), tmp_path / f"out.{output}", Counter[str]()
    columns = {"size": float, "odd": int}
    top = TopRows("size", number, excluded)
    count = annotate(table, "text", target, columns, measured, tally, top=top, chunk_rows=7)
    kept = [row for row in range(40) if excluded is None or not TEXTS[row].endswith("3")]
    expected = sorted(kept, key=lambda row: (-TEXTS[row].count("x"), row))[:number]
    rows = read(target)
    assert [int(row["id"]) for row in rows] == expected
    assert [row["text"] for row in rows] == [TEXTS[row] for row in expected]
    assert [float(row["size"]) for row in rows] == [TEXTS[row].count("x") for row in expected]
    assert count == len(expected)
    assert tally["text"] == 40
    assert {path.name for path in tmp_path.iterdir()} == {table.name, target.name}


def test_a_selection_cannot_be_resumed(tmp_path: Path) -> None:
    table = write(tmp_path / "in.csv")
    with pytest.raises(ConfigError, match="`top` and `resume` contradict each other"):
        annotate(
            table,
            "text",
            tmp_path / "out.csv",
            {"size": float},
            measured,
            Counter(),
            top=TopRows("size", 2),
            resume=True,
        )
