import csv
import io
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.config import ReadingConfig
from seqloom.corpora.corpus import open_corpus
from seqloom.corpora.formats.delimited import csv_header, csv_rows
from seqloom.corpora.formats.jsonl import json_keys, json_rows
from seqloom.corpora.table_columns import check_columns, list_columns
from seqloom.errors import SourceError

CELLS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('",;\n\r\t\0'), max_size=8)


def in_pieces(text: str, size: int = 5) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


@given(
    rows=st.lists(st.tuples(CELLS, CELLS), max_size=6),
    delimiter=st.sampled_from(",;\t|"),
    size=st.integers(1, 9),
)
def test_what_is_written_as_csv_is_read_back(rows: list[tuple[str, str]], delimiter: str, size: int) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("one", "two"), *rows])
    tally: Counter[str] = Counter()
    read = list(csv_rows(in_pieces(file.getvalue(), size), delimiter, tally))
    assert [tuple(cells.values()) for _, cells in read] == rows
    assert [number for number, _ in read] == list(range(1, len(rows) + 1))
    assert not +tally


def read_csv(text: str) -> tuple[list[dict[str, str]], dict[str, int]]:
    tally: Counter[str] = Counter()
    return [dict(cells) for _, cells in csv_rows(in_pieces(text), ",", tally)], dict(+tally)


@pytest.mark.parametrize(
    ("text", "values", "left_out"),
    [
        ("a,b\n1,x", ["x"], {}),
        ("a,b\r1,x\r2,y\r", ["x", "y"], {}),
        ("\n\na,b\n\n1,x\n\n", ["x"], {"empty row": 2}),
        ("a,b\n1\n1,x\n1,x,y\n", ["x"], {"row with too few cells": 1, "row with too many cells": 1}),
        ('a,b\n1,"x\ny"\n2,"z\n3,w\n', ["x\ny"], {"line after a quote that is never closed": 2}),
        ('a,b\n1,"x""y"\n', ['x"y'], {}),
        ('a,b\n1,x "y" z\n', ['x "y" z'], {}),
        ("a,b\n1,nul\0here\n", ["nul\0here"], {}),
        (' a ,"b"\n1,x\n', ["x"], {}),
        ("a,b\n", [], {}),
    ],
)
def test_csv_as_people_have_it(text: str, values: list[str], left_out: dict[str, int]) -> None:
    rows, tally = read_csv(text)
    assert [row["b"] for row in rows] == values
    assert tally == left_out


def test_a_very_long_cell_is_read() -> None:
    rows, tally = read_csv('a,b\n1,"' + "x" * 300_000 + '"\n')
    assert len(rows[0]["b"]) == 300_000
    assert not tally


def test_a_cell_beyond_every_bound_costs_its_row_only(monkeypatch: pytest.MonkeyPatch) -> None:
    before = csv.field_size_limit(100)
    try:
        monkeypatch.setattr("seqloom.corpora.formats.delimited._MAX_CELL_CHARACTERS", 100)
        rows, tally = read_csv("a,b\n1,x\n2," + "y" * 200 + "\n3,z\n")
    finally:
        csv.field_size_limit(before)
    assert [row["b"] for row in rows] == ["x", "z"]
    assert tally == {"line of a malformed row": 1}


@pytest.mark.parametrize(
    ("text", "wanted", "columns", "delimiter"),
    [
        ("a,b;c\n", "a", ["a", "b;c"], ","),
        ("a,b;c\n", "c", ["a,b", "c"], ";"),
        ("a\tb\n", "b", ["a", "b"], "\t"),
        ("a;b;c,d\n", "nowhere", ["a", "b", "c,d"], ";"),
        ('"a\nx",b\n1,2\n', "b", ["a\nx", "b"], ","),
        ("text\n1\n", "text", ["text"], ","),
        ("", "text", [], ","),
    ],
)
def test_the_delimiter_is_told_from_the_header(text: str, wanted: str, columns: list[str], delimiter: str) -> None:
    assert csv_header(in_pieces(text), wanted) == (columns, delimiter)


def test_columns_that_are_missing_or_there_twice_are_all_named() -> None:
    with pytest.raises(SourceError) as raised:
        check_columns("it", ["txet", "stars", "two"], ["text", "stars", "two", "two"])
    assert raised.value.faults == (
        "it has no column 'txet': choose from text, stars, two, two; did you mean 'text'?",
        "it has 2 columns named 'two': rename all but one",
    )
    check_columns("it", ["text"], ["text", "stars"])


def test_a_wide_table_is_not_listed_whole() -> None:
    assert list_columns([f"c{number}" for number in range(30)]).endswith("c19 and 10 more")
    assert list_columns([]) == "no columns found"


