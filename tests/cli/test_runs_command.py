"""Lists of runs, and folders of runs in place of a run."""

import json
import shutil
from pathlib import Path

import pytest

from seqloom.api import list_runs


@pytest.fixture
def folder(run, tmp_path):
    """A folder with two runs, one of them below, a damaged run, a critic and something else."""
    folder = tmp_path / "all"
    for name in ("b", "deep/a", "damaged", ".hidden"):
        shutil.copytree(run, folder / name)
    (folder / "damaged" / "config.json").write_text("{")
    (folder / "critic").mkdir()
    (folder / "critic" / "critic.json").write_text("{}")
    (folder / "else").mkdir()
    shutil.copytree(run, folder / "b" / "inside")  # belongs to the run
    return folder


def test_runs_are_listed_with_their_figures(command, folder):
    found = json.loads(command("runs", folder, "--json").out)["runs"]
    assert found == list_runs(folder)
    assert [Path(one["run"]).relative_to(folder).as_posix() for one in found] == ["b", "deep/a", "critic", "damaged"]
    best = found[0]
    metrics = json.loads((folder / "b" / "metrics.json").read_text())
    assert best["held_out"]["nats_per_token"] == metrics["held_out"]["full_context"]["nats_per_token"]
    assert (best["kind"], best["core"], best["steps"]) == ("run", "lstm", 30)
    assert found[2] == {"run": str(folder / "critic"), "kind": "critic"}
    assert "config.json" in found[3]["fault"]
    lines = command("runs", folder).out.splitlines()
    assert lines[0].split() == ["run", "corpus", "model", "steps", "held-out", "validation"]
    assert f"{best['held_out']['bits_per_char']:.4f} bits" in lines[1]


def test_the_best_run_of_a_corpus_comes_first(folder):
    metrics = folder / "deep" / "a" / "metrics.json"
    before = [Path(one["run"]).name for one in list_runs(folder)[:2]]
    stored = json.loads(metrics.read_text())
    stored["held_out"]["full_context"]["bits_per_char"] -= 0.1
    stored.pop("sha256", None)
    from seqloom.files import write_checked_json

    write_checked_json(metrics, stored)
    assert [before, [Path(one["run"]).name for one in list_runs(folder)[:2]]] == [["b", "a"], ["a", "b"]]


def test_a_folder_of_runs_is_no_run(command, folder, run):
    done = command("generate", folder)
    assert done.code == 2
    assert done.faults == [
        f"{folder} is a folder with 2 runs, such as {folder / 'b'}: name one run; 'seqloom runs {folder}' lists them"
    ]
    assert "describes what it contains" in command("runs", run).faults[0]
    assert command("runs", folder / "none").faults == [f"there is no folder {folder / 'none'}: name a folder of runs"]
    assert command("runs", folder / "else").notes == [
        f"no runs in {folder / 'else'}: train one with 'seqloom train SOURCE'"
    ]
