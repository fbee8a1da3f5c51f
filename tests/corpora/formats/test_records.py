import re
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.corpora.formats.records import lines, split_records


@st.composite
def cut_texts(draw: st.DrawFn) -> list[str]:
    text = draw(st.text("ab {}\n\r\u2028\x85\f", max_size=40))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=8)))
    return [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]


@given(cut_texts())
def test_lines_end_at_line_ends_and_nowhere_else(pieces: list[str]) -> None:
    found = list(lines(pieces))
    assert found == re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", "".join(pieces))


@given(cut_texts())
def test_records_by_line(pieces: list[str]) -> None:
    tally: Counter[str] = Counter()
    every = re.split("\r\n|\r|\n", "".join(pieces))
    assert list(split_records(pieces, "line", tally)) == [line for line in every if line.strip()]
    num_empty = sum(not line.strip() for line in every)
    assert num_empty - tally["empty line"] in (0, 1)  # the split also gives what follows the last line end


@given(cut_texts())
def test_records_by_blank_line(pieces: list[str]) -> None:
    text = "".join(pieces)
    expected = []
    for is_record, group in _runs(re.split("(?<=\n)|(?<=\r)(?!\n)", text)):
        if is_record:
            expected.append(re.sub("(\r\n|\r|\n)$", "", "".join(group)))
    assert list(split_records(pieces, "blank", Counter())) == expected


def _runs(every_line: list[str]) -> list[tuple[bool, list[str]]]:
    runs: list[tuple[bool, list[str]]] = []
    for line in filter(None, every_line):
        is_record = bool(line.strip())
        if not runs or runs[-1][0] != is_record:
            runs.append((is_record, []))
        runs[-1][1].append(line)
    return runs


@given(cut_texts())
def test_records_between_marks(pieces: list[str]) -> None:
    tally: Counter[str] = Counter()
    text = "".join(pieces)
    inside = re.findall(r"\{([^{}]*)\}", text)
    assert list(split_records(pieces, "{}", tally)) == [record for record in inside if record.strip()]
    assert tally["empty record"] == sum(not record.strip() for record in inside)
    without = re.sub(r"\{[^{}]*\}", "\0", text)  # NUL: what surrounded a record must not grow together
    assert tally["record without its closing mark"] == without.count("{")
    outside = re.sub(r"\{[^{\0]*", "", without).replace("\0", "")
    assert tally["character outside the marks"] == len("".join(outside.split()))


@pytest.mark.parametrize("marks", ["[]", "<>", "()", "^$", "-]", "\\/", "«»"])
def test_any_two_characters_can_be_marks(marks: str) -> None:
    opening, closing = marks
    text = f"x{opening}one{closing}\n{opening}two{closing}"
    tally: Counter[str] = Counter()
    assert list(split_records([text], marks, tally)) == ["one", "two"]
    assert +tally == {"character outside the marks": 1}


def test_inner_space_and_line_ends_are_kept() -> None:
    assert list(split_records([" a \r\n"], "line", Counter())) == [" a "]
    assert list(split_records(["\n\n a\r\nb \n \n\nc"], "blank", Counter())) == [" a\r\nb ", "c"]
    assert list(split_records(["{ a\n\n}"], "{}", Counter())) == [" a\n\n"]
