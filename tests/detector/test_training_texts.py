"""The texts of a detector: one labelled table, other columns, and texts on both sides."""

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seqloom.config import ReadingConfig
from seqloom.detector.fit import fit_detector
from seqloom.detector.training_texts import TrainingTexts, read_sides
from seqloom.errors import ConfigError

REAL = [f"the guest number {row} liked the soup and the bread" for row in range(60)]
MADE = [f"soup bread guest {row} the the and liked number" for row in range(60)]


def write(path: Path, header: list[str], rows: list[Any]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    rows = [[text, "guest", row // 2, 0] for row, text in enumerate(REAL)]
    rows += [[text, "GPT-2 ", row // 2, 1] for row, text in enumerate(MADE)]
    return write(tmp_path / "both.csv", ["text", "author", "place", "made"], [*rows, ["", "guest", 1, 0]])


@pytest.mark.parametrize("label", ["made", "author=gpt-2", "made=1"])
def test_one_table_has_both_sides(labelled: Path, label: str) -> None:
    reading = ReadingConfig(text="text", group="place")
    sides = read_sides(labelled, [], reading, label=label, generated_text=None, note=lambda line: None)
    assert (sides.real, sides.generated) == (REAL, MADE)
    assert sides.groups.tolist() == [row // 2 for row in range(60)]


def test_a_detector_is_fitted_to_one_table(labelled: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"text": "text", "light": True}
    detector = fit_detector(labelled, run=tmp_path / "one", label="author=gpt-2", **settings)
    assert detector.predict_proba(MADE[:5])[:, 1].min() > detector.predict_proba(REAL[:5])[:, 1].max()
    with pytest.raises(ConfigError, match=r"`label` author holds 'guest': use 1 .* as in author=guest"):
        fit_detector(labelled, run=tmp_path / "two", label="author", **settings)
    with pytest.raises(ConfigError, match="says that all texts are real"):
        fit_detector(labelled, run=tmp_path / "two", label="author=nobody", **settings)
    with pytest.raises(ConfigError, match="`generators`, `generated` or `label`"):
        fit_detector(labelled, run=tmp_path / "two", **settings)


def test_the_sides_may_have_other_columns(tmp_path: Path) -> None:
    real = write(tmp_path / "real.csv", ["review"], [[text] for text in REAL])
    made = write(tmp_path / "made.csv", ["id", "text"], list(enumerate(MADE)))
    reading = ReadingConfig(text="review")
    sides = read_sides(real, [made], reading, label=None, generated_text="text", note=lambda line: None)
    assert (sides.real, sides.generated) == (REAL, MADE)


def test_texts_on_both_sides_are_dropped_from_both() -> None:
    texts = TrainingTexts.join(["a b", "c", "d"], np.array([0, 0, 1]), ["A  B", "e", "D", "d "])
    notes: list[str] = []
    kept = texts.without_shared(notes.append)
    assert kept.texts == ["c", "e"]
    assert kept.generated.tolist() == [False, True]
    assert kept.groups.tolist() == [0, 3]
    assert notes == ["dropped: 2 real and 3 generated copies of 2 texts that occurred on both sides"]
    assert kept.without_shared(notes.append) is kept


def test_shared_texts_are_named_or_dropped(tmp_path: Path) -> None:
    real = write(tmp_path / "real.csv", ["text"], [[text] for text in [*REAL, *MADE[:4]]])
    made = write(tmp_path / "made.csv", ["text"], [[text] for text in MADE])
    settings: dict[str, Any] = {"text": "text", "light": True, "run": tmp_path / "run", "generated": [made]}
    with pytest.raises(ConfigError, match=r"4 generated texts are also among .* such as '.*', '.*', '") as caught:
        fit_detector(real, **settings)
    assert "`drop_shared`" in str(caught.value)
    notes: list[str] = []
    fit_detector(real, drop_shared=True, note=notes.append, **settings)
    assert any(re.fullmatch(r"dropped: .* copies of 4 texts that occurred on both sides", note) for note in notes)
