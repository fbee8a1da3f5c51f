import re
import sys
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.config import ReadingConfig
from seqloom.corpora.normalization import _is_independent, fold, fold_chunks, join_line_ends
from seqloom.corpora.payloads import CHUNK_CHARACTERS, bounded_chunks

# Line ends, the final sigma and what it looks through, marks that compose and are reordered, jamo,
# kana with a voice mark, characters that grow when they are lower-cased or normalised, and plain ones.
TRICKY = (
    "aZΣσΑ \n\r\t.'\u00ad\u0301\u0327\u0345\u0f71\u0f72\u1100\u1161\u11a8\uac00\uac01"
    "\u00c5\u00e9\ufb01\u0130中か\u3099ゝ\ufdfa\u03d3H\u0331"
)
READINGS = [
    ReadingConfig(lowercase=lowercase, normalize=form, keep_newlines=keep)
    for lowercase in (False, True)
    for form in (None, "NFC", "NFD", "NFKC", "NFKD")
    for keep in (False, True)
]


def oracle(text: str, reading: ReadingConfig) -> str:
    def normal(text: str) -> str:
        return unicodedata.normalize(reading.normalize, text) if reading.normalize else text  # type: ignore[arg-type]

    if not reading.keep_newlines:
        text = re.sub("\r\n?", "\n", text)
    text = normal(text)
    return normal(text.lower()) if reading.lowercase else text


@st.composite
def cut_texts(draw: st.DrawFn) -> list[str]:
    text = draw(st.text(st.sampled_from(TRICKY) | st.characters(exclude_categories=["Cs"]), max_size=40))
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=10)))
    return [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]


@given(pieces=cut_texts(), reading=st.sampled_from(READINGS))
def test_where_a_text_is_cut_does_not_matter(pieces: list[str], reading: ReadingConfig) -> None:
    text = "".join(pieces)
    assert "".join(fold_chunks(pieces, reading)) == oracle(text, reading) == fold(text, reading)


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_every_cut_of_one_hard_text(reading: ReadingConfig) -> None:
    text = "ΑΣ\u0301.Α ΟΔΟΣ\r\n\r\rΣ 中Σ か\u3099\u1100\u1161\u11a8 a\u0301\u0327'Σ H\u0331"
    expected = oracle(text, reading)
    assert "".join(fold_chunks(text, reading)) == expected  # one character a piece
    for cut in range(len(text)):
        assert "".join(fold_chunks([text[:cut], text[cut:]], reading)) == expected


def test_what_a_text_is_cut_before_agrees_with_the_unicode_database() -> None:
    every = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]
    parts = [unicodedata.decomposition(character).split() for character in every]
    composes_backward = {chr(int(part[1], 16)) for part in parts if len(part) == 2 and not part[0].startswith("<")}
    composes_backward |= {chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}
    alone = [character for character in every if _is_independent(character)]
    assert len(alone) > 30_000
    for character in alone:
        for form in ("NFC", "NFD", "NFKC", "NFKD"):
            first = unicodedata.normalize(form, character)[0]
            assert unicodedata.combining(first) == 0
            assert first not in composes_backward
        assert f"aΣ{character}a".lower() == "aΣ".lower() + f"{character}a".lower()
        assert f"a{character}Σ".lower() == "a" + f"{character}Σ".lower()


@given(cut_texts())
def test_no_piece_ends_inside_a_line_end(pieces: list[str]) -> None:
    uncut = list(join_line_ends(pieces))
    assert "".join(uncut) == "".join(pieces)
    assert not any(piece.endswith("\r") for piece in uncut[:-1])


def test_every_pair_of_ascii_characters_around_a_cut() -> None:
    ascii_characters = [chr(code) for code in range(128)]
    reading = ReadingConfig(lowercase=True, normalize="NFC")
    for before in ascii_characters:
        for after in ascii_characters:
            text = f"AΣ{before}{after}ΣA"
            assert "".join(fold_chunks([text[:4], text[4:]], reading)) == oracle(text, reading)


@pytest.mark.parametrize("word", ["x", "中"])
def test_text_without_spaces_is_not_held_back(word: str) -> None:
    handed_over = []

    def pieces() -> Iterator[str]:
        for number in range(5):
            handed_over.append(number)
            yield word * 1000

    chunks = fold_chunks(pieces(), ReadingConfig(lowercase=True, normalize="NFC"))
    next(chunks)
    assert handed_over == [0]


def test_chunks_stay_bounded_even_where_text_grows() -> None:
    chunks = list(fold_chunks(["ﷺ" * 100_000, " ", "ﷺ" * 20_000], ReadingConfig(normalize="NFKD")))
    assert all(0 < len(chunk) <= CHUNK_CHARACTERS for chunk in chunks)
    assert (
        "".join(chunks)
        == unicodedata.normalize("NFKD", "ﷺ") * 100_000 + " " + unicodedata.normalize("NFKD", "ﷺ") * 20_000
    )


@pytest.mark.parametrize("length", [0, 1, CHUNK_CHARACTERS - 1, CHUNK_CHARACTERS, CHUNK_CHARACTERS + 1])
def test_bounded_gives_no_empty_chunk(length: int) -> None:
    chunks = list(bounded_chunks("x" * length))
    assert sum(map(len, chunks)) == length
    assert all(0 < len(chunk) <= CHUNK_CHARACTERS for chunk in chunks)
