"""Replacing a run: what is restored, what is removed, and what an interruption leaves."""

import errno
import os

import pytest

from seqloom import disk
from seqloom.errors import RunError, SeqloomError
from seqloom.files import write_checked_json, write_text
from seqloom.gan.request import remove_pending_run
from seqloom.replacement import STAGING_FOLDER, settle
from seqloom.runs.layout import RunFolder
from seqloom.runs.replace import replacing_run

OLD = ("config.json", "model.safetensors", "state/training.safetensors", "asked.json", "samples/epoch-0009.txt")
OWN = {"own.txt": "own", "samples/own.txt": "own"}


@pytest.fixture
def folder(tmp_path):
    write(tmp_path, dict.fromkeys(OLD, "old") | OWN)
    return RunFolder(tmp_path)


def write(path, files):
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)


def contents(folder):
    return {str(file.relative_to(folder.path)): file.read_text() for file in folder.path.rglob("*") if file.is_file()}


def save(folder, *names):
    write(folder.root, dict.fromkeys(names, "new"))
    folder.publish()


def replaced(folder, error, meanwhile):
    with replacing_run(folder, overwrite=True):
        meanwhile()
        raise error


def test_the_old_run_stays_until_weights_and_state_are_saved(folder):
    before = contents(folder)
    with replacing_run(folder, overwrite=True):
        for names in (("config.json", "log.jsonl"), ("model.safetensors",)):
            save(folder, *names)
            visible = {name: text for name, text in contents(folder).items() if not name.startswith(STAGING_FOLDER)}
            assert visible == before
        save(folder, "state/training.safetensors")
        new = ("config.json", "log.jsonl", "model.safetensors", "state/training.safetensors")
        assert contents(folder) == dict.fromkeys(new, "new") | OWN
        save(folder, "report.md")
    assert contents(folder) == dict.fromkeys((*new, "report.md"), "new") | OWN


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_before_the_first_save_keeps_the_old_run(folder, error):
    before = contents(folder)
    with pytest.raises(error, match="early"):
        replaced(folder, error("early"), lambda: save(folder, "config.json", "model.safetensors"))
    assert contents(folder) == before
    assert folder.root == folder.path


def test_a_failure_after_the_first_save_keeps_the_new_run(folder):
    names = ("config.json", "model.safetensors", "state/training.safetensors")
    with pytest.raises(ValueError, match="late"):
        replaced(folder, ValueError("late"), lambda: save(folder, *names))
    assert contents(folder) == dict.fromkeys(names, "new") | OWN


def test_a_new_training_that_fails_early_leaves_only_files_of_others(tmp_path):
    write(tmp_path, OWN)
    folder = RunFolder(tmp_path)
    with pytest.raises(ValueError, match="early"):
        replaced(folder, ValueError("early"), lambda: save(folder, "config.json", "log.jsonl"))
    assert contents(folder) == OWN


@pytest.mark.parametrize("number", range(1, 8))
def test_an_exchange_that_fails_is_completed(folder, monkeypatch, number):
    """From one operation on, everything fails after the journal is written; the next command completes the exchange."""
    names = ("config.json", "model.safetensors", "state/training.safetensors")
    operations = []

    def failing(operation, function, *arguments):
        if (folder.path / STAGING_FOLDER / "journal.json").exists():
            operations.append(operation)
            if len(operations) >= number:
                raise OSError(errno.EIO, "Input/output error")
        return function(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "perform", failing)
        with (
            pytest.raises(SeqloomError, match=r"cannot write .*Input/output error"),
            replacing_run(folder, overwrite=True),
        ):
            save(folder, *names)
    assert not settle(folder.path)
    assert contents(folder) == dict.fromkeys(names, "new") | OWN
    assert not (folder.path / STAGING_FOLDER).exists()


def test_an_error_names_the_place_of_a_staged_file(folder):
    with replacing_run(folder, overwrite=True):
        (folder.root / "plots").write_text("in the way")
        with pytest.raises(SeqloomError) as caught:
            write_text(folder.plots_folder / "loss.png", "")
    assert str(caught.value).startswith(f"cannot write {folder.path / 'plots' / 'loss.png'}: ")


def test_a_request_that_cannot_be_removed_is_one_clear_error(folder, monkeypatch):
    def refuse(operation, function, *arguments):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(disk, "perform", refuse)
    with pytest.raises(SeqloomError, match=r"cannot write .*asked\.json: Input/output error"):
        remove_pending_run(folder)


def test_two_replacements_at_once_are_refused(folder):
    with (
        replacing_run(folder, overwrite=True),
        pytest.raises(RunError, match="another process is writing into"),
        replacing_run(RunFolder(folder.path), overwrite=True),
    ):
        pass


@pytest.mark.parametrize("name", ["../outside.txt", "link/outside.txt"])
def test_a_journal_cannot_reach_files_outside(folder, tmp_path_factory, name):
    outside = tmp_path_factory.mktemp("outside") / "outside.txt"
    outside.write_text("precious")
    (folder.path / "link").symlink_to(outside.parent)
    journal = {"source": ".seqloom-new/new", "install": [], "remove": [name]}
    write_checked_json(folder.path / STAGING_FOLDER / "journal.json", journal)
    with pytest.raises(RunError, match="names files outside"):
        settle(folder.path)
    assert outside.read_text() == "precious"


def test_a_file_that_cannot_be_replaced_is_noticed_before_anything_moves(folder):
    (folder.path / "log.jsonl").mkdir()
    before = contents(folder)
    with (
        pytest.raises(SeqloomError, match=r"cannot write .*log.jsonl is a folder"),
        replacing_run(folder, overwrite=True),
    ):
        save(folder, "config.json", "log.jsonl", "model.safetensors", "state/training.safetensors")
    assert contents(folder) == before


class TestBackupsOfEarlierVersions:
    """Earlier versions moved the old run, config first, to `state/replaced` before they wrote the new one."""

    BACKUP = dict.fromkeys([f"state/replaced/{name}" for name in OLD], "old")

    def test_a_run_without_weights_gives_way_to_the_backup(self, tmp_path):
        write(tmp_path, self.BACKUP | {"config.json": "new", "log.jsonl": "new"} | OWN)
        folder = RunFolder(tmp_path)
        assert folder.settle()
        assert without_lock(folder) == dict.fromkeys(OLD, "old") | OWN

    @pytest.mark.parametrize("num_moved", range(1, len(OLD) + 1))
    def test_files_that_were_not_moved_yet_stay(self, tmp_path, num_moved):
        moved = {f"state/replaced/{name}": "old" for name in OLD[:num_moved]}
        write(tmp_path, moved | dict.fromkeys(OLD[num_moved:], "old") | OWN)
        folder = RunFolder(tmp_path)
        assert folder.settle()
        assert without_lock(folder) == dict.fromkeys(OLD, "old") | OWN

    def test_a_backup_next_to_a_new_run_stays(self, tmp_path):
        write(tmp_path, self.BACKUP | {"config.json": "new", "model.safetensors": "new"})
        before = contents(RunFolder(tmp_path))
        assert not RunFolder(tmp_path).settle()
        assert without_lock(RunFolder(tmp_path)) == before

    def test_a_backup_of_a_living_process_is_not_touched(self, tmp_path):
        write(tmp_path, self.BACKUP | {"config.json": "new"})
        with RunFolder(tmp_path).locked():
            before = contents(RunFolder(tmp_path))
            assert not RunFolder(tmp_path).settle()
            assert contents(RunFolder(tmp_path)) == before


def without_lock(folder):
    return {name: text for name, text in contents(folder).items() if os.path.basename(name) != "training.lock"}
