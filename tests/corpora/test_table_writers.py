"""Copies of tables in every format: nothing is lost, changed or added without a word."""

import csv
import json
import math
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from seqloom.corpora.augment_table import annotate, tally_lines
from seqloom.errors import ConfigError, SeqloomError, SourceError

FORMATS = ("csv", "tsv", "jsonl", "parquet")


def copy(source: Path, output: Path, *, number: float = 1 / 3, **settings: Any) -> Counter[str]:
    tally: Counter[str] = Counter()

    def compute(texts: Any, _: Counter[str]) -> list[dict[str, float]]:
        return [{"p": number} for _ in texts]

    annotate(source, "text", output, {"p": float}, compute, tally, **settings)
    return tally


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pylist()
    if path.suffix == ".jsonl":
        return [json.loads(line, parse_constant=pytest.fail) for line in path.read_text(encoding="utf-8").splitlines()]
    with open(path, encoding="utf-8", newline="") as file:
        if path.suffix == ".csv":
            return list(csv.DictReader(file))
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("source", ["csv", "jsonl", "json", "parquet"])
def test_every_format_becomes_every_format(tmp_path: Path, source: str, output: str) -> None:
    rows = [{"text": 'One "two", three', "n": 1}, {"text": "", "n": 2}, {"text": "four\tfive\r\nsix", "n": 3}]
    path = tmp_path / f"in.{source}"
    if source == "csv":
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["text", "n"], quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(rows)
    elif source == "parquet":
        parquet.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text(json.dumps(rows) if source == "json" else "".join(json.dumps(row) + "\n" for row in rows))
    tally = copy(path, tmp_path / f"out.{output}")
    copied = rows_of(tmp_path / f"out.{output}")
    spaces = {"cell with a tab or line end, written as a space": 1} if output == "tsv" else {}
    assert tally == {"row with empty text": 1, **spaces}
    texts = [row["text"].replace("\t", " ").replace("\r\n", " ") if output == "tsv" else row["text"] for row in rows]
    assert [row["text"] or "" for row in copied] == texts
    assert [int(row["n"]) for row in copied] == [1, 2, 3]
    assert [row["p"] and float(row["p"]) for row in copied] in ([1 / 3, "", 1 / 3], [1 / 3, None, 1 / 3])


