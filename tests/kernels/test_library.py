"""Whether the compiled library can be trusted: one that is damaged or another's is as good as none."""

import shutil
from pathlib import Path

import pytest

from seqloom.kernels import library


def opened(monkeypatch, path: Path):
    monkeypatch.setattr(library, "_LIBRARY", path)
    return library.library.__wrapped__()


def test_a_file_that_is_no_library_is_none(monkeypatch, tmp_path):
    (tmp_path / "_native.so").write_text("no library")
    assert opened(monkeypatch, tmp_path / "_native.so") is None
    assert opened(monkeypatch, tmp_path / "missing.so") is None


@pytest.mark.skipif(library.library() is None, reason="the compiled kernels are not there")
def test_a_library_of_another_version_is_none(monkeypatch, tmp_path):
    copy = tmp_path / "_native.so"
    shutil.copy(library._LIBRARY, copy)
    assert opened(monkeypatch, copy) is not None
    monkeypatch.setattr(library, "__version__", "0.0.9")
    assert opened(monkeypatch, copy) is None


def test_another_library_is_none(monkeypatch):
    import numpy.linalg._umath_linalg as other

    assert opened(monkeypatch, Path(other.__file__)) is None


def test_what_is_off_is_not_opened(monkeypatch):
    def fail():
        raise AssertionError("the library was opened")

    monkeypatch.setattr(library, "library", fail)
    monkeypatch.setenv("SEQLOOM_KERNELS", "off")
    assert library.available_kernels() == ()
    assert library.chosen_kernels() is None
    assert library.training_kernels("bfloat16") is None
