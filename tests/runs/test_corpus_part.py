"""Parts of one run's corpus, on which another run is measured."""

import random
from pathlib import Path

import pytest

from seqloom.api import Run, train
from seqloom.errors import ConfigError

_SMALL = {"hidden_size": 8, "layers": 1, "batch_size": 4, "sequence_length": 16, "threads": 1, "steps": 2}


def _text(letters: str, seed: int, length: int = 6_000) -> str:
    choose = random.Random(seed)
    return "".join(choose.choice(letters) for _ in range(length))


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Run, Run]:
    runs = []
    for name, letters in (("own", "abcdef "), ("other", "abcdefgh ")):
        (tmp_path / f"{name}.txt").write_text(_text(letters, seed=len(name)))
        runs.append(train(tmp_path / f"{name}.txt", run=tmp_path / name, progress=False, hold_out=0.1, **_SMALL))
    return runs[0], runs[1]


@pytest.mark.parametrize("split", ["validation", "held-out", "train", "all"])
def test_a_part_is_the_same_text_for_both_runs(pair: tuple[Run, Run], split: str) -> None:
    own, other = pair
    expected = own.evaluate(split=split)  # type: ignore[arg-type]
    measured = other.evaluate(own.path, split=split)  # type: ignore[arg-type]
    assert measured.tokens == expected.tokens
    assert measured.num_units == expected.num_units
    assert measured.nats != expected.nats


def test_a_run_named_as_its_own_source_is_its_own_corpus(pair: tuple[Run, Run]) -> None:
    own, _ = pair
    assert own.evaluate(own.path, split="held-out") == own.evaluate(split="held-out")


def test_unknown_characters_do_not_move_the_part(pair: tuple[Run, Run]) -> None:
    own, other = pair
    notes: list[str] = []
    measured = own.evaluate(other.path, split="held-out", skip_unknown=True, note=notes.append)
    left_out = sum(measured.skipped_symbols.values())
    assert set(measured.skipped_symbols) == {"g", "h"}
    assert measured.tokens + left_out == other.evaluate(split="held-out").tokens
    assert notes == [
        f"{left_out:,} characters left out: compare the figures only with those of a run that leaves out the same"
    ]


def test_text_of_the_training_is_noted(pair: tuple[Run, Run]) -> None:
    own, other = pair
    notes: list[str] = []
    own.evaluate(note=notes.append)
    assert notes[0].startswith(f"{own.path} was trained on most of this text")
    notes.clear()
    own.evaluate(split="held-out", note=notes.append)
    other.evaluate(own.path, note=notes.append)
    assert notes == []


def test_a_part_of_a_text_file_names_the_remedy(pair: tuple[Run, Run], tmp_path: Path) -> None:
    own, other = pair
    with pytest.raises(ConfigError, match="name the folder of the run whose corpus the text is"):
        other.evaluate(tmp_path / "own.txt", split="held-out")
    assert own.path.exists()


def test_records_keep_their_ratings(tmp_path: Path) -> None:
    rows = [f"{_text('abc ', seed=row, length=40)},{1 + row % 5}" for row in range(100)]
    (tmp_path / "table.csv").write_text("\n".join(["text,stars", *rows]))
    runs = [
        train(
            tmp_path / "table.csv",
            run=tmp_path / name,
            text="text",
            rating="stars",
            progress=False,
            seed=seed,
            **_SMALL,
        )
        for name, seed in (("one", 1), ("two", 2))
    ]
    expected = runs[0].evaluate(split="validation")
    assert runs[1].evaluate(runs[0].path, split="validation").tokens == expected.tokens
    # A copy of the run is another run with the same weights: the figures are equal only if the ratings arrive.
    runs[0].path.rename(tmp_path / "moved")
    moved = Run(tmp_path / "moved")
    assert moved.evaluate(runs[1].path, split="validation").nats == pytest.approx(expected.nats, rel=1e-6)


def test_two_runs_are_compared_on_the_same_characters(pair: tuple[Run, Run]) -> None:
    own, other = pair
    first, second = own.compare(other.path, other.path, split="held-out")
    assert first.tokens == second.tokens < other.evaluate(split="held-out").tokens
    assert set(first.skipped_symbols) == set(second.skipped_symbols) == {"g", "h"}
    same, _ = own.compare(other, split="held-out")
    assert same == own.evaluate(split="held-out")
    with pytest.raises(ConfigError, match="name the folder of the run whose corpus the text is"):
        own.compare(other, other.config.sources[0], split="held-out")


def test_another_division_of_the_same_text_is_noted(pair: tuple[Run, Run], tmp_path: Path) -> None:
    own, _ = pair
    whole = train(own.config.sources[0], run=tmp_path / "whole", progress=False, **_SMALL)
    notes: list[str] = []
    whole.evaluate(own.path, split="held-out", note=notes.append)
    own.compare(whole, split="held-out", note=notes.append)
    assert [note.split(",")[0] for note in notes] == [f"{whole.path} was trained on most of this text"] * 2


def test_records_and_running_text_are_not_compared(pair: tuple[Run, Run], tmp_path: Path) -> None:
    own, _ = pair
    (tmp_path / "lines.txt").write_text("abc def\n" * 200)
    lines = train(tmp_path / "lines.txt", run=tmp_path / "lines", records="line", progress=False, **_SMALL)
    with pytest.raises(ConfigError, match="was trained on running text"):
        lines.compare(own)
