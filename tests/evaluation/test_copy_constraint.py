import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.corpora.document import Document
from seqloom.corpora.payloads import TextPayload
from seqloom.errors import ConfigError
from seqloom.evaluation.originality import CopyIndex

TEXTS = st.text("abß語😀", max_size=40)


def brute_allows(corpus, written, candidate, max_copy):
    """Every stretch of one character too many that ends inside the candidate."""
    text = written + candidate
    return not any(
        stop >= max_copy + 1 and text[stop - max_copy - 1 : stop] in corpus
        for stop in range(len(written) + 1, len(text) + 1)
    )


@given(TEXTS, TEXTS, st.text("abß語😀", max_size=12), st.integers(1, 9))
def test_against_brute_force(corpus, written, candidate, max_copy):
    guard = CopyIndex([[corpus]]).constraint(max_copy)
    allowed = guard(written.encode(), candidate.encode())
    assert allowed == brute_allows(corpus, written, candidate, max_copy)


@given(st.data(), st.integers(1, 9))
def test_against_brute_force_where_much_is_copied(data, max_copy):
    corpus = data.draw(st.text("abc語", min_size=20, max_size=60))
    start = data.draw(st.integers(0, len(corpus)))
    middle = data.draw(st.integers(start, len(corpus)))
    stop = data.draw(st.integers(middle, len(corpus)))
    written, candidate = "c" + corpus[start:middle], corpus[middle:stop]
    allowed = CopyIndex([[corpus]]).constraint(max_copy)(written.encode(), candidate.encode())
    assert allowed == brute_allows(corpus, written, candidate, max_copy)


def test_text_written_under_the_guard_copies_no_more_than_allowed():
    corpus = "in the beginning was the word, and the word was with everyone in the end"
    guard = CopyIndex([[corpus]]).constraint(6)
    written = b""
    for _ in range(200):
        follows = [
            corpus[at : at + 1].encode() for at in range(len(corpus)) if corpus[:at].endswith(written[-3:].decode())
        ]
        written += next((c for c in [*follows, *map(bytes, zip(corpus.encode()))] if guard(written, c)), b"#")
    assert len(CopyIndex([[corpus]]).longest_copy(written.decode())) == 6


def test_a_character_counts_once_its_last_byte_is_there():
    guard = CopyIndex([["日本語の本"]]).constraint(2)
    written = "日本".encode()
    first, second, third = (bytes([byte]) for byte in "語".encode())
    assert guard(written, first)
    assert guard(written + first, second)
    assert not guard(written + first + second, third)
    assert guard(written + first + second, b"\xbb")


def test_characters_of_four_bytes_cut_at_either_end():
    corpus = "😀😁😂🤣😃😄😅"
    written = b"xy" + corpus[:6].encode()
    last = corpus[6].encode()
    guard = CopyIndex([[corpus]]).constraint(6)
    assert guard(written, last[:3])
    assert not guard(written + last[:3], last[3:])
    assert guard(b"x" + corpus[1:6].encode(), last)


def test_bytes_that_are_no_text_copy_nothing():
    guard = CopyIndex([["abcdef"]]).constraint(2)
    assert guard(b"ab\xff", b"c")
    assert not guard(b"\xff\xffab", b"c")


def test_no_copy_runs_from_one_document_into_the_next():
    guard = CopyIndex.from_corpus([Document(TextPayload(["abc"])), Document(TextPayload(["def"]))]).constraint(3)
    assert guard(b"abc", b"d")


def test_an_empty_candidate_and_a_short_corpus_are_allowed():
    assert CopyIndex([["abc"]]).constraint(1)(b"abc", b"")
    assert CopyIndex([["ab"]]).constraint(5)(b"abababab", b"ab")
    assert CopyIndex([[]]).constraint(5)(b"abababab", b"ab")


def test_a_whole_text_can_be_the_candidate():
    corpus = "abcdefghij" * 500
    guard = CopyIndex([[corpus]]).constraint(50)
    assert not guard(b"", corpus[:3000].encode())
    assert guard(b"", b"ab" * 50_000)


@pytest.mark.parametrize("max_copy", [0, -3])
def test_refuses_to_allow_no_characters(max_copy):
    with pytest.raises(ConfigError, match=f"`max_copy` got {max_copy}: it must be 1 or more"):
        CopyIndex([["abc"]]).constraint(max_copy)


def test_a_copy_far_into_a_long_candidate_is_found():
    guard = CopyIndex([["abcdef"]]).constraint(2)
    assert not guard(b"", b"xyzabc")
    assert not guard(b"f", b"axyzuvwdef!")
    assert guard(b"f", b"axyzuvwde!f")


def test_a_run_does_not_go_on_beyond_the_ends_of_the_corpus():
    assert CopyIndex([["aaab"]]).constraint(3)(b"abb", b"b")
    assert CopyIndex([["abbb"]]).constraint(3)(b"aaa", b"b")
