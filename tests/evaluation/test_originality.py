import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.corpora.document import Document
from seqloom.corpora.payloads import TextPayload
from seqloom.evaluation import rolling_hash
from seqloom.evaluation.originality import CopyIndex

TEXTS = st.text("abß語😀", max_size=60)


def brute_longest(text, corpus):
    return max(
        (
            stop - start
            for start in range(len(text))
            for stop in range(start, len(text) + 1)
            if text[start:stop] in corpus
        ),
        default=0,
    )


def brute_share(text, corpus, n):
    windows = [text[at : at + n] for at in range(len(text) - n + 1)]
    return sum(window in corpus for window in windows) / len(windows) if windows else None


@given(TEXTS, TEXTS)
def test_longest_copy_against_brute_force(text, corpus):
    copy = CopyIndex([[corpus]]).longest_copy(text)
    assert len(copy) == brute_longest(text, corpus)
    assert copy.text in text
    if copy.position is not None:
        assert corpus[copy.position : copy.position + len(copy)] == copy.text


@given(TEXTS, TEXTS, st.integers(1, 12))
def test_copied_share_against_brute_force(text, corpus, n):
    assert CopyIndex([[corpus]]).copied_share(text, n) == brute_share(text, corpus, n)


def test_exact_even_where_every_hash_collides(monkeypatch):
    monkeypatch.setattr(
        rolling_hash.RollingHash,
        "__call__",
        lambda _, symbols, n: np.zeros(max(0, len(symbols) - n + 1), np.uint64),
    )
    corpus, text = "the quick brown fox jumps", "a quick brown dog"
    index = CopyIndex([[corpus]])
    assert index.longest_copy(text).text == " quick brown "
    assert index.copied_share(text, 5) == brute_share(text, corpus, 5)


def test_a_copy_runs_across_chunks_but_not_across_documents():
    assert CopyIndex([["abc", "", "def"]]).longest_copy("xabcdefx").text == "abcdef"
    documents = [Document(TextPayload(["abc"])), Document(TextPayload(["d", "ef"]))]
    copy = CopyIndex.from_corpus(documents).longest_copy("xabcdefx")
    assert (len(copy), copy.text) in [(3, "abc"), (3, "def")]


def test_no_text_matches_the_gap_between_documents():
    documents = [Document(TextPayload(["ab"])), Document(TextPayload(["cd"]))]
    assert len(CopyIndex.from_corpus(documents).longest_copy("ab\ud800cd")) == 2


def test_empty_sides():
    assert CopyIndex([[]]).longest_copy("abc").position is None
    assert len(CopyIndex([["abc"]]).longest_copy("")) == 0
    assert CopyIndex([["abc"]]).copied_share("abc") is None
    assert CopyIndex([["abc"]]).copied_share("z" * 50) == 0


def test_beyond_the_limit_nothing_is_looked_in_and_that_is_said():
    index = CopyIndex([["abcdef", "ghi"]], limit=4)
    assert index.num_skipped == 5
    assert index.longest_copy("abcdefghi").text == "abcd"


def test_copies_at_the_borders_of_the_pieces_that_the_corpus_is_read_in():
    generator = np.random.default_rng(1)
    corpus = "".join(map(chr, generator.integers(97, 123, 200_000)))
    index = CopyIndex([[corpus]])
    for border in (1 << 16, 2 << 16, len(corpus)):
        stretch = corpus[border - 300 : border + 20]
        copy = index.longest_copy("!" + stretch + "!")
        assert (copy.text, copy.position) == (stretch, border - 300)
        assert index.copied_share(stretch, 50) == 1


def test_alphabets_of_any_size():
    for size in (253, 254, 255, 300, 70_000):
        corpus = (
            "".join(chr(point) for point in range(0x20, 0xD000))[:size]
            if size < 50_000
            else "".join(chr(point) for point in range(0x10000, 0x10000 + size))
        )
        assert CopyIndex([[corpus]]).longest_copy("!" + corpus[-20:] + "!").text == corpus[-20:]


@pytest.mark.parametrize("size", [600_000])
def test_a_wholly_copied_text(size):
    corpus = "abcdefghijklmnopqrstuvwxyz" * (size // 26)
    assert len(CopyIndex([[corpus]]).longest_copy(corpus[5:5005])) == 5000
