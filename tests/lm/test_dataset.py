"""What is reported about a source is true of this source, also if its text was encoded before."""

import errno
import os
from pathlib import Path

import pytest

from seqloom import disk
from seqloom.codecs import fit_codec
from seqloom.config import ReadingConfig
from seqloom.lm.dataset import load_dataset


def notes_of(source: Path) -> list[str]:
    notes: list[str] = []
    load_dataset(
        source,
        ReadingConfig(),
        lambda corpus: fit_codec("char", corpus),
        hold_out=0.0,
        validation=0.1,
        note=notes.append,
    )
    return [note for note in notes if note.startswith("skipped")]


@pytest.mark.parametrize("folder_first", [True, False])
def test_skipped_files_are_those_of_the_source(tmp_path: Path, *, folder_first: bool) -> None:
    """The folder and the file have the same text, which is encoded once."""
    folder, alone = tmp_path / "folder", tmp_path / "alone.txt"
    folder.mkdir()
    (tmp_path / "outside.txt").write_text("another text", encoding="utf-8")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    for file in (folder / "text.txt", alone):
        file.write_text("the same text " * 50, encoding="utf-8")
    for source in (folder, alone) if folder_first else (alone, folder):
        assert notes_of(source) == (["skipped: 1 link out of the folder"] if source == folder else [])


def test_a_full_disk_of_the_cache_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEQLOOM_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "text.txt"
    source.write_text("another text " * 50, encoding="utf-8")
    make_folder = disk.make_folder

    def make_folder_elsewhere(path: Path) -> None:
        if path.is_relative_to(tmp_path / "cache"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        make_folder(path)

    monkeypatch.setattr(disk, "make_folder", make_folder_elsewhere)
    assert notes_of(source) == []
    assert not (tmp_path / "cache").exists()
