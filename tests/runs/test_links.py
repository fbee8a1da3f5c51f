"""No command deletes or moves files behind a link, or outside of its folder."""

import os
import shutil
from pathlib import Path

import pytest

import seqloom
from seqloom import disk
from seqloom.api import describe
from seqloom.config.options import TrainOptions
from seqloom.errors import RunError
from seqloom.files import cache_folder, write_checked_json
from seqloom.lm.train import train
from seqloom.replacement import settle

SETTINGS = {"hidden_size": 4, "batch_size": 2, "sequence_length": 8, "steps": 3, "threads": 1}


@pytest.fixture(scope="module")
def trained(text_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seqloom.train(text_file, run=tmp_path_factory.mktemp("runs") / "run", **SETTINGS).path


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained, tmp_path / "run")


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """A folder with a file of the user."""
    others = tmp_path / "others"
    others.mkdir()
    (others / "thesis.txt").write_text("own", encoding="utf-8")
    return others


def is_whole(others: Path) -> bool:
    return [path.name for path in others.rglob("*")] == ["thesis.txt"]


def test_removing_a_link_to_a_folder_keeps_the_folder(others: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(others)
    disk.remove_tree(tmp_path / "link")
    assert is_whole(others)
    assert not (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("kind", ["link", "dangling link", "file"])
def test_a_store_in_the_cache_is_not_what_lies_behind_a_link(
    text_file: Path, others: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    seqloom.train(text_file, run=tmp_path / "first", **SETTINGS)
    (store,) = cache_folder("stores").iterdir()
    shutil.rmtree(store)
    if kind == "file":
        store.write_text("something else", encoding="utf-8")
    else:
        store.symlink_to(others if kind == "link" else tmp_path / "nothing")
    seqloom.train(text_file, run=tmp_path / "second", **SETTINGS)
    assert is_whole(others)
    assert store.is_dir()
    assert not store.is_symlink()


def test_making_room_in_the_cache_changes_nothing_behind_a_link(
    text_file: Path, others: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SEQLOOM_CACHE_SIZE", "0")
    cache_folder("stores").mkdir(parents=True)
    (cache_folder("stores") / "another").symlink_to(others)
    seqloom.train(text_file, run=tmp_path / "first", **SETTINGS)
    assert is_whole(others)


def test_a_staging_folder_that_is_a_link_is_refused(run: Path, others: Path, text_file: Path) -> None:
    (run / ".seqloom-new").symlink_to(others)
    with pytest.raises(RunError, match="is a link, where seqloom expects a folder of its own: remove it"):
        describe(run)
    with pytest.raises(RunError, match="is a link"):
        seqloom.train(text_file, run=run, overwrite=True, **SETTINGS)
    assert is_whole(others)


def test_a_file_of_the_user_with_nearly_a_temporary_name_stays(run: Path) -> None:
    (run / ".seqloom-notes.tmp").write_text("own", encoding="utf-8")
    describe(run)
    assert (run / ".seqloom-notes.tmp").exists()


@pytest.mark.parametrize("name", ["lock", "journal.json"])
@pytest.mark.parametrize("kind", ["dangling link", "link", "pipe", "folder"])
def test_a_staging_folder_has_only_files_of_seqloom(run: Path, others: Path, name: str, kind: str) -> None:
    """A dangling link was created, and reading a pipe waited forever."""
    path = run / ".seqloom-new" / name
    path.parent.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(others / ("thesis.txt" if kind == "link" else "nothing"))
    with pytest.raises(RunError, match=f"{name} is .*, where seqloom expects a file of its own"):
        describe(run)
    assert is_whole(others)


def test_a_link_named_like_a_temporary_folder_stays(run: Path, others: Path) -> None:
    (run / ".seqloom-1f09ab3c.tmp").symlink_to(others)
    describe(run)
    assert is_whole(others)
    assert (run / ".seqloom-1f09ab3c.tmp").is_symlink()


@pytest.mark.parametrize("linked", [False, True])
def test_a_journal_moves_no_files_from_outside(run: Path, others: Path, *, linked: bool) -> None:
    staging = run / ".seqloom-new"
    staging.mkdir()
    if linked:
        (staging / "new").symlink_to(others)
    journal = {
        "source": ".seqloom-new/new" if linked else "../others",
        "install": ["thesis.txt"],
        "remove": ["report.md"],
    }
    write_checked_json(staging / "journal.json", journal)
    with pytest.raises(RunError, match="names files outside of"):
        describe(run)
    assert is_whole(others)
    assert (run / "report.md").exists()


@pytest.mark.parametrize(
    "content", ["garbage", "[]", '{"source": "new"}', '{"source": ".", "install": [], "remove": ["report.md"]}']
)
def test_a_damaged_journal_is_reported(run: Path, content: str) -> None:
    (run / ".seqloom-new").mkdir()
    (run / ".seqloom-new" / "journal.json").write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=r"journal\.json is damaged"):
        settle(run)


def test_a_backup_behind_a_link_stays(run: Path, trained: Path) -> None:
    shutil.rmtree(run)
    (run / "state").mkdir(parents=True)
    (run / "state" / "replaced").symlink_to(trained)
    with pytest.raises(RunError, match="no run at"):
        seqloom.load(run)
    assert seqloom.load(trained).generate(length=3)


def test_samples_of_the_user_survive_a_replacement(run: Path, text_file: Path) -> None:
    own = run / "samples" / "epoch-favourites.txt"
    own.parent.mkdir(exist_ok=True)
    own.write_text("own", encoding="utf-8")
    seqloom.train(text_file, run=run, overwrite=True, **SETTINGS)
    assert own.read_text(encoding="utf-8") == "own"


@pytest.mark.parametrize(
    "name", ["config.json", "codec.json", "model.safetensors", "state/training.safetensors", "log.jsonl"]
)
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(run: Path, text_file: Path, name: str) -> None:
    (run / name).unlink()
    os.mkfifo(run / name)
    with pytest.raises(RunError, match=rf"{name} cannot be read: it is not a file but a pipe"):
        describe(run, verify=True)
    seqloom.train(text_file, run=run, overwrite=True, **SETTINGS)
    assert (run / name).is_file()


def test_a_run_that_another_command_has_trained_meanwhile_stays(text_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"

    def train_another(_: object) -> None:
        seqloom.train(text_file, run=folder, **SETTINGS)

    with pytest.raises(RunError, match="another command has written into"):
        train(text_file, TrainOptions(**SETTINGS), run=folder, check=train_another)
    assert seqloom.load(folder).generate(length=3)
