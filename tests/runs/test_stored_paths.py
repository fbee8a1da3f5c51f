"""Paths that the user named relative to the working folder are stored relative to the run."""

import json
import os
import shutil

import pytest

import seqloom
from seqloom.errors import ConfigError, RunError, SourceError
from seqloom.lm.train import train
from seqloom.runs.migrations import migrate
from seqloom.runs.stored_paths import from_stored, same_sources, source_to_stored, to_stored

SMALL = {"hidden_size": 4, "batch_size": 2, "sequence_length": 8, "threads": 1, "steps": 2}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with a corpus."""
    (tmp_path / "work" / "data").mkdir(parents=True)
    (tmp_path / "work" / "data" / "fox.txt").write_text("the quick brown fox jumps over the lazy dog. " * 9)
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("data/fox.txt", "../../data/fox.txt"),
        ("./data/../data/fox.txt", "../../data/fox.txt"),
        ("data", "../../data"),
        ("data/*.txt", "../../data/*.txt"),
        ("runs/a/own.txt", "./own.txt"),
        ("python-docs", "python-docs"),
        ("-", "-"),
        ("~/fox.txt", "~/fox.txt"),
    ],
)
def test_names_of_sources(place, name, stored, monkeypatch):
    folder = place / "runs" / "a"
    folder.mkdir(parents=True)
    (folder / "own.txt").touch()
    assert source_to_stored(name, folder) == stored
    for working_folder in (place, place / "data", place.parent):
        monkeypatch.chdir(working_folder)
        usable = from_stored(stored, folder)
        expected = name if stored == name else os.path.join(place, name)
        assert same_sources([usable], [expected])


def test_absolute_paths_stay_absolute_unless_they_lead_into_the_run(place):
    folder = place / "runs" / "a"
    folder.mkdir(parents=True)
    assert source_to_stored(str(place / "data" / "fox.txt"), folder) == str(place / "data" / "fox.txt")
    assert to_stored(str(folder / "likelihood"), folder) == "./likelihood"


def test_a_path_through_a_link_leads_to_the_same_file(place, tmp_path):
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (place / "runs").symlink_to(tmp_path / "elsewhere" / "deep")
    stored = source_to_stored("data/fox.txt", place / "runs" / "a")
    assert (tmp_path / "elsewhere" / "deep" / "a" / stored).resolve() == place / "data" / "fox.txt"
    assert same_sources([from_stored(stored, place / "runs" / "a")], ["data/fox.txt"])


def test_relative_sources_of_format_2_are_relative_to_the_working_folder(place):
    sources = ["../data/*.txt", "python-docs", "/corpus.txt"]
    migrated = migrate({"format": 2, "sources": sources}, "config.json")
    assert migrated["sources"] == [str(place.parent / "data" / "*.txt"), "python-docs", "/corpus.txt"]
    assert migrate({"format": 3, "sources": sources}, "config.json")["sources"] == sources


def test_a_run_reveals_no_folder_and_can_be_moved_with_its_corpus(place, tmp_path, monkeypatch):
    parent = seqloom.train("data/fox.txt", run="runs/parent", **SMALL)
    run = seqloom.train("data/fox.txt", run="runs/a", from_run="runs/parent", **SMALL)
    stored = json.loads((place / "runs" / "a" / "config.json").read_text())
    assert (stored["sources"], stored["parent"]) == (["../../data/fox.txt"], "../parent")
    for name in ("config.json", "report.md", "metrics.json"):
        assert str(tmp_path) not in (place / "runs" / "a" / name).read_text()
    assert (run.config.sources, run.config.parent) == (("data/fox.txt",), "runs/parent")
    assert parent.config.source == "data/fox.txt"
    weights = run.folder.weights_file.read_bytes()
    shutil.move(place, tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    moved = seqloom.load("moved/runs/a")
    assert moved.config.parent == "moved/runs/parent"
    assert moved.evaluate(split="train").tokens > 0
    moved.folder.report_file.unlink()
    with pytest.raises(ConfigError, match="leave the source out"):
        train("moved/runs", run="moved/runs/a", resume=True)
    train("moved/data/fox.txt", run="moved/runs/a", resume=True, with_report=False)
    assert moved.folder.weights_file.read_bytes() == weights
    shutil.move("moved/runs/a", "alone")
    with pytest.raises(SourceError, match="no source"):
        train(run="alone", resume=True, with_report=False)
    train("moved/data/fox.txt", run="alone", resume=True, with_report=False)
    (tmp_path / "other.txt").write_text("something else " * 30)
    with pytest.raises(RunError, match="has changed since"):
        train("other.txt", run="alone", resume=True, with_report=False)
