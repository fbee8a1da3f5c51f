"""One reader of whole texts: rated, labelled, or plain."""

from pathlib import Path

import numpy as np
import pytest

from seqloom.config import ReadingConfig
from seqloom.corpora.labelled_texts import read_labelled_texts, read_rated, read_texts
from seqloom.errors import ConfigError, SourceError

TABLE = """text,stars,place,label,town
good,5,a,0,Ulm
bad,1,b,1,Bonn
fine,,a,0,
odd,2,b,,Ulm
,3,c,1,Ulm
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "t.csv"
    path.write_text(TABLE)
    return path


READING = ReadingConfig(text="text", group="place")


def test_rated_texts(table: Path) -> None:
    notes: list[str] = []
    rated = read_rated(table, ReadingConfig(text="text", rating=("stars",), group="place"), notes.append)
    assert rated.texts == ["good", "bad", "odd"]
    assert rated.ratings.tolist() == [5.0, 1.0, 2.0]
    assert rated.groups.tolist() == [0, 1, 1]
    assert rated.is_generated is None
    assert notes == [
        f"{table}: 3 rated texts in 2 groups",
        "skipped: 1 missing rating (stars)",
        "skipped: 1 row with empty text",
    ]


def test_texts_without_a_group_are_groups_of_their_own(table: Path) -> None:
    rated = read_rated(table, ReadingConfig(text="text", rating=("stars",)))
    assert rated.groups.tolist() == [0, 1, 2]


def test_plain_texts(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("{one}{two}{ }{three}")
    notes: list[str] = []
    read = read_texts(path, ReadingConfig(records="{}"), notes.append)
    assert read.texts == ["one", "two", "three"]
    assert read.groups.tolist() == [0, 1, 2]
    assert np.isnan(read.ratings).all()
    assert notes == [f"{path}: 3 texts in 3 groups", "skipped: 1 empty record"]


def test_texts_of_white_space_are_skipped(tmp_path: Path) -> None:
    for name, text in (("a.txt", "one"), ("b.txt", "two")):
        (tmp_path / name).write_text(text)
    assert read_texts([tmp_path / "a.txt", tmp_path / "b.txt"], ReadingConfig()).texts == ["one", "two"]


def test_labelled_texts(table: Path) -> None:
    notes: list[str] = []
    labelled = read_labelled_texts(table, READING, "label", ("town",), notes.append)
    assert labelled.texts == ["good", "bad", "fine"]
    assert labelled.labels() == [False, True, False]
    assert labelled.cells == {"town": ["Ulm", "Bonn", "(none)"]}
    assert labelled.texts_where(generated=True) == ["bad"]
    assert notes == [f"{table}: 3 texts", "skipped: 1 row with empty text", "skipped: 1 row without a label"]


def test_without_a_label_the_sides_are_unknown(table: Path) -> None:
    labelled = read_labelled_texts(table, READING, None, (), lambda line: None)
    assert labelled.texts == ["good", "bad", "fine", "odd"]
    assert labelled.is_generated is None


def test_parts_and_unions(table: Path) -> None:
    real = read_labelled_texts(table, READING, None, ("town",), lambda line: None)
    some = real.without(np.array([True, False, False, True]))
    assert (some.texts, some.groups.tolist()) == (["bad", "fine"], [1, 0])
    both = some.with_generated(real)
    assert both.texts == [*some.texts, *real.texts]
    assert both.labels() == [False] * 2 + [True] * 4
    assert set(both.groups[:2].tolist()).isdisjoint(both.groups[2:].tolist())
    assert both.cells["town"] == ["Bonn", "(none)", "Ulm", "Bonn", "(none)", "Ulm"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("text,label\na,1\nb,1\n", "says that all texts are generated"),
        ("text,label\na,0\n", "says that all texts are real"),
        ("text,label\na,\n", "is empty everywhere"),
        ("text,label\na,yes\n", "holds 'yes': use 1 for a generated text, and 0 for a real one"),
    ],
)
def test_labels_of_one_side_are_refused(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        read_labelled_texts(path, ReadingConfig(text="text"), "label", (), lambda line: None)


def test_a_table_without_ratings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,stars\na,\nb,\n")
    with pytest.raises(SourceError, match="every cell is empty"):
        read_rated(path, ReadingConfig(text="text", rating=("stars",)))


def test_a_missing_group_skips_no_text(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("text,stars,place\none,1,-\ntwo,2,\nthree,3,a\n")
    notes: list[str] = []
    reading = ReadingConfig(text="text", rating=("stars",), group="place", missing=("-",))
    assert read_rated(path, reading, notes.append).groups.tolist() == [0, 1, 2]
    assert notes == [f"{path}: 3 rated texts in 3 groups", "incomplete, but used: 2 missing groups"]
