import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
import torch

from seqloom.cli.app import call

TEXT = "the quick brown fox jumps over the lazy dog. " * 120


class Outcome(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def faults(self) -> list[str]:
        """The lines of standard error that are faults."""
        return [line.removeprefix("seqloom: ") for line in self.err.splitlines() if line.startswith("seqloom: ")]

    @property
    def notes(self) -> list[str]:
        """The other lines of standard error."""
        return [line for line in self.err.splitlines() if not line.startswith("seqloom: ")]


Command = Callable[..., Outcome]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process."""

    def run(*words: object) -> Outcome:
        capfd.readouterr()
        code = call([str(word) for word in words])
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    path = tmp_path / "fox.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "NO_COLOR", "SEQLOOM_TRACEBACK", "SEQLOOM_CORPORA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a few steps on a text that lies beside it."""
    folder = tmp_path_factory.mktemp("trained")
    source = folder / "fox.txt"
    source.write_text(TEXT, encoding="utf-8")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SEQLOOM_CACHE", str(folder / "cache"))
        shape = "--hidden-size 16 --batch-size 4 --sequence-length 16"
        flags = f"--steps 30 {shape} --hold-out 0.1 --threads 1 --seed 1".split()
        assert call(["train", str(source), "--run", str(folder / "run"), *flags]) == 0
    return folder / "run"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may change."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def digest(folder: Path) -> dict[str, str]:
    """The hash of every file under a folder."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(name="digest")
def give_digest() -> Callable[[Path], dict[str, str]]:
    return digest


@pytest.fixture
def unchanged(trained: Path) -> Callable[[Path], bool]:
    """Whether a copy of the run is still what it was."""
    return lambda folder: digest(folder) == digest(trained)
