"""Drawings: train with a category, complete a drawing, and write SVG, animated SVG, PNG and numpy archives."""

import json
from pathlib import Path

import numpy as np
import pytest

import seqloom
from seqloom.cli.app import call
from seqloom.corpora import open_corpus

SETTINGS = {"steps": 200, "hidden_size": 32, "layers": 1, "batch_size": 8, "sequence_length": 16, "threads": 1}
SHAPES = {
    "square": [[[0, 9, 9, 0, 0], [0, 0, 9, 9, 0]]],
    "cross": [[[0, 9], [4, 4]], [[4, 4], [0, 9]]],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawings")
    lines = [json.dumps({"word": word, "drawing": drawing}) for word, drawing in SHAPES.items()] * 40
    (folder / "shapes.ndjson").write_text("\n".join(lines))
    seqloom.train(folder / "shapes.ndjson", run=folder / "run", category="word", progress=False, **SETTINGS)
    return folder


def test_drawings_are_recognised_and_measured_in_points(folder: Path) -> None:
    run = seqloom.load(folder / "run")
    assert (run.config.level, run.evaluate().unit) == ("points", "point")
    assert (folder / "run" / "plots" / "drawings.png").exists()


@pytest.mark.parametrize("word", SHAPES)
def test_the_requested_shape_is_drawn(folder: Path, tmp_path: Path, word: str) -> None:
    words = ["generate", str(folder / "run"), "--rating", word, "-t", "0", "-q"]
    for name in ("a.svg", "a.png", "a.npz"):
        assert call([*words, "-o", str(tmp_path / name)]) == 0
    assert call([*words, "-o", str(tmp_path / "moving.svg"), "--animate"]) == 0
    (expected,) = {document.payload for document in open_corpus(_one(tmp_path, word))}
    for name in ("a.svg", "a.npz", "moving.svg"):
        assert [document.payload for document in open_corpus(tmp_path / name)] == [expected]
    assert (tmp_path / "moving.svg").read_text().count("<animate ") == len(SHAPES[word])
    assert np.load(tmp_path / "a.npz")["drawing"].shape == (expected.num_points, 3)


def _one(folder: Path, word: str) -> Path:
    path = folder / "one.ndjson"
    path.write_text(json.dumps({"drawing": SHAPES[word]}) + "\n")
    return path


def test_a_drawing_is_completed(folder: Path, tmp_path: Path) -> None:
    half = '<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0 H9"/></svg>'
    (tmp_path / "half.svg").write_text(half)
    words = [
        "generate",
        str(folder / "run"),
        "--rating",
        "cross",
        "--prompt-file",
        str(tmp_path / "half.svg"),
        "-t",
        "0",
    ]
    assert call([*words, "-o", str(tmp_path / "whole.svg")]) == 0
    (drawing,) = [document.payload for document in open_corpus(tmp_path / "whole.svg")]
    assert len(drawing.strokes) == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["-o", "a.mid"], "--output got a.mid, and the run generates drawings: name a file that ends in .svg"),
        (["-o", "a.png", "--animate"], "--animate has no effect on .png files: name an --output that ends in .svg"),
        (["--animate"], "--animate needs an --output that ends in .svg"),
        (["--prompt", "a cat"], "not in the vocabulary: 'a', 'cat'"),
    ],
)
def test_what_does_not_fit_is_refused(
    folder: Path, words: list[str], fault: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert call(["generate", "run", "--rating", "cross", *words]) == 2
    assert fault in capsys.readouterr().err
