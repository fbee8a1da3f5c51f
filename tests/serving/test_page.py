"""The page: its files, and the routes that only it uses."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.serving.conftest import Server

import seqloom

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
    assert [model["name"] for model in served["models"]] == ["plain", "rated"]
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
