"""The figures that are published of the corpora at hand, and those that another reader finds in them."""

import csv
from pathlib import Path
from typing import Any

import pytest

from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.document import Document
from seqloom.errors import SourceError


def read(path: Path, **reading: Any) -> tuple[list[Document], list[str], dict[str, int]]:
    corpus = open_corpus(path, ReadingConfig(**reading))
    documents = list(corpus)
    return documents, ["".join(document.text.chunks) for document in documents], dict(corpus.skipped)


@pytest.mark.parametrize(
    ("path", "reading", "num_characters", "num_distinct"),
    [
        ("nietzsche/nietzsche.txt", {}, 600_893, 84),
        ("nietzsche/nietzsche.txt", {"lowercase": True}, 600_893, 57),
        ("nietzsche/nietzsche.txt", {"encoding": "cp1252", "lowercase": True}, 600_901, 59),
        ("shakespeare/input.txt", {}, 1_115_394, 65),
        ("dirty/nietzsche_bom_crlf_mojibake.txt", {}, 600_901, 85),
        ("dirty/nietzsche_latin1_lower.txt", {}, 600_902, 59),
    ],
)
def test_running_texts(
    corpora_dir: Path, path: str, reading: dict[str, Any], num_characters: int, num_distinct: int
) -> None:
    _, (text,), skipped = read(corpora_dir / path, **reading)
    assert (len(text), len(set(text)), skipped) == (num_characters, num_distinct, {})


@pytest.mark.parametrize("name", ["zh_hongloumeng", "ru_voina_i_mir", "ar_quran_simple"])
def test_other_scripts(corpora_dir: Path, name: str) -> None:
    path = corpora_dir / "multilang" / f"{name}.txt"
    content = path.read_bytes().decode()
    assert read(path)[1] == [content.replace("\r\n", "\n")]
    assert read(path, keep_newlines=True)[1] == [content]


def test_catalogue_names_find_the_placed_files(corpora_dir: Path) -> None:
    (document,) = open_corpus("nietzsche")
    assert sum(map(len, document.text.chunks)) == 600_893


def test_names(corpora_dir: Path) -> None:
    _, texts, skipped = read(corpora_dir / "names", records="line")
    assert len(texts) + skipped.get("empty line", 0) == 20_050
    assert len(read(corpora_dir / "names")[1]) == 18


@pytest.mark.parametrize(
    ("path", "text", "ratings", "group"),
    [
        ("reviews/yelp_10k.csv", "text", ("stars",), "business_id"),
        ("titles/hacker_news.csv", "title", ("num_points",), None),
        ("titles/goodbooks.csv", "title", ("average_rating", "ratings_count"), None),
        ("fake_reviews/real_English.csv", "Upside_Review", ("Review_Score",), "Hotel Name"),
        ("fake_reviews/generated_English.csv", "Downside_Review", ("Review_Score",), "Hotel Name"),
    ],
)
def test_tables(corpora_dir: Path, path: str, text: str, ratings: tuple[str, ...], group: str | None) -> None:
    with open(corpora_dir / path, newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    documents, texts, skipped = read(corpora_dir / path, text=text, rating=ratings, group=group)
    kept = [row for row in rows if row[text].strip()]
    assert texts == [row[text].replace("\r\n", "\n").replace("\r", "\n") for row in kept]
    assert skipped.get("row with empty text", 0) == len(rows) - len(kept)
    for column in ratings:
        assert [document.conditions[column] for document in documents] == [float(row[column]) for row in kept]
    assert [document.group for document in documents] == [row[group] if group else None for row in kept]


def test_the_stars_of_the_reviews_are_spread_as_published(corpora_dir: Path) -> None:
    documents, _, _ = read(corpora_dir / "reviews/yelp_10k.csv", text="text", rating=("stars",))
    stars = [document.conditions["stars"] for document in documents]
    assert [stars.count(number) for number in range(1, 6)] == [749, 927, 1461, 3526, 3337]


def test_the_word_nan_stays_where_it_is_text(corpora_dir: Path) -> None:
    _, real, _ = read(corpora_dir / "fake_reviews/real_English.csv", text="Downside_Review")
    _, generated, _ = read(corpora_dir / "fake_reviews/generated_English.csv", text="Downside_Review")
    assert "nan" in generated
    assert "nan" not in real


def test_reviews_between_marks(corpora_dir: Path) -> None:
    path = corpora_dir / "reviews/ibm_yelp_100_3.txt"
    _, texts, skipped = read(path, records="{}")
    assert len(texts) == 100
    assert sum(map(len, texts)) == 71_250 - 200
    assert skipped == {}


def test_tunes(corpora_dir: Path) -> None:
    _, texts, _ = read(corpora_dir / "music/irish.abc", records="blank", kind="text")
    assert sum(text.startswith("X:") for text in texts) == 804


def test_a_table_of_edge_cases(corpora_dir: Path) -> None:
    documents, texts, skipped = read(corpora_dir / "dirty/csv_edge_cases.csv", text="text", rating=("stars",))
    assert [document.conditions["stars"] for document in documents] == [
        5.0,
        4.5,
        None,
        None,
        5.0,
        4.0,
        0.0,
        6.0,
        None,
    ]
    assert texts[0] == 'multi\nline "quoted" review, with comma'
    assert texts[4] == "emoji 😋🍕"
    assert skipped == {
        "missing rating (stars)": 2,
        "rating that is not a number (stars)": 1,
        "row with too few cells": 1,
        "row with too many cells": 1,
        "row with empty text": 1,
        "line after a quote that is never closed": 1,
    }


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("dirty/empty.txt", "is empty"),
        ("dirty/only_newlines.txt", "nothing but white space"),
    ],
)
def test_what_is_no_text_is_refused(corpora_dir: Path, path: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        open_corpus(corpora_dir / path)


def test_the_whole_folder(corpora_dir: Path) -> None:
    corpus = open_corpus(corpora_dir)
    assert len(list(corpus)) == len(corpus.encodings)
    num_files = sum(path.is_file() for path in corpora_dir.rglob("*"))
    assert len(corpus.encodings) + sum(corpus.skipped.values()) == num_files


def test_drawings(corpora_dir: Path) -> None:
    kanji = open_corpus(corpora_dir / "strokes/kanji.npz")
    assert sum(1 for _ in kanji) == 10_358 + 600 + 500
    words = {
        document.conditions["word"]
        for document in open_corpus(corpora_dir / "strokes/quickdraw_345x25.ndjson", ReadingConfig(category=("word",)))
    }
    assert len(words) == 344