@given(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=5) | st.integers() | st.none()), max_size=5))
def test_what_is_written_as_json_lines_is_read_back(objects: list[dict[str, object]]) -> None:
    text = "".join(json.dumps(value) + "\r\n" for value in objects)
    tally: Counter[str] = Counter()
    assert [cells for _, cells in json_rows(in_pieces(text), tally)] == objects
    assert not +tally
    assert set(json_keys(json_rows(in_pieces(text), Counter()))) == {key for value in objects for key in value}


def test_lines_that_are_no_objects_are_counted() -> None:
    text = '{"a": 1}\n\n[1]\n{"a": \n"a"\n' + "[" * 100_000 + '\n{"a": 2}'
    tally: Counter[str] = Counter()
    assert list(json_rows([text], tally)) == [(1, {"a": 1}), (7, {"a": 2})]
    assert tally == {"empty line": 1, "line that is not a JSON object": 4}


def read_table(
    folder, name: str, content: str, encoding: str = "utf-8", **settings
) -> tuple[list[str], dict[str, int]]:
    (folder / name).write_text(content, encoding=encoding, newline="")
    corpus = open_corpus(folder / name, ReadingConfig(text="text", **settings))
    return [str(document.text) for document in corpus], dict(corpus.skipped)


@pytest.mark.parametrize("name", ["t.tsv", "t.tab", "table"])
def test_a_quotation_mark_in_tsv_is_a_character(tmp_path, name: str) -> None:
    content = 'text\tn\n"Oh no\t5\nplain\t4\n"Hi," he said.\t3\nsaid "x"\t3\n"whole"\t1\n'
    texts = ['"Oh no', "plain", '"Hi," he said.', 'said "x"', '"whole"']
    assert read_table(tmp_path, name, content) == (texts, {})


def test_old_runs_read_tsv_as_before(tmp_path) -> None:
    content = 'text\tn\n"Oh no\t5\nplain\t4\nsaid "x"\t3\nlast\t1\n'
    assert read_table(tmp_path, "t.tsv", content, table_rules=1) == (['Oh no\t5\nplain\t4\nsaid x"', "last"], {})


def test_rows_behind_a_stray_quote_are_counted(tmp_path) -> None:
    content = 'text,n\n"Oh no,5\nplain,4\nsaid "x",3\nlast,1\n'
    assert read_table(tmp_path, "t.csv", content) == (["last"], {"line of a malformed row": 3})
    assert read_table(tmp_path, "u.csv", 'text,n\n"a" b,5\nc,4\n') == (["c"], {"line of a malformed row": 1})


def test_quotes_after_a_backslash_are_recognised(tmp_path) -> None:
    content = 'text,n\n"The \\"warm\\" soup",4\n"The \\"warm\\", soup\\\\",4\nplain,5\n'
    assert read_table(tmp_path, "t.csv", content) == (['The "warm" soup', 'The "warm", soup\\', "plain"], {})


def test_the_null_of_databases_is_an_empty_cell() -> None:
    tally: Counter[str] = Counter()
    lines = 'text,n,m\n"say \\"x\\" y",\\N,1\n\\N,2,\\N\nx\\\\N,3,4\n'
    rows = [list(cells.values()) for _, cells in csv_rows([lines], ",", tally, "backslash")]
    assert rows == [['say "x" y', "", "1"], ["", "2", ""], ["x\\N", "3", "4"]]


def test_a_backslash_at_the_end_of_a_cell_is_no_escape(tmp_path) -> None:
    content = 'text,n\n"C:\\new\\",4\n"a ""b\\"" c",5\n'
    assert read_table(tmp_path, "t.csv", content) == (["C:\\new\\", 'a "b\\" c'], {})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line", ["sep=;", "SEP=;", '"sep=;"', "sep=; "])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_line_that_names_the_delimiter_is_heeded(tmp_path, encoding: str, line: str, end: str) -> None:
    content = end.join([line, "text;n,m", "hello, you;5,1", "more;6,2", ""])
    assert read_table(tmp_path, "t.csv", content, encoding) == (["hello, you", "more"], {})


def test_an_unusual_delimiter_can_be_named(tmp_path) -> None:
    assert read_table(tmp_path, "t.csv", "sep=~\ntext~n\nhello~5\n") == (["hello"], {})


def test_mixed_line_ends_end_rows(tmp_path) -> None:
    assert read_table(tmp_path, "t.csv", 'text,n\r\na,1\nb,2\r"c\rd",3\r\n') == (["a", "b", "c\nd"], {})


def test_a_malformed_row_has_a_number_too() -> None:
    tally: Counter[str] = Counter()
    rows = list(csv_rows(['a,b\n"x" y,1\n2,z\n'], ",", tally))
    assert rows == [(2, {"a": "2", "b": "z"})]


def test_many_columns_of_one_name_are_one_fault() -> None:
    with pytest.raises(SourceError) as raised:
        check_columns("it", dict.fromkeys(["text", ""]), ["text", *[""] * 200_000])
    assert raised.value.faults == ("it has 200,000 columns named '': rename all but one",)
