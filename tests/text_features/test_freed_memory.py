"""The C library is asked to keep freed memory, where it can be asked."""

import ctypes
import sys
from collections.abc import Iterator

import pytest

from seqloom.text_features.freed_memory import keep_freed_memory


@pytest.fixture(autouse=True)
def not_asked_yet() -> Iterator[None]:
    keep_freed_memory.cache_clear()
    yield
    keep_freed_memory.cache_clear()


class _Library:
    """A C library that records its calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def mallopt(self, parameter: int, value: int) -> int:
        self.calls.append((parameter, value))
        return 1


@pytest.mark.parametrize(("platform", "calls"), [("linux", [(-3, 1 << 30), (-1, 1 << 30)]), ("win32", [])])
def test_the_thresholds_of_glibc_are_set_once(
    monkeypatch: pytest.MonkeyPatch, platform: str, calls: list[tuple[int, int]]
) -> None:
    library = _Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    monkeypatch.setattr(sys, "platform", platform)
    keep_freed_memory()
    keep_freed_memory()
    assert library.calls == calls


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    monkeypatch.setattr(sys, "platform", "linux")
    assert keep_freed_memory() is None
