"""Tables of JSON: lines, arrays, and what is neither."""

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.config import ReadingConfig
from seqloom.corpora.corpus import open_corpus
from seqloom.corpora.formats.jsonl import json_array_rows, json_rows
from seqloom.errors import SourceError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values, max_size=3),
    max_leaves=6,
)


@given(elements=st.lists(VALUES, max_size=5), size=st.integers(1, 9), indent=st.sampled_from([None, 2]))
def test_an_array_is_read_like_json_does(elements: list[object], size: int, indent: int | None) -> None:
    text = json.dumps(elements, indent=indent, ensure_ascii=False)
    chunks = [text[start : start + size] for start in range(0, len(text), size)]
    tally: Counter[str] = Counter()
    rows = list(json_array_rows(chunks, "it", tally))
    assert rows == [(number, value) for number, value in enumerate(elements, 1) if isinstance(value, dict)]
    assert sum(tally.values()) == len(elements) - len(rows)


@pytest.mark.parametrize("name", ["in.json", "in.jsonl", "table"])
@pytest.mark.parametrize("content", ['[{"text":"a"},{"text":"b"}]', '[\n {"text": "a"},\n {"text": "b"}\n]\n'])
def test_a_table_may_be_one_array(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert [str(document.text) for document in open_corpus(tmp_path / name, ReadingConfig(text="text"))] == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('[{"text":"a"} {"text":"b"}]', "damaged after element 1"),
        ('[{"text":"a"}', "damaged after element 1"),
        ('[{"text":"a"},', "element 2 cannot be read"),
        ('[{"text":"a"}] more', "something after its end"),
        ('[{"text":"a"},{"text":' + "[" * 100_000, "element 2 cannot be read .it is nested too deeply"),
        ('{"text":"a"}{"text":"b"}\n', "no line that is a JSON object"),
        ('{\n"text": "a"\n}', "no line that is a JSON object: write each object in one line"),
    ],
)
def test_damaged_json_is_refused_in_one_line(tmp_path: Path, content: str, fault: str) -> None:
    (tmp_path / "in.json").write_text(content)
    with pytest.raises(SourceError, match=fault) as raised:
        list(open_corpus(tmp_path / "in.json", ReadingConfig(text="text")))
    assert len(raised.value.faults) == 1


def test_an_array_among_the_lines_is_a_line_without_an_object() -> None:
    tally: Counter[str] = Counter()
    assert list(json_rows(['[1]\n{"text": "a"}\n'], tally)) == [(2, {"text": "a"})]
    assert tally == {"line that is not a JSON object": 1}


def test_a_line_with_an_array_before_others_is_no_array(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('[1]\n{"text": "a"}\n')
    corpus = open_corpus(tmp_path / "in.jsonl", ReadingConfig(text="text"))
    assert [str(document.text) for document in corpus] == ["a"]
    assert corpus.skipped == {"line that is not a JSON object": 1}


def test_a_key_named_twice_is_not_decided_silently() -> None:
    tally: Counter[str] = Counter()
    assert list(json_rows(['{"text": "a", "text": "b"}\n{"text": "c"}\n'], tally)) == [(2, {"text": "c"})]
    assert list(json_array_rows(['[{"text": "a", "text": "b"}, {"text": "c"}]'], "it", tally)) == [(2, {"text": "c"})]
    assert tally == {"row with a key twice": 2}
