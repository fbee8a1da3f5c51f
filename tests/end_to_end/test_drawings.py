"""Drawings: train with a category, complete a drawing, and write SVG, animated SVG, PNG and numpy archives."""

import json
from pathlib import Path

import numpy as np
import pytest

import seqloom
from seqloom.cli.app import call
from seqloom.corpora import open_corpus
from seqloom.corpora.drawings import Drawing
from seqloom.errors import ConfigError

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
    for level in ("strokes", "points"):
        settings = {**SETTINGS, "level": level, "category": "word", "progress": False}
        seqloom.train(folder / "shapes.ndjson", run=folder / level, **settings)
    return folder


@pytest.mark.parametrize("level", ["strokes", "points"])
def test_drawings_are_measured_in_points(folder: Path, level: str) -> None:
    run = seqloom.load(folder / level)
    assert run.evaluate().unit == "point"
    assert (folder / level / "plots" / "drawings.png").exists()


def test_the_usual_level_has_a_token_for_each_point(folder: Path, tmp_path: Path) -> None:
    run = seqloom.train(folder / "shapes.ndjson", run=tmp_path / "run", progress=False, **{**SETTINGS, "steps": 2})
    assert (run.config.level, run.config.model.head) == ("points", "mixture-density")


def test_the_figures_of_points_agree_with_each_other(folder: Path) -> None:
    run = seqloom.load(folder / "points")
    (sample,) = run.samples(length=20, min_length=20, temperature=0.7, seed=3)
    scores = run.score(sample.text)
    assert sum(score.log_prob for score in scores) == pytest.approx(sample.log_prob, abs=1e-3)
    assert all(score.entropy > 0 and score.rank >= 0 for score in scores)


def test_points_without_the_kernels_are_the_same(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = {"length": 20, "rating": "cross", "seed": 5, "precision": "float32"}
    expected = seqloom.load(folder / "points").samples(**arguments)[0].tokens
    monkeypatch.setenv("SEQLOOM_KERNELS", "off")
    assert seqloom.load(folder / "points").samples(**arguments)[0].tokens == expected


def test_points_are_drawn_and_completed(folder: Path, tmp_path: Path) -> None:
    words = ["generate", str(folder / "points"), "--rating", "square", "-q"]
    assert call([*words, "-o", str(tmp_path / "a.svg")]) == 0
    assert call([*words, "--prompt-file", str(tmp_path / "a.svg"), "-o", str(tmp_path / "b.npz")]) == 0
    first, second = (next(iter(open_corpus(tmp_path / name))).payload for name in ("a.svg", "b.npz"))
    assert second.num_points >= first.num_points  # type: ignore[attr-defined]


def test_plots_of_points_show_drawings_and_no_tokens(folder: Path, tmp_path: Path) -> None:
    plots = seqloom.load(folder / "points").plot(folder=tmp_path)
    assert [plot.name for plot in plots] == ["loss.png", "drawings.png"]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--repetition-penalty", "1.2"], "--repetition-penalty acts on the probabilities of tokens"),
        (["-t", "inf"], "--temperature inf has no meaning for a mixture of Gaussians"),
    ],
)
def test_controls_of_tokens_are_refused_for_points(
    folder: Path, words: list[str], fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["generate", str(folder / "points"), "--rating", "cross", *words]) == 2
    assert fault in capsys.readouterr().err


def test_a_convolution_of_points_is_refused(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["train", str(folder / "shapes.ndjson"), "--run", str(tmp_path / "run"), "--core", "conv"]) == 2
    assert "the core conv cannot read tokens that consist of parts" in capsys.readouterr().err


def test_stretched_copies_are_only_for_training(folder: Path, tmp_path: Path) -> None:
    settings = {**SETTINGS, "steps": 2, "level": "strokes", "progress": False}
    run = seqloom.train(folder / "shapes.ndjson", run=tmp_path / "run", stretch=20, **settings)
    plain = seqloom.load(folder / "strokes")
    assert run.evaluate().num_units == plain.evaluate().num_units


def test_pictures_are_centred() -> None:
    drawing = Drawing((((0, 0), (10, 20)), ((4, 4),)))
    assert drawing.centred == Drawing((((58, 53), (68, 73)), ((62, 57),)))
    assert drawing.centred.centred == drawing.centred
    assert Drawing(()).centred == Drawing(())


@pytest.mark.parametrize("word", SHAPES)
def test_a_stretched_copy_has_other_proportions_and_fills_the_grid(folder: Path, word: str, tmp_path: Path) -> None:
    (document,) = open_corpus(_one(tmp_path, word))
    drawing = document.payload
    copies = list(drawing.distorted(0.3, 0.2, 5, seed=1))  # type: ignore[attr-defined]
    assert copies == list(drawing.distorted(0.3, 0.2, 5, seed=1))  # type: ignore[attr-defined]
    assert len({drawing, *copies, *drawing.distorted(0.3, 0.2, 5, seed=2)}) == 11  # type: ignore[attr-defined]
    copy = copies[0]
    assert len(copy.strokes) == len(drawing.strokes)  # type: ignore[attr-defined]
    assert copy.num_points <= drawing.num_points  # type: ignore[attr-defined]
    extent = np.ptp(np.concatenate([np.array(stroke) for stroke in copy.strokes]), axis=0)
    assert extent.max() == 127
    assert (0.4 * 127 <= extent).all()


def test_text_cannot_be_stretched(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("words " * 100)
    with pytest.raises(ConfigError, match="`stretch` alters drawings, and these are text: leave it out"):
        seqloom.train(tmp_path / "a.txt", run=tmp_path / "run", stretch=10, progress=False, **SETTINGS)


@pytest.mark.parametrize("word", SHAPES)
def test_the_requested_shape_is_drawn(folder: Path, tmp_path: Path, word: str) -> None:
    words = ["generate", str(folder / "strokes"), "--rating", word, "-t", "0", "-q"]
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
        str(folder / "strokes"),
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
    assert call(["generate", "strokes", "--rating", "cross", *words]) == 2
    assert fault in capsys.readouterr().err
