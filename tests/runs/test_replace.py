"""Taking an earlier run's place: what comes back, what goes, and what is kept where it cannot come back."""

import os

import pytest

from seqloom.runs.layout import RunFolder
from seqloom.runs.replace import replacing_run


@pytest.fixture
def folder(tmp_path):
    for name in ("config.json", "model.safetensors", "asked.json", "own.txt"):
        (tmp_path / name).write_text("old")
    return RunFolder(tmp_path)


def names(folder):
    return {str(file.relative_to(folder.path)): file.read_text() for file in folder.path.rglob("*") if file.is_file()}


def replaced(folder, error, meanwhile):
    with replacing_run(folder):
        meanwhile()
        raise error


def test_what_fails_before_it_has_weights_gives_the_folder_back(folder):
    before = names(folder)

    def begin():
        assert set(names(folder)) > {"own.txt", "state/replaced/asked.json"}
        folder.config_file.write_text("new")

    with pytest.raises(ValueError, match="early"):
        replaced(folder, ValueError("early"), begin)
    assert names(folder) == before


def test_with_weights_of_its_own_it_stays(folder):
    def begin():
        folder.config_file.write_text("new")
        folder.weights_file.write_text("new")

    with pytest.raises(ValueError, match="late"):
        replaced(folder, ValueError("late"), begin)
    assert names(folder) == {"own.txt": "old", "config.json": "new", "model.safetensors": "new"}


def test_what_cannot_come_back_is_kept(folder, monkeypatch):
    def refused(source, target):
        raise OSError("refused")

    with pytest.raises(OSError, match="refused"):
        replaced(folder, ValueError("early"), lambda: monkeypatch.setattr(os, "replace", refused))
    assert (folder.backup_folder / "model.safetensors").read_text() == "old"