def arrow_columns() -> dict[str, tuple[pa.Array, Any]]:
    """Return a column of one cell and a null for every type that Parquet holds, and the cell as JSON shows it."""
    day, columns = 86_400, dict[str, tuple[pa.Array, Any]]()
    for unit, scale in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        integers = pa.array([day * scale, None], pa.int64())
        columns[f"timestamp {unit}"] = integers.cast(pa.timestamp(unit)), "1970-01-02 00:00:00"
        columns[f"zone {unit}"] = integers.cast(pa.timestamp(unit, "Europe/Berlin")), "1970-01-02 01:00:00+01:00"
        columns[f"duration {unit}"] = integers.cast(pa.duration(unit)), "PT86400S"
        time = pa.time32(unit) if scale <= 10**3 else pa.time64(unit)
        base = pa.int32() if scale <= 10**3 else pa.int64()
        columns[f"time {unit}"] = pa.array([61 * scale, None], base).cast(time), "00:01:01"
    nanoseconds = pa.array([1577923200000000123, None], pa.int64())
    columns["nanoseconds"] = nanoseconds.cast(pa.timestamp("ns")), "2020-01-02 00:00:00.000000123"
    columns["far year"] = (
        pa.array([254402300800000, None], pa.int64()).cast(pa.timestamp("ms")),
        str(np.datetime64(254402300800, "s")).replace("T", " "),
    )
    columns["short"] = pa.array([-1, None], pa.int64()).cast(pa.duration("ns")), "-PT0.000000001S"
    columns["date32"] = pa.array([2**31 - 1, None], pa.int32()).cast(pa.date32()), "5881580-07-11"
    columns["date64"] = pa.array([0, None], pa.int64()).cast(pa.date64()), "1970-01-01"
    for width in (pa.decimal32(5, 2), pa.decimal64(10, 2), pa.decimal128(30, 2), pa.decimal256(70, 2)):
        columns[str(width)] = pa.array([Decimal("1.20"), None], width), "1.20"
    for width in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()):
        columns[str(width)] = pa.array([7, None], width), 7
    columns["half"] = pa.array([np.float16(1.5), None], pa.float16()), 1.5
    columns["float"] = pa.array([0.5, None], pa.float32()), 0.5
    columns["nan"] = pa.array([math.nan, None]), None
    columns["infinite"] = pa.array([[math.inf, 1.0], None]), [None, 1.0]
    columns["bool"] = pa.array([True, None]), True
    columns["null"] = pa.nulls(2), None
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        columns[str(kind)] = pa.array(["a\rb", None], kind), "a\rb"
    for kind in (pa.binary(), pa.binary(2), pa.large_binary(), pa.binary_view()):
        columns[str(kind)] = pa.array([b"\xff\x00", None], kind), "/wA="
    for kind in (pa.list_, pa.large_list, pa.list_view, pa.large_list_view):
        columns[kind.__name__] = pa.array([[1, None], None], kind(pa.int64())), [1, None]
    columns["fixed list"] = pa.array([[1, 2], None], pa.list_(pa.int8(), 2)), [1, 2]
    columns["nested"] = pa.array([[[date(2020, 1, 2)]], None]), [["2020-01-02"]]
    columns["struct"] = (
        pa.array([{"a": date(2020, 1, 2), "b": [Decimal("1.5")]}, None]),
        {"a": "2020-01-02", "b": ["1.5"]},
    )
    columns["map"] = pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())), [["a", 1]]
    columns["dictionary"] = pa.array(["a", None]).dictionary_encode(), "a"
    columns["uuid"] = (
        pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16), None], pa.binary(16))),
        "00000000-0000-0000-0000-000000000000",
    )
    columns["json"] = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a":1}', None])), '{"a":1}'
    return columns


COLUMNS = arrow_columns()


@pytest.mark.parametrize("name", COLUMNS)
def test_every_parquet_type_is_copied(tmp_path: Path, name: str) -> None:
    array, expected = COLUMNS[name]
    source = tmp_path / "in.parquet"
    parquet.write_table(pa.table({"text": ["one", "two"], "column": array}), source)
    for output in FORMATS:
        copy(source, tmp_path / f"out.{output}")
    assert [row["column"] for row in rows_of(tmp_path / "out.jsonl")] == [expected, None]
    for delimited in (tmp_path / "out.csv", tmp_path / "out.tsv"):
        assert [row["text"] for row in rows_of(delimited)] == ["one", "two"]
        assert rows_of(delimited)[1]["column"] == ""
    if isinstance(expected, str):
        assert rows_of(tmp_path / "out.csv")[0]["column"] == expected
    elif isinstance(expected, list | dict):
        assert json.loads(rows_of(tmp_path / "out.csv")[0]["column"]) == expected
    before, after = parquet.read_table(source), parquet.read_table(tmp_path / "out.parquet")
    assert after.schema.field("column").type == before.schema.field("column").type
    assert str(after["column"]) == str(before["column"])
    assert after["p"].to_pylist() == [1 / 3, 1 / 3]


