import re
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqloom.codecs.pretokenizer import split_pieces, subword_pattern, word_pattern

LETTERS = st.sampled_from("aZé'’ \n\t\r.-!_9中国かทำक्षمِ́\u200d\u3000\x00\x85") | st.characters()
TEXTS = st.lists(st.tuples(LETTERS, st.integers(1, 70)).map(lambda run: run[0] * run[1]), max_size=20).map("".join)

both = pytest.mark.parametrize("pattern", [word_pattern(), subword_pattern()], ids=["word", "subword"])


@both
@settings(deadline=None)
@given(text=TEXTS | st.text(LETTERS))
def test_pieces_join_to_the_text(pattern, text):
    pieces = pattern.findall(text)
    assert "".join(pieces) == text
    assert all(pieces)
    assert max(map(len, pieces), default=0) < 1300


@both
@settings(deadline=None)
@given(text=TEXTS | st.text(LETTERS), size=st.integers(1, 100))
def test_pieces_do_not_depend_on_the_chunks(pattern, text, size):
    chunks = [text[start : start + size] for start in range(0, len(text), size)]
    assert [piece for pieces in split_pieces(chunks, pattern) for piece in pieces] == pattern.findall(text)


@both
@settings(deadline=None)
@given(text=TEXTS | st.text(LETTERS) | st.text("aé'\u0301 ,.x—"))
def test_the_shortcut_changes_nothing(pattern, text):
    _, thorough = pattern.pattern.split("|", 1)
    assert pattern.findall(text) == re.findall(thorough, text)


@both
@pytest.mark.parametrize(
    "unit", ["a", " ", "\n", "\r\n", "\u0301", "a'", "a\u0301", "中", "ก", ".", "_", "👩\u200d", "\r", "'"]
)
def test_text_without_an_end_is_cut_all_the_same(pattern, unit):
    read = 0

    def endless():
        nonlocal read
        for _ in count():
            read += len(unit) * 50
            yield unit * 50

    written = 0
    for pieces in split_pieces(endless(), pattern):
        written += sum(map(len, pieces))
        assert read - written < 2_700
        if read > 10_000:
            break


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("It isn't so.", ["It", " isn't", " so", "."]),
        ("don’t 'quote' o'", ["don’t", " '", "quote", "'", " o", "'"]),
        ("wait... what?!", ["wait", "...", " what", "?", "!"]),
        ("a  b\n\n  c", ["a", " ", " b", "\n\n", " ", " c"]),
        ("x \n\ty ", ["x", " ", "\n", "\t", "y", " "]),
        ("one\r\n\r\ntwo", ["one", "\r\n\r\n", "two"]),
        ("天地 玄黃。ok", ["天", "地", " 玄", "黃", "。", "ok"]),
        ("cafe\u0301 naïve", ["cafe\u0301", " naïve"]),
        ("بِسْمِ اللَّهِ", ["بِسْمِ", " اللَّهِ"]),
        ("snake_case 3rd 1,000", ["snake_case", " 3rd", " 1", ",", "000"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("นำ", ["น", "ำ"]),
    ],
)
def test_words(text, pieces):
    assert word_pattern().findall(text) == pieces


def test_subwords_keep_scripts_without_spaces_together():
    assert subword_pattern().findall("天地 玄黃。ok") == ["天地", " 玄黃", "。", "ok"]
    assert subword_pattern().findall("It isn't") == word_pattern().findall("It isn't")
