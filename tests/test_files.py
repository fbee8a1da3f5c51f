"""Temporary files of killed processes are removed; those of living processes, and files of others, stay."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seqloom import disk
from seqloom.corpora.resumable_table import remove_table_leftovers
from seqloom.errors import RunError, SeqloomError
from seqloom.files import (
    creating_folder,
    is_temporary,
    quoted_path,
    remove_leftovers,
    replacing_file,
    write_checked_json,
    write_text,
)
from seqloom.replacement import replacing_content, settle

KILLED = """
import os, sys
from pathlib import Path
from seqloom.files import creating_folder, replacing_file
with replacing_file(Path("a.txt")) as file, creating_folder(Path("store")) as folder:
    file.write(b"half")
    (folder / "half").touch()
    os._exit(9)
"""


def test_the_files_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".seqloom-notes.txt").write_text("own")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", KILLED], cwd=tmp_path, env=environment)
    assert sum(is_temporary(path.name) for path in tmp_path.iterdir()) == 2
    with replacing_file(tmp_path / "a.txt") as file, creating_folder(tmp_path / "store") as folder:
        file.write(b"new")
        remove_leftovers(tmp_path)
        assert sum(is_temporary(path.name) for path in tmp_path.iterdir()) == 2  # those of this living process
        (folder / "whole").touch()
    assert {path.name for path in tmp_path.iterdir()} == {".seqloom-notes.txt", "a.txt", "store"}
    assert (tmp_path / "a.txt").read_bytes() == b"new"


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def fail_halfway() -> None:
        with replacing_file(path) as file:
            file.write(b"new")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(SeqloomError, match=r"cannot write .*a.txt: No space left on device"):
        fail_halfway()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]
    assert path.read_text() == "old"


def test_a_temporary_file_that_was_taken_for_a_leftover_is_created_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process can see the file between its creation and its lock."""
    opened, lock = [], disk.try_lock

    def remove_first(file):
        opened.append(file)
        if len(opened) == 1:
            next(path for path in tmp_path.iterdir() if is_temporary(path.name)).unlink()
        return lock(file)

    monkeypatch.setattr(disk, "try_lock", remove_first)
    write_text(tmp_path / "a.txt", "whole")
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert len(opened) == 2


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(
    ("leftovers", "rows", "is_useful"),
    [
        ({".t.csv.part.json"}, 0, False),
        ({".t.csv.part", ".t.csv.part.json"}, 0, False),
        ({".t.csv.part", ".t.csv.part.json", ".t.csv.part.finished"}, 0, False),
        ({".t.csv.part", ".t.csv.part.json"}, 5, True),
        ({".t.csv.part"}, 0, True),  # not of seqloom, which writes a journal first
    ],
)
def test_leftovers_of_a_table_that_nothing_can_use_are_removed(
    tmp_path: Path, leftovers: set[str], rows: int, is_useful: bool, resume: bool
) -> None:
    journal = {"rows": rows, "bytes": 0, "hash": "", "tally": {}, "origin": {}, "replaced": None}
    for name in leftovers:
        if name.endswith(".json"):
            write_checked_json(tmp_path / name, journal)
        else:
            (tmp_path / name).touch()
    (tmp_path / ".seqloom-1f09ab3c.tmp").touch()
    remove_table_leftovers(tmp_path / "t.csv", resume=resume)
    assert {path.name for path in tmp_path.iterdir()} == (leftovers if is_useful or resume else set())


def test_a_file_with_the_name_of_a_journal_stays(tmp_path: Path) -> None:
    (tmp_path / ".t.csv.part.json").write_text("own", encoding="utf-8")
    remove_table_leftovers(tmp_path / "t.csv", resume=False)
    assert (tmp_path / ".t.csv.part.json").exists()


def test_a_part_of_a_living_process_stays(tmp_path: Path) -> None:
    part = tmp_path / ".t.csv.part"
    journal = {"rows": 0, "bytes": 0, "hash": "", "tally": {}, "origin": {}, "replaced": None}
    write_checked_json(tmp_path / ".t.csv.part.json", journal)
    with disk.open_file(part, "new") as file:
        assert disk.try_lock(file)
        remove_table_leftovers(tmp_path / "t.csv", resume=False)
        assert part.exists()


def test_a_folder_in_a_folder_that_cannot_be_written_to_is_replaced(tmp_path: Path) -> None:
    """The parent may be read-only, and the folder a mount point: nothing outside of it is touched."""
    folder = tmp_path / "parent" / "folder"
    folder.mkdir(parents=True)
    write_text(folder / "a.txt", "old")
    touched = []
    perform = disk.perform

    def watch(operation, function, *arguments):
        touched.extend(Path(argument) for argument in arguments if isinstance(argument, str | Path))
        return perform(operation, function, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "perform", watch)
        with replacing_content(folder, lambda: [folder / "a.txt"]) as staged:
            write_text(staged / "a.txt", "new")
    assert (folder / "a.txt").read_text() == "new"
    assert all(path.is_relative_to(folder) and path != folder for path in touched)


def test_a_living_replacement_is_neither_disturbed_nor_repeated(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "old")
    with replacing_content(tmp_path, lambda: [tmp_path / "a.txt"]) as staged:
        write_text(staged / "a.txt", "new")
        assert not settle(tmp_path)
        with (
            pytest.raises(RunError, match="another process is writing into"),
            replacing_content(tmp_path, lambda: []),
        ):
            pass
        assert (tmp_path / "a.txt").read_text() == "old"
    assert (tmp_path / "a.txt").read_text() == "new"


def test_a_path_in_a_command_is_no_option() -> None:
    assert quoted_path(Path("-dash")) == "./-dash"
    assert quoted_path(Path("a b")) == "'a b'"
