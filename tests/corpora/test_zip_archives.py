"""Sources in zip archives."""

import zipfile
from pathlib import Path

import pytest

from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.errors import SourceError
from seqloom.lm.train import default_folder


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "texts.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name in ("b.txt", "a.txt", "part/c.txt", "__MACOSX/a.txt", ".hidden.txt"):
            opened.writestr(name, f"the text of {name} ")
    return path


def texts(source: Path | str) -> list[str]:
    return ["".join(document.text.chunks) for document in open_corpus(source)]


def test_all_files_of_an_archive_are_read_in_order(archive: Path) -> None:
    assert texts(archive) == [f"the text of {name} " for name in ("a.txt", "b.txt", "part/c.txt")]
    assert open_corpus(archive).skipped == {"hidden file": 2}


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.txt", ["a.txt", "b.txt"]),
        ("part/*", ["part/c.txt"]),
        ("b.txt", ["b.txt"]),
        ("**/*.txt", ["a.txt", "b.txt", "part/c.txt"]),
        ("**/c.*", ["part/c.txt"]),
    ],
)
def test_a_pattern_chooses_files(archive: Path, pattern: str, names: list[str]) -> None:
    assert texts(f"{archive}/{pattern}") == [f"the text of {name} " for name in names]


def test_the_fingerprint_is_that_of_the_content(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("the text of b.txt ")
    assert open_corpus(f"{archive}/b.txt").fingerprint == open_corpus(tmp_path / "b.txt").fingerprint


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        (lambda path: path.write_bytes(b"PK\3\4 no archive"), "cannot be read as a zip archive"),
        (lambda path: path.write_bytes(path.read_bytes()[:-20]), "cannot be read as a zip archive"),
        (lambda path: path.write_bytes(b""), "cannot be read as a zip archive"),
    ],
)
def test_a_damaged_archive_is_refused(archive: Path, damage, fault: str) -> None:  # type: ignore[no-untyped-def]
    damage(archive)
    with pytest.raises(SourceError, match=fault):
        open_corpus(archive)


def test_a_pattern_without_files_is_refused(archive: Path) -> None:
    with pytest.raises(SourceError, match="no file that matches 'x\\*'"):
        open_corpus(f"{archive}/x*")


def test_content_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a.txt", "a" * (3 << 20))
    with pytest.raises(SourceError, match="when it is opened"):
        open_corpus(tmp_path / "bomb.zip", ReadingConfig(max_size=0.001))


def test_a_run_has_the_name_of_the_archive(archive: Path) -> None:
    assert default_folder(f"{archive}/*.txt") == default_folder(archive) == Path("runs/texts")