def test_a_type_that_cannot_be_copied_is_refused_before_work(tmp_path: Path) -> None:
    source = tmp_path / "in.parquet"
    twins = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["a", "a"])
    parquet.write_table(pa.table({"text": ["one"], "twins": twins}), source)
    with pytest.raises(SourceError, match="the column 'twins' has the type struct<a: int64, a: int64>"):
        copy(source, tmp_path / "out.csv")
    kind: Any = pa.int8()
    for _ in range(80):
        kind = pa.struct([("a", kind)])
    parquet.write_table(pa.table({"text": ["one"], "deep": pa.nulls(1, kind)}), source)
    with pytest.raises(SourceError, match="the column 'deep' has the type struct"):
        copy(source, tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["in.parquet"]


def test_json_keeps_half_pairs_and_has_no_infinity(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "a \\ud83d b", "\\ud83d": "\\ude00", "n": [Infinity, NaN]}\n{"text": "c"}\n')
    tally = copy(source, tmp_path / "out.jsonl")
    first, second = rows_of(tmp_path / "out.jsonl")
    assert first == {"text": "a \ud83d b", "\ud83d": "\ude00", "n": [None, None], "p": None}
    assert second == {"text": "c", "p": 1 / 3}
    assert tally == {"row with half a surrogate pair": 1, "number that is NaN or infinite, written as null": 2}
    assert copy(source, tmp_path / "out.csv")["cell with half a surrogate pair, written as U+FFFD"] == 2
    assert copy(source, tmp_path / "out.parquet")["cell with half a surrogate pair, written as U+FFFD"] == 3
    assert parquet.read_table(tmp_path / "out.parquet").schema.names == ["text", "\ufffd", "n", "p"]


def test_two_keys_that_only_json_can_tell_apart_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "a", "\\ud83d": 1, "\\ud83e": 2}\n')
    for output in ("csv", "tsv", "parquet"):
        with pytest.raises(SourceError, match="which only JSON can tell apart"):
            copy(source, tmp_path / f"out.{output}")


