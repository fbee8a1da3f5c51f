"""Drawings: the grid, simplification, and the three formats that are read."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.codecs.strokes import StrokesCodec
from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.corpora.drawings import GRID, Drawing, normalized_drawing, simplified
from seqloom.corpora.encodings import Refused
from seqloom.errors import ConfigError, SourceError

places = st.integers(0, GRID - 1)
drawings = st.lists(st.lists(st.tuples(places, places), min_size=1, max_size=8).map(tuple), max_size=5).map(
    lambda strokes: Drawing(tuple(strokes))
)


def drawings_of(path: Path, **reading) -> list[Drawing]:  # type: ignore[no-untyped-def]
    return [document.payload for document in open_corpus(path, ReadingConfig(**reading))]  # type: ignore[misc]


@given(drawings)
def test_any_drawing_comes_back(drawing: Drawing) -> None:
    codec = StrokesCodec(has_boundary=True)
    ids = np.concatenate([part.ids for part in codec.encode(drawing)])
    assert codec.decode(ids) == drawing
    assert codec.units_per_token[ids].sum() == drawing.num_points


@given(st.lists(st.integers(0, 511), max_size=60))
def test_tokens_in_any_order_are_a_drawing(ids: list[int]) -> None:
    drawing = StrokesCodec(has_boundary=True).decode(ids)
    assert all(0 <= number < GRID for stroke in drawing.strokes for point in stroke for number in point)


def test_a_drawing_fills_the_grid_in_the_middle() -> None:
    drawing = normalized_drawing([np.array([[10.0, 0.0], [10.0, 0.1], [30.0, 10.0]]), np.array([[20.0, 5.0]])])
    assert drawing == Drawing((((0, 32), (127, 95)), ((64, 64),)))


@pytest.mark.parametrize("points", [[], [[1.0, 1.0]], [[0.0, np.nan], [1.0, 1.0]], [[0.0, np.inf], [1.0, 1.0]]])
def test_a_drawing_needs_extent(points: list[list[float]]) -> None:
    assert normalized_drawing([np.array(points).reshape(-1, 2)]) is None


def test_points_that_a_line_does_not_need_are_left_out() -> None:
    line = np.array([[0.0, 0.0], [1.0, 0.01], [2.0, -0.01], [3.0, 0.0], [3.0, 2.0]])
    assert simplified(line, 0.1).tolist() == [[0, 0], [3, 0], [3, 2]]
    ring = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    assert simplified(ring, 0.1).tolist() == ring.tolist()


def stroke_3(*arrays: object, **named: object) -> bytes:
    content = io.BytesIO()
    np.savez(content, *map(np.asarray, arrays), **{name: np.asarray(value) for name, value in named.items()})
    return content.getvalue()


CROSS = [[-5, 0, 0], [10, 0, 1], [-5, -5, 0], [0, 10, 1]]
CROSS_ON_GRID = Drawing((((0, 64), (127, 64)), ((64, 0), (64, 127))))


def test_arrays_of_strokes_are_read(tmp_path: Path) -> None:
    (tmp_path / "one.npz").write_bytes(stroke_3(CROSS, CROSS))
    assert drawings_of(tmp_path / "one.npz") == [CROSS_ON_GRID] * 2
    (tmp_path / "many.npz").write_bytes(stroke_3(train=CROSS * 2, train_offsets=[0, 4, 8]))
    assert drawings_of(tmp_path / "many.npz") == [CROSS_ON_GRID] * 2


def test_steps_add_up_beyond_their_type(tmp_path: Path) -> None:
    steps = [[0, 0, 0], [30000, 0, 0], [30000, 0, 1], [-30000, -30000, 0], [0, 30000, 0], [0, 30000, 1]]
    (tmp_path / "a.npz").write_bytes(stroke_3(np.array(steps, np.int16)))
    strokes = ((0, 64), (64, 64), (127, 64)), ((64, 0), (64, 64), (64, 127))
    assert drawings_of(tmp_path / "a.npz") == [Drawing(strokes)]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (stroke_3(np.array([np.array(CROSS), None], object)), "has pickled arrays, which may run programs"),
        (stroke_3([1, 2, 3]), "no array of shape"),
        (b"PK\3\4", "cannot be read as a numpy archive"),
        (b"", "cannot be read as a numpy archive"),
        (stroke_3(train=CROSS, train_offsets=[4, 0]), "must ascend from 0 to the number of rows"),
    ],
)
def test_other_archives_are_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(SourceError, match=fault):
        open_corpus(tmp_path / "a.npz")


def test_drawings_without_extent_are_counted(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(stroke_3(CROSS, [[1.0, np.nan, 0]], [[1, 1, 1]], np.zeros((0, 3))))
    corpus = open_corpus(tmp_path / "a.npz")
    assert len(list(corpus)) == 1
    assert corpus.skipped == {"drawing without extent, or with numbers that are not finite": 3}


def test_quick_draw_files_are_read(tmp_path: Path) -> None:
    line = {"word": "cross", "drawing": [[[0, 10], [5, 5]], [[5, 5], [0, 10]]]}
    bad = [{"drawing": "x"}, {"drawing": [[[1], [1, 2]]]}, {"drawing": [[[3], [3]]]}, 7]
    path = tmp_path / "a.ndjson"
    path.write_text("\n".join(map(json.dumps, [line, line, *bad])) + "\nno json\n")
    corpus = open_corpus(path, ReadingConfig(category=("word",)))
    documents = list(corpus)
    assert [document.payload for document in documents] == [CROSS_ON_GRID] * 2
    assert [dict(document.conditions) for document in documents] == [{"word": "cross"}] * 2
    assert corpus.skipped == {
        "line that is not a drawing": 4,
        "drawing without extent, or of too many points": 1,
    }
    with pytest.raises(ConfigError, match="no drawing has this key"):
        list(open_corpus(path, ReadingConfig(category=("colour",))))


def test_json_lines_of_text_are_no_drawings(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text('{"text": "a b"}\n{"text": "c"}\n')
    assert len(list(open_corpus(tmp_path / "a.ndjson", ReadingConfig(text="text")))) == 2


SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10">{}</svg>'


@pytest.mark.parametrize(
    ("shapes", "expected"),
    [
        ('<path d="M0 5 L10 5"/><line x1="5" y1="0" x2="5" y2="10"/>', CROSS_ON_GRID),
        ('<g transform="scale(2) translate(3 1)"><path d="M0 5 H10 M5 0 V10"/></g>', CROSS_ON_GRID),
        ('<rect width="10" height="10"/>', Drawing((((0, 0), (127, 0), (127, 127), (0, 127), (0, 0)),))),
        ('<script>alert(1)</script><polyline points="0,5 10,5"/><path d="M5 0 V10"/><text>a</text>', CROSS_ON_GRID),
    ],
)
def test_shapes_are_read(tmp_path: Path, shapes: str, expected: Drawing) -> None:
    (tmp_path / "a.svg").write_text(SVG.format(shapes))
    assert drawings_of(tmp_path / "a.svg") == [expected]


def test_a_circle_becomes_a_few_lines(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text(SVG.format('<circle cx="5" cy="5" r="4"/>'))
    (drawing,) = drawings_of(tmp_path / "a.svg")
    assert 12 < drawing.num_points < 60
    radii = [np.hypot(x - 63.5, y - 63.5) for x, y in drawing.strokes[0]]
    assert min(radii) > 62
    assert max(radii) < 65


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ('<!DOCTYPE svg [<!ENTITY a "b">]><svg/>', "has a <!DOCTYPE"),
        (SVG.format(""), "has no shape that is a line or an outline"),
        ("no svg", "cannot be read as SVG"),
        (
            SVG.format('<path d="M' + " L".join(f"{n} {n % 7}" for n in range(200_000)) + '"/>'),
            "more than 100,000 coordinates",
        ),
    ],
)
def test_other_svg_files_are_refused(tmp_path: Path, content: str, fault: str) -> None:
    (tmp_path / "a.svg").write_text(content)
    with pytest.raises(SourceError, match=fault):
        open_corpus(tmp_path / "a.svg")


def test_a_short_svg_that_expands_endlessly_is_refused(tmp_path: Path) -> None:
    uses = (f'<use href="#g{n}"/>' * 10 for n in range(30))
    groups = "".join(f'<g id="g{n}">{use}</g>' for n, use in enumerate(uses, 1))
    path = tmp_path / "bomb.svg"
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg"><g id="g0"><path d="M0 0 L9 9"/></g>{groups}</svg>')
    with pytest.raises(Refused, match=r"too deeply nested|more than 100,000 coordinates"):
        open_corpus(path)
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg"><path d="M0 0 L{"1 " * 200_000}"/></svg>')
    with pytest.raises(Refused, match="more than 100,000 coordinates"):
        open_corpus(path)
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg"><g id="a"><use href="#a"/></g></svg>')
    with pytest.raises(Refused, match="refers to itself"):
        open_corpus(path)
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">{"<g>" * 300}{"</g>" * 300}</svg>')
    with pytest.raises(Refused, match="within each other"):
        open_corpus(path)
    path.write_text("<html><body/></html>")
    with pytest.raises(Refused, match="its first element is 'html'"):
        open_corpus(path)


@pytest.mark.parametrize("offsets", [[0, 5], [5, 10], [0, 10, 20], [-5, 10], [], [0], [0, 7, 3, 10]])
def test_offsets_that_lose_rows_are_refused(tmp_path: Path, offsets: list[int]) -> None:
    steps = np.random.default_rng(0).integers(1, 9, (10, 3))
    np.savez(tmp_path / "a.npz", d=steps, d_offsets=np.array(offsets, np.int64))
    with pytest.raises(Refused, match="must ascend from 0 to the number of rows, 10"):
        open_corpus(tmp_path / "a.npz")


@pytest.mark.parametrize("array", [np.full((5, 3), "1"), np.ones((5, 3), complex), np.ones((5, 3), "m8[s]")])
def test_arrays_that_are_no_numbers_are_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.savez(tmp_path / "a.npz", d=array)
    with pytest.raises(Refused, match="no numbers"):
        open_corpus(tmp_path / "a.npz")


def test_members_of_an_archive_that_are_no_arrays_are_left_out(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", d=np.array([[1, 1, 0], [2, 2, 1]]))
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive:
        archive.writestr("readme.txt", "no array")
    assert len(list(open_corpus(tmp_path / "a.npz"))) == 1
    with zipfile.ZipFile(tmp_path / "b.npz", "w") as archive:
        archive.writestr("readme.txt", "no array")
        archive.writestr("d.npy", b"\x93NUMPY\x01\x00\x10\x00{'descr': ((((((\n")
    with pytest.raises(Refused, match=r"no array of shape|cannot be read as a numpy archive"):
        open_corpus(tmp_path / "b.npz")


def test_damaged_lines_do_not_hide_the_drawings_after_them(tmp_path: Path) -> None:
    good = '{"drawing": [[[], []], [[0, 9], [0, 5]]]}'
    huge = '{"drawing": [[[0, 1' + "0" * 400 + "], [0, 1]]]}"
    (tmp_path / "a.ndjson").write_text("\n".join(["", "{broken", good, huge, good]))
    corpus = open_corpus(tmp_path / "a.ndjson")
    assert len(list(corpus)) == 2
    assert corpus.skipped == {"line that is not a drawing": 2}
