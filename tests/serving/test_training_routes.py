"""The course of a training, from files that may be damaged."""

import json
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

import seqloom
from seqloom.config.serving import ServingConfig
from seqloom.serving.app import make_app
from seqloom.serving.served_model import ServedModel
from seqloom.serving.served_models import ServedModels


@pytest.fixture
def run(folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(folder / "plain", tmp_path / "run")


@pytest.fixture
def client(run: Path) -> Iterator[TestClient]:
    served = ServedModel("run", seqloom.load(run), 2, lambda updates: None)
    yield TestClient(make_app(ServedModels({"run": served}), ServingConfig()), base_url="http://localhost")
    served.close()


def line(**values: float) -> str:
    """Return a line of a log."""
    text = json.dumps(values)
    return f'{text[:-1]}, "crc32": {zlib.crc32(text.encode())}}}\n'


def test_losses_are_averaged_and_extremes_left_out(run: Path, client: TestClient) -> None:
    lines = [line(step=step, loss=float(step)) for step in range(1000)]
    lines += [line(step=1000, validation_loss=2.0), line(step=1001, loss=1e308), line(step=10**400, loss=1.0)]
    (run / "log.jsonl").write_text("".join(lines), encoding="utf-8")
    course = client.get("/api/training", params={"model": "run"}).json()
    assert len(course["training"]) == 400
    assert course["training"][0] == [1, 1]  # the mean of three
    assert course["validation"] == [[1000, 2]]
    assert course["is_finished"]
    assert course["is_newest"]


def test_a_damaged_log_is_named(run: Path, client: TestClient) -> None:
    (run / "log.jsonl").write_text("no log\n", encoding="utf-8")
    answer = client.get("/api/training", params={"model": "run"})
    assert answer.status_code == 404
    assert "is damaged" in answer.json()["error"]["message"]


def test_samples_are_files_of_the_run(run: Path, client: TestClient, tmp_path: Path) -> None:
    shutil.rmtree(run / "samples")
    (run / "samples").mkdir()
    content = "epoch 1, step 3\n\n--- temperature 0.5\nthe fox\n"
    (tmp_path / "epoch-0009.txt").write_text(content, encoding="utf-8")
    (run / "samples" / "epoch-0001.txt").write_text(content, encoding="utf-8")
    (run / "samples" / "epoch-0002.txt").mkdir()
    (run / "samples" / "epoch-0003.txt").symlink_to(tmp_path / "epoch-0009.txt")
    (run / "samples" / "epoch-0004.txt").symlink_to(tmp_path / "missing")
    assert client.get("/api/training", params={"model": "run"}).json()["epochs"] == [1]
    answer = client.get("/api/training/samples", params={"model": "run", "epoch": 1}).json()
    assert answer["samples"] == [{"temperature": 0.5, "text": "the fox"}]
    for epoch in (2, 3, 4, -1, 10**30):
        assert client.get("/api/training/samples", params={"model": "run", "epoch": epoch}).status_code in (400, 404)
