"""The compiled library is used only if it is the one that these sources make."""

import ctypes
import shutil
from pathlib import Path

import pytest

from seqloom.errors import SeqloomError
from seqloom.kernels import library
from seqloom.kernels.build_hash import build_hash
from seqloom.kernels.decoding_abi import Model, SamplingSettings

needs_library = pytest.mark.skipif(library.library() is None, reason="the compiled kernels are not there")


def opened(monkeypatch, path: Path):
    monkeypatch.setattr(library, "_LIBRARY", path)
    return library.library.__wrapped__()


@pytest.fixture
def copy(tmp_path):
    """A copy of the library, which the process can open beside the original."""
    return Path(shutil.copy(library._LIBRARY, tmp_path / "_native.so"))


def test_a_missing_library_is_none(monkeypatch, tmp_path):
    assert opened(monkeypatch, tmp_path / "missing.so") is None


def test_a_damaged_library_is_refused(monkeypatch, tmp_path):
    (tmp_path / "_native.so").write_text("no library")
    with pytest.warns(RuntimeWarning, match=r"cannot be opened .*python native_build\.py"):
        assert opened(monkeypatch, tmp_path / "_native.so") is None


@needs_library
@pytest.mark.parametrize("kept", [20, 64, 0.001, 0.5, 0.99, -1])
def test_a_truncated_library_is_refused(monkeypatch, copy, kept):
    """Loading one would end this process."""
    content = copy.read_bytes()
    if not content.startswith(b"\x7fELF"):
        pytest.skip("the loader of this system refuses a truncated library itself")
    copy.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    with pytest.warns(RuntimeWarning, match="cannot be opened .*is truncated: it has .* bytes, and its header"):
        assert opened(monkeypatch, copy) is None


@needs_library
def test_a_library_of_another_version_is_refused(monkeypatch, copy):
    assert opened(monkeypatch, copy) is not None
    monkeypatch.setattr(library, "__version__", "0.0.9")
    with pytest.warns(RuntimeWarning, match=r"the library is of version .*, and the package of 0\.0\.9"):
        assert opened(monkeypatch, copy) is None


@needs_library
def test_a_stale_library_is_refused(monkeypatch, copy, tmp_path):
    changed = shutil.copytree(library._SOURCES, tmp_path / "native")
    monkeypatch.setattr(library, "_SOURCES", changed)
    assert opened(monkeypatch, copy) is not None
    with (changed / "training" / "gemm.h").open("a") as source:
        source.write("\n")
    with pytest.warns(RuntimeWarning, match="stale: it was built from other sources"):
        assert opened(monkeypatch, copy) is None


@needs_library
def test_a_library_without_sources_is_used(monkeypatch, copy, tmp_path):
    monkeypatch.setattr(library, "_SOURCES", tmp_path / "none")
    assert opened(monkeypatch, copy) is not None


def test_another_library_is_refused(monkeypatch):
    import numpy.linalg._umath_linalg as other

    with pytest.warns(RuntimeWarning, match="cannot be opened"):
        assert opened(monkeypatch, Path(other.__file__)) is None


def test_a_library_that_is_off_is_not_opened(monkeypatch):
    def fail():
        raise AssertionError("the library was opened")

    monkeypatch.setattr(library, "library", fail)
    monkeypatch.setenv("SEQLOOM_KERNELS", "off")
    assert library.available_kernels() == ()
    assert library.chosen_kernels() is None
    assert library.training_kernels("bfloat16") is None


def test_the_hash_covers_names_contents_and_flags(tmp_path):
    hashes = set()
    for name, text in [("a.h", "x"), ("a.h", "y"), ("b.h", "y"), ("build.toml", "y"), ("a/b.h", "y")]:
        folder = tmp_path / f"{len(hashes)}"
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text(text)
        (folder / "README.md").write_text(f"{len(hashes)} is not compiled")
        hashes.add(build_hash(folder))
    assert len(hashes) == 5
    assert build_hash(tmp_path / "missing") is None


@needs_library
def test_a_structure_of_another_size_is_refused():
    class Shorter(ctypes.Structure):
        _fields_ = Model._fields_[:-2]

    assert library.declare({}, {"Model": Model}, remedy="") is library.library()
    with pytest.raises(SeqloomError, match=r"Model has \d+ bytes in the library and \d+ in Python; build them again"):
        library.declare({}, {"Model": Shorter}, remedy="")
    with pytest.raises(SeqloomError, match="Nothing has 0 bytes"):
        library.declare({}, {"Nothing": Model}, remedy="")


def test_a_structure_refuses_fields_that_it_does_not_have():
    with pytest.raises(TypeError, match="SamplingSettings has no fields ahead"):
        SamplingSettings(ahead=3)
