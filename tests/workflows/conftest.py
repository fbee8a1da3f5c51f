from pathlib import Path

import pytest
import torch

import seqloom
from seqloom.workflows.run import Run

TEXT = "the quick brown fox jumps over the lazy dog. " * 200


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "fox.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def run(text_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A small run that has learned the sentence."""
    return seqloom.train(
        text_file, run=tmp_path_factory.mktemp("runs") / "fox", steps=150, size=32, threads=1, hold_out=0.1, seed=1
    )
