"""The compiler flags of the kernels: a library must run on processors older than the one that compiled it."""

from pathlib import Path

import native_build
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[str]]:
    """Return the compiler commands of a build for x86-64, without running them."""
    recorded: list[list[str]] = []
    monkeypatch.setattr(native_build, "_run", lambda *command: recorded.append([str(word) for word in command]))
    monkeypatch.setattr(native_build, "_is_x86", lambda: True)
    monkeypatch.setenv("CXX", "c++")
    native_build.link(ROOT, tmp_path)
    return recorded


def test_no_file_is_compiled_for_the_building_machine(commands: list[list[str]]) -> None:
    assert not [word for command in commands for word in command if word.startswith(("-march", "-mtune", "-mcpu"))]


def test_an_instruction_set_is_used_in_its_own_file_only(commands: list[list[str]]) -> None:
    sources_with_flags = {
        Path(next(word for word in command if word.endswith(".cpp"))).stem
        for command in commands
        if any(word.startswith("-m") for word in command)
    }
    assert sources_with_flags == {"isa_amx", "isa_avx512bf16", "isa_avx512", "isa_avx2"}
