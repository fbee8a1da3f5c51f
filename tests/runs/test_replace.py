"""Replacing a run: what is restored, what is removed, and what stays in the backup."""

import os

import pytest

from seqloom.errors import RunError
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


def test_a_failure_before_weights_restores_the_folder(folder):
    before = names(folder)

    def begin():
        assert set(names(folder)) > {"own.txt", "state/replaced/asked.json"}
        folder.config_file.write_text("new")

    with pytest.raises(ValueError, match="early"):
        replaced(folder, ValueError("early"), begin)
    assert names(folder) == before


def test_a_failure_after_weights_keeps_the_new_run(folder):
    def begin():
        folder.config_file.write_text("new")
        folder.weights_file.write_text("new")

    with pytest.raises(ValueError, match="late"):
        replaced(folder, ValueError("late"), begin)
    assert names(folder) == {"own.txt": "old", "config.json": "new", "model.safetensors": "new"}


def test_files_that_cannot_be_restored_stay_in_the_backup(folder, monkeypatch):
    def refused(source, target):
        raise OSError("refused")

    with pytest.raises(OSError, match="refused"):
        replaced(folder, ValueError("early"), lambda: monkeypatch.setattr(os, "replace", refused))
    assert (folder.backup_folder / "model.safetensors").read_text() == "old"


def test_a_folder_that_cannot_be_moved_as_a_whole_is_left_as_it_was(folder, monkeypatch):
    before, move, num_moves = names(folder), os.replace, []

    def fail_at_the_third(source, target):
        num_moves.append(source)
        if len(num_moves) == 3:
            raise OSError(28, "No space left on device")
        move(source, target)

    monkeypatch.setattr(os, "replace", fail_at_the_third)
    with pytest.raises(RunError, match=r"cannot replace .*: No space left on device"):
        replaced(folder, ValueError("never"), lambda: None)
    assert len(num_moves) == 5  # two files moved, the third failed, two moved back
    assert names(folder) == before