def test_columns_of_json_have_types_in_parquet(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(
        '{"text": "a", "i": 1, "f": 1, "b": true, "mixed": 1, "big": 123456789012345678901, "list": [1]}\n'
        '{"text": "b", "i": 9007199254740993, "f": 0.5, "b": null, "mixed": "x"}\n'
    )
    tally = copy(source, tmp_path / "out.parquet")
    schema = parquet.read_schema(tmp_path / "out.parquet")
    assert {name: str(schema.field(name).type) for name in schema.names} == {
        "text": "string", "i": "int64", "f": "double", "b": "bool", "mixed": "string", "big": "string",
        "list": "string", "p": "double",
    }  # fmt: skip
    assert rows_of(tmp_path / "out.parquet")[0]["big"] == "123456789012345678901"
    assert [row["mixed"] for row in rows_of(tmp_path / "out.parquet")] == ["1", '"x"']
    assert tally == {"column of lists, objects or several types, written as JSON text": 3}


@pytest.mark.parametrize("cell", ["0", "1984", "true", '["a"]', '{"a": "b"}'])
def test_text_that_is_no_string_is_copied_and_not_read(tmp_path: Path, cell: str) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text(f'{{"text": {cell}}}\n{{"text": "b"}}\n')
    assert copy(source, tmp_path / "out.jsonl") == {"row whose text is not a string": 1}
    assert rows_of(tmp_path / "out.jsonl") == [{"text": json.loads(cell), "p": None}, {"text": "b", "p": 1 / 3}]


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("number", [3.2e-5, 0.9999938552875928, 1 - 2**-53, 5e-324, 0.1 + 0.2])
def test_numbers_keep_all_their_digits(tmp_path: Path, output: str, number: float) -> None:
    (tmp_path / "in.csv").write_text("text\na\n")
    copy(tmp_path / "in.csv", tmp_path / f"out.{output}", number=number)
    assert float(rows_of(tmp_path / f"out.{output}")[0]["p"]) == number


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
def test_the_table_itself_is_no_output(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "t.csv").write_text("text\na\n")
    copy(tmp_path / "t.csv", tmp_path / f"in.{suffix}")
    content = (tmp_path / f"in.{suffix}").read_bytes()
    (tmp_path / f"link.{suffix}").symlink_to(tmp_path / f"in.{suffix}")
    for output in (f"in.{suffix}", f"link.{suffix}"):
        with pytest.raises(ConfigError, match="which is the table that is read"):
            copy(tmp_path / f"in.{suffix}", tmp_path / output, overwrite=True)
    assert (tmp_path / f"in.{suffix}").read_bytes() == content


def test_a_lone_return_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a\\rb", "n": null}\n')
    copy(tmp_path / "in.jsonl", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == b'text,n,p\n"a\rb","","0.3333333333333333"\n'


def test_objects_with_ever_new_keys_are_no_columns(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text("".join(f'{{"text": "a", "k{row}": 1}}\n' for row in range(5000)))
    with pytest.raises(SourceError, match=r"5,001 different keys in 5,000 objects.*ends in \.jsonl"):
        copy(tmp_path / "in.jsonl", tmp_path / "out.csv")
    copy(tmp_path / "in.jsonl", tmp_path / "out.jsonl")


def test_deep_cells_are_copied_or_refused(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "a", "deep": ' + "[" * 400 + "]" * 400 + "}\n")
    copy(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n{"text": "b", "deep": ' + "[" * 200_000 + "]" * 200_000 + "}\n")
    assert copy(tmp_path / "in.jsonl", tmp_path / "new.jsonl") == {"line that is not a JSON object": 1}


@pytest.mark.parametrize("kind", ["rows", "texts", "lists", "nested texts", "fixed"])
def test_a_small_parquet_file_of_a_huge_table_is_refused(tmp_path: Path, kind: str) -> None:
    long = pa.DictionaryArray.from_arrays(pa.array(np.zeros(200, np.int32)), pa.array(["word " * 100_000]))
    column = {
        "rows": lambda: pa.nulls(300_000),
        "texts": lambda: long,
        "lists": lambda: pa.ListArray.from_arrays([0, 5_000_000], pa.array(np.zeros(5_000_000, np.int8))),
        "nested texts": lambda: pa.ListArray.from_arrays([0, 200], long),
        "fixed": lambda: pa.array([b"x" * 100_000] * 700, pa.binary(100_000)),
    }[kind]()
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(column), np.int32)), pa.array(["a text"]))
    parquet.write_table(pa.table({"text": texts, "column": column}), tmp_path / "in.parquet", compression="zstd")
    assert (tmp_path / "in.parquet").stat().st_size < 100_000
    for output in FORMATS:
        with pytest.raises(SourceError, match="which is more than a table of texts needs") as raised:
            copy(tmp_path / "in.parquet", tmp_path / f"out.{output}")
        assert len(raised.value.faults) == 1


def test_lines_for_the_user() -> None:
    tally = {"row with empty text": 2, "row with too few cells": 1, "cell of bytes, written in base64": 3, "other": 0}
    assert list(tally_lines(tally, "p")) == [
        "2 rows with empty text: p is empty there",
        "skipped: 1 row with too few cells",
        "3 cells of bytes, written in base64",
    ]


def test_a_failing_copy_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text\na\n")

    def fail(texts: Any, _: Counter[str]) -> Any:
        raise SeqloomError("no")

    with pytest.raises(SeqloomError):
        annotate(tmp_path / "in.csv", "text", tmp_path / "out.parquet", {"p": float}, fail, Counter())
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv"}


@pytest.mark.parametrize("name", ["nanoseconds", "date32", "duration s", "time us", "uuid"])
def test_a_column_of_times_is_no_text(tmp_path: Path, name: str) -> None:
    array, _ = COLUMNS[name]
    parquet.write_table(pa.table({"text": array}), tmp_path / "in.parquet")
    for output in FORMATS:
        tally = copy(tmp_path / "in.parquet", tmp_path / f"out.{output}")
        assert tally == {"row whose text is not a string": 1, "row with empty text": 1}


def test_text_in_parquet_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    offsets, content = np.array([0, 2, 3], np.int32), b"\xff\xfea"
    texts = pa.StringArray.from_buffers(2, pa.py_buffer(offsets.tobytes()), pa.py_buffer(content))
    parquet.write_table(pa.table({"text": texts}), tmp_path / "in.parquet")
    for output in FORMATS:
        with pytest.raises(SourceError, match=r"cannot read .* as Parquet"):
            copy(tmp_path / "in.parquet", tmp_path / f"out.{output}")


def test_names_with_dots_are_names_and_no_paths(tmp_path: Path) -> None:
    table = pa.table({"text": ["x"], "a.b": [1], "a": pa.array([{"b": "q"}]), "text.x": ["1"]})
    parquet.write_table(table, tmp_path / "in.parquet")
    copy(tmp_path / "in.parquet", tmp_path / "out.jsonl")
    assert rows_of(tmp_path / "out.jsonl") == [{"text": "x", "a.b": 1, "a": {"b": "q"}, "text.x": "1", "p": 1 / 3}]
