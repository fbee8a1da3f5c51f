"""A library is compiled again only if it does not belong to the sources; the compiler is replaced here."""

import shutil
from pathlib import Path

import native_build
import pytest

from seqloom.kernels.library import available_kernels

ROOT = Path(__file__).parents[2]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a copy of the sources with a compiled library; a build writes the file `built` instead."""
    if not available_kernels():
        pytest.skip("the compiled kernels are not there, or off")
    shutil.copytree(ROOT / native_build.SOURCES.parent, tmp_path / native_build.SOURCES.parent)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    monkeypatch.setattr(native_build, "build_library", lambda root: (root / "built").touch())
    return tmp_path


def test_a_current_library_is_kept(repository: Path) -> None:
    assert native_build.update_library(repository) == repository / native_build.LIBRARY
    assert not (repository / "built").exists()


@pytest.mark.parametrize("changed", [native_build.SOURCES / "build.toml", Path("pyproject.toml")])
def test_another_library_is_built(repository: Path, changed: Path) -> None:
    text = (repository / changed).read_text(encoding="utf-8")
    (repository / changed).write_text(text.replace("-O3", "-O2").replace('version = "', 'version = "9.'))
    native_build.update_library(repository)
    assert (repository / "built").exists()


def test_a_damaged_library_is_built(repository: Path) -> None:
    library = repository / native_build.LIBRARY
    library.write_bytes(library.read_bytes()[: library.stat().st_size // 2])  # loading it ends a process
    native_build.update_library(repository)
    assert (repository / "built").exists()
