"""Records that are read whole, in passages or in sentences."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.codecs import fit_codec
from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.document import Document
from seqloom.corpora.payloads import TextPayload
from seqloom.corpora.segmentation import cut_words, passages, sentences
from seqloom.data.store import build_store
from seqloom.errors import ConfigError
from seqloom.evaluation.originality import CopyIndex


@given(text=st.text(max_size=200), most=st.integers(1, 12))
def test_passages_hold_every_word_in_order_and_are_short(text, most):
    found = list(passages(text, most))
    assert all(len(passage.split()) <= most for passage in found)
    assert all(passage.strip() for passage in found)
    assert "".join("".join(found).split()) == "".join(text.split())


@given(text=st.text(max_size=200))
def test_sentences_hold_all_but_the_space_between_them(text):
    found = list(sentences(text))
    assert all(one == one.strip() != "" for one in found)
    assert "".join("".join(found).split()) == "".join(text.split())


def test_a_sentence_ends_with_its_marks_and_at_a_paragraph():
    assert list(sentences('Good?! "Yes." At 3.5 stars (or so.)  A heading\n\nand the rest')) == [
        "Good?!",
        '"Yes."',
        "At 3.5 stars (or so.)",
        "A heading",
        "and the rest",
    ]


def test_sentences_end_without_a_space_in_scripts_that_have_none():
    assert list(sentences("好吃。「很好！」再来\uff1f")) == ["好吃。", "「很好！」", "再来\uff1f"]
    assert list(sentences("\u0939\u0948\u0964 \u0939\u0948")) == ["\u0939\u0948\u0964", "\u0939\u0948"]


@pytest.mark.parametrize("between", ["\n\n", "\r\n\r\n", "\r\r", " \n \n", "\r\n \r\n"])
def test_a_paragraph_ends_a_sentence_whatever_its_line_ends(between):
    assert list(sentences(f"one{between}two\r\nlines")) == ["one", "two\r\nlines"]


def test_long_runs_of_marks_take_no_longer():
    run = "." * 100_000  # where each mark of it would be tried anew, minutes
    assert list(sentences(run + "x")) == [run + "x"]
    assert cut_words(run + "x y. z w", 3) == run + "x y."


@pytest.fixture
def table(tmp_path):
    with open(tmp_path / "table.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "stars"])
        rows.writerow(["One two three. Four five six. Seven.", 5])
        rows.writerow(["Short.", 1])
        rows.writerow(["a b c d e f g h", 2])
    return tmp_path / "table.csv"


READING = ReadingConfig(text="text", rating=("stars",), cut_words=4, passages=True)


def test_a_record_stays_one_document_whose_passages_end(table, tmp_path):
    corpus = open_corpus(table, READING)
    documents = [["".join(chunks) for chunks in document.text.passages()] for document in corpus]
    assert documents == [["One two three.", "Four five six. Seven."], ["Short."], ["a b c d", "e f g h"]]
    codec = fit_codec("char", corpus)
    store = build_store(corpus, codec, tmp_path / "store")
    np.testing.assert_array_equal(store.conditions["stars"], [5, 1, 2])
    first = store.records[: store.offsets[1]]
    assert "|".join(codec.decode_text(part) for part in np.split(first, np.flatnonzero(first == codec.boundary))) == (
        "|One two three.|Four five six. Seven.|"
    )


def test_a_record_is_read_sentence_by_sentence(table):
    corpus = open_corpus(table, ReadingConfig(text="text", rating=("stars",), sentences=True))
    documents = [["".join(chunks) for chunks in document.text.passages()] for document in corpus]
    assert documents == [["One two three.", "Four five six.", "Seven."], ["Short."], ["a b c d e f g h"]]


def test_sentences_are_of_records_and_are_not_cut():
    with pytest.raises(ConfigError, match="`sentences` divides records: name the column `text`, or set `records`"):
        ReadingConfig(sentences=True)
    with pytest.raises(ConfigError, match="`sentences` reads sentences whole, and `cut_words` cuts them"):
        ReadingConfig(text="text", sentences=True, cut_words=9)


def test_nothing_runs_from_one_passage_into_the_next(table):
    index = CopyIndex.from_corpus(open_corpus(table, READING))
    assert index.longest_copy("a b c de f g h").text == "a b c d"


def test_passages_need_a_length():
    with pytest.raises(
        ConfigError, match="`passages` divides long texts: set the length of a passage with `cut_words`"
    ):
        ReadingConfig(text="text", passages=True)


def test_chunks_of_one_passage_stay_together():
    document = Document(TextPayload(("a", "b", "", "", "c")))
    assert ["".join(chunks) for chunks in document.text.passages()] == ["ab", "c"]
