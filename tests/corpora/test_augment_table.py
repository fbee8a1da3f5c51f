import csv
import json
from collections import Counter

import pytest

from seqloom.corpora.augment_table import annotate
from seqloom.errors import ConfigError, SourceError


def lengths(texts, _=None):
    return [{"length": len(text)} for text in texts]


def run(source, output, **settings):
    tally = Counter()
    return annotate(source, "text", output, {"length": int}, lengths, tally, **settings), tally


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text('id,text\n1,"two\nlines, quoted"\n2,\n3,short\n4,too,many\n', encoding="utf-8")
    return path


def test_a_table_keeps_its_rows_and_gains_a_column(table, tmp_path):
    rows, tally = run(table, tmp_path / "out.csv")
    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert rows == 3
    assert found == [
        {"id": "1", "text": "two\nlines, quoted", "length": "17"},
        {"id": "2", "text": "", "length": ""},
        {"id": "3", "text": "short", "length": "5"},
    ]
    assert tally == {"row with too many cells": 1, "row with empty text": 1}


def test_json_lines_in_and_out(tmp_path):
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "ab", "tags": ["x"]}\nnonsense\n{"text": "abc", "late": 1}\n')
    rows, tally = run(source, tmp_path / "out.jsonl")
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert rows == 2
    assert found == [{"text": "ab", "tags": ["x"], "length": 2}, {"text": "abc", "late": 1, "length": 3}]
    assert tally == {"line that is not a JSON object": 1}
    run(source, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[0] == "text,tags,late,length"


def test_many_rows_are_worked_on_some_at_a_time(tmp_path):
    source = tmp_path / "many.csv"
    source.write_text("text\n" + "".join(f"row {row}\n" for row in range(2000)))
    seen = []

    def watched(texts, _):
        seen.append(len(texts))
        return lengths(texts)

    assert annotate(source, "text", tmp_path / "out.csv", {"length": int}, watched, Counter()) == 2000
    assert max(seen) < 1000
    assert sum(seen) == 2000


def test_what_is_there_is_not_replaced_unasked(table, tmp_path):
    (tmp_path / "out.csv").write_text("precious")
    with pytest.raises(ConfigError, match="exists already: name another file, or give `overwrite`"):
        run(table, tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text() == "precious"
    run(table, tmp_path / "out.csv", overwrite=True)
    assert (tmp_path / "out.csv").read_text() != "precious"


@pytest.mark.parametrize(("name", "got"), [("out.xlsx", "the ending .xlsx"), ("out", "no ending")])
def test_an_unknown_ending_is_told(table, tmp_path, name, got):
    with pytest.raises(ConfigError, match=f"which has {got}: name a file that ends in .csv, .tsv, .tab, .jsonl, .ndj"):
        run(table, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_failure_leaves_nothing_behind(table, tmp_path):
    def fail(texts, _):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        annotate(table, "text", tmp_path / "out.csv", {"length": int}, fail, Counter())
    assert {path.name for path in tmp_path.iterdir()} == {"table.csv"}


def test_a_column_that_is_there_already_is_told(tmp_path):
    source = tmp_path / "table.csv"
    source.write_text("text,length\na,1\n")
    with pytest.raises(SourceError, match="has a column length already"):
        run(source, tmp_path / "out.csv")


def test_a_column_that_is_not_there_is_told(tmp_path):
    source = tmp_path / "table.csv"
    source.write_text("body,n\na,1\n")
    with pytest.raises(SourceError, match="no column 'text'"):
        run(source, tmp_path / "out.csv")


def test_two_columns_of_one_name_are_refused_before_one_is_lost(tmp_path):
    source = tmp_path / "in.csv"
    source.write_text("text,note,note\na,first,second\n")
    with pytest.raises(SourceError, match="2 columns named 'note': rename all but one"):
        run(source, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_a_folder_is_no_output(table, tmp_path):
    (tmp_path / "out.csv").mkdir()
    with pytest.raises(ConfigError, match="which is a folder: name a file"):
        run(table, tmp_path / "out.csv", overwrite=True)
