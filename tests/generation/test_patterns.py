"""Texts that match a regular expression: lazy repeats, short lengths, and runs in lower case."""

from pathlib import Path
from typing import Any

import pytest
import regex

import seqloom
from seqloom.api.run import Run

SETTINGS: dict[str, Any] = {"hidden_size": 16, "batch_size": 4, "sequence_length": 16, "threads": 1, "steps": 40}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = tmp_path_factory.mktemp("source") / "text.txt"
    source.write_text("The Cat sat. A Dog ran!\nCafé and more, 12 of 34.\n" * 60, encoding="utf-8")
    return source


@pytest.fixture(scope="module")
def run(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return seqloom.train(source, run=tmp_path_factory.mktemp("runs") / "run", **SETTINGS)


@pytest.mark.parametrize("pattern", [r"[A-Z][a-z]*?\.", r"(?:[a-z]+? )+?[A-Z]", r"\d{2,5}?!", r".{0,9}?\."])
def test_finished_texts_match(run: Run, pattern: str) -> None:
    for sample in run.samples(count=10, length=40, pattern=pattern, seed=3):
        assert sample.matched
        assert sample.finish_reason != "unmatched"
        assert regex.fullmatch(pattern, sample.text)


def test_a_text_that_is_too_short_is_drawn_again(run: Run) -> None:
    """Many draws do not reach the space in time."""
    settings: dict[str, Any] = {"pattern": r"[A-Za-z]+ ", "length": 5, "seed": 1}
    samples = run.samples(count=12, **settings)
    assert all(sample.matched for sample in samples)
    assert any(sample.index >= 1 << 32 for sample in samples)
    assert run.samples(count=7, **settings) == samples[:7]
    assert run.generate(**settings) == samples[0].text


def test_a_text_that_never_matches_is_marked(run: Run) -> None:
    with pytest.warns(UserWarning, match="ended before matching"):
        (sample,) = run.samples(length=3, pattern="[a-z]{9}")
    assert (sample.matched, sample.finish_reason) == (False, "unmatched")


def test_a_pattern_is_folded_as_the_corpus_was(source: Path, tmp_path: Path) -> None:
    folded = seqloom.train(source, run=tmp_path / "run", lowercase=True, normalize="NFC", **SETTINGS)
    assert folded.generate(pattern="Dog", length=5) == "dog"
    assert folded.generate(pattern="Cafe\u0301", length=6) == "caf\u00e9"
    assert regex.fullmatch(r"\S+", folded.generate(pattern=r"\S+", length=20))
