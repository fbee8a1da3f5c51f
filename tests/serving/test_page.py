"""The page: its files, and the routes that only it uses."""

import base64
import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.serving.conftest import Server

import seqloom
from seqloom.config.serving import ServingConfig
from seqloom.corpora.formats.midi import read_midi
from seqloom.corpora.music import DRUMS, MusicPayload, Note
from seqloom.serving.app import make_app
from seqloom.serving.sample_files import sample_file
from seqloom.serving.sample_parts import sample_parts
from seqloom.serving.served_model import ServedModel
from seqloom.serving.served_models import ServedModels

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "src" / "seqloom" / "serving" / "playground"


def test_the_page_and_its_files_are_served(server: Server) -> None:
    page = server.client.get("/")
    assert page.headers["content-type"].startswith("text/html")
    for name, media_type in (("page.js", "text/javascript"), ("page.css", "text/css")):
        assert f"page/{name}" in page.text
        answer = server.client.get(f"/page/{name}")
        assert answer.headers["content-type"].startswith(media_type)
        assert answer.content == (BUILT / name).read_bytes()
    assert server.client.get("/page/..%2Fserver.py").status_code == 404
    assert server.client.get("/page/other.js").status_code == 404


def test_the_page_is_small_and_loads_nothing_from_elsewhere() -> None:
    files = list(BUILT.iterdir())
    assert {file.name for file in files} == {"index.html", "page.css", "page.js"}
    assert sum(file.stat().st_size for file in files) < 300_000
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert "http:" not in text
        assert "https:" not in text
        assert "innerHTML" not in text


def test_the_page_knows_what_is_served(server: Server) -> None:
    served = server.client.get("/api/served").json()
    assert served["critic"]
    assert served["detector"]
    assert [model["name"] for model in served["models"]] == ["plain", "rated", "windowed"]
    assert served["models"][1]["columns"] == [{"name": "stars", "kind": "rating", "lowest": 1, "highest": 5}]


def test_the_next_token_is_that_of_the_library(server: Server) -> None:
    run = seqloom.load(server.folder / "rated")
    for rating in (None, 5):
        answer = server.post("/api/next", model="rated", prompt="the ", rating=rating).json()
        expected = run.next_distribution("the ", rating=rating)
        order = np.argsort(-expected)
        assert answer["log_probs"] == sorted(answer["log_probs"], reverse=True)
        np.testing.assert_allclose(np.exp(answer["log_probs"][:5]), expected[order][:5], atol=0.02)
        np.testing.assert_allclose(np.exp(answer["log_probs"]).sum(), 1, atol=1e-6)
    assert "<|start|>" in answer["tokens"]


def test_a_verdict_has_reasons(server: Server) -> None:
    text = "the soup was and we came again table warm waiter slow bread nice too"
    verdict = server.post("/api/explain", text=text).json()
    assert 0 < verdict["probability"] < 1
    assert verdict["sentences"]


def test_samples_of_any_kind_are_generated(server: Server) -> None:
    run = seqloom.load(server.folder / "rated")
    answer = server.post("/api/generate", model="rated", prompt="the ", rating=5, n=2, max_tokens=60, seed=3).json()
    samples = run.samples("the ", 2, rating=5, length=60, seed=3)
    assert answer["kind"] == "text"
    assert [sample["text"] for sample in answer["samples"]] == [sample.text for sample in samples]
    assert answer["samples"][0]["strokes"] is None
    assert server.post("/api/generate", model="rated", n=100).status_code == 400


def test_drawings_and_tunes_are_generated(tmp_path: Path) -> None:
    drawings = [[[0, 9], [0, 9]], [[9, 0], [0, 9]]]
    (tmp_path / "shapes.ndjson").write_text((json.dumps({"drawing": drawings}) + "\n") * 40)
    tune = "X:{}\nM:4/4\nL:1/8\nK:G\nG2AB c2d2|c2BA G4|]\n"
    (tmp_path / "tunes.abc").write_text("\n".join(map(tune.format, range(60))))
    settings = {"hidden_size": 32, "batch_size": 8, "progress": False}
    seqloom.train(tmp_path / "shapes.ndjson", run=tmp_path / "shapes", steps=30, **settings)
    seqloom.train(tmp_path / "tunes.abc", run=tmp_path / "tunes", steps=200, **settings)
    runs = {name: seqloom.load(tmp_path / name) for name in ("shapes", "tunes")}
    models = ServedModels({name: ServedModel(name, run, 2, lambda updates: None) for name, run in runs.items()})
    client = TestClient(make_app(models, ServingConfig()), base_url="http://localhost")

    def generated(**body: object) -> dict:  # type: ignore[type-arg]
        (sample,) = client.post("/api/generate", json=body).json()["samples"]
        return sample  # type: ignore[no-any-return]

    drawing = generated(model="shapes", temperature=0.3, max_tokens=40)
    assert all(0 <= number < 128 for stroke in drawing["strokes"] for point in stroke for number in point)
    svg = base64.b64decode(drawing["file"]["content"]).decode()
    assert drawing["file"]["name"] == "shapes-seed-0-1.svg"
    assert svg.count("<path") == len(drawing["strokes"])
    tune = generated(model="tunes", temperature=0, max_tokens=200)
    written = tmp_path / tune["file"]["name"]
    written.write_bytes(base64.b64decode(tune["file"]["content"]))
    assert written.name == "tunes-seed-0-1.abc"
    assert tune["text"].rstrip() in written.read_text()
    first_note = tune["notes"][0]
    assert (first_note["start"], first_note["pitch"]) == (0, 67)
    assert first_note["duration"] == pytest.approx(0.5)
    message = {"messages": [{"role": "user", "content": "a"}]}
    for path, body in (("/v1/completions", {}), ("/v1/chat/completions", message)):
        answer = client.post(path, json={"model": "shapes", **body})
        assert answer.status_code == 400
        assert "generates drawings, and this route texts" in answer.json()["error"]["message"]
    assert client.post("/api/next", json={"model": "shapes"}).status_code == 400
    for served in models.by_name.values():
        served.close()


def test_music_is_saved_as_midi(tmp_path: Path) -> None:
    pytest.importorskip("symusic")
    music = MusicPayload((Note(0, 60, 48, 90, 7), Note(48, 64, 24, 70, 7)))
    file = sample_file(music, "../my tunes")
    assert file is not None
    assert file.name == "___my_tunes.mid"
    assert read_midi(base64.b64decode(file.content), file.name) == music


def test_a_sample_without_room_for_its_file_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert sample_file(MusicPayload((Note(0, 60, 48, 90, 7),)), "tune") is None


def test_percussion_has_a_program_of_its_own() -> None:
    music = MusicPayload((Note(0, 36, 24, 90, DRUMS), Note(0, 60, 48, 90, 7)))
    notes = sample_parts(music)["notes"]
    assert [note.program for note in notes] == [128, 7]
    assert [note.duration for note in notes] == pytest.approx([0.5, 1])


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_the_script_is_built_from_its_sources(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "page", tmp_path / "page", ignore=shutil.ignore_patterns("node_modules"))
    install = ["npm", "ci", "--no-audit", "--no-fund"]
    if subprocess.run(install, cwd=tmp_path / "page", capture_output=True).returncode:
        pytest.skip("npm cannot install the packages that build the page")
    for command in (["npm", "run", "check"], ["npm", "run", "build"]):
        subprocess.run(command, cwd=tmp_path / "page", check=True, capture_output=True)
    built = tmp_path / "src" / "seqloom" / "serving" / "playground" / "page.js"
    assert built.read_bytes() == (BUILT / "page.js").read_bytes()
