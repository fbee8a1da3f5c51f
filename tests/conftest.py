"""What tests share: shapes enforced, a cache of their own, and the real corpora where they are at hand."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

# Before anything imports numpy or torch: threads that fight over busy processors make small products very slow.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jaxtyping
import pytest
import threadpoolctl
import torch
from jaxtyping import install_import_hook
from matplotlib.figure import Figure

# A plugin of pytest may have imported numpy before, which then has read the variable already.
threadpoolctl.threadpool_limits(1, user_api="blas")

# One hook for the folders whose signatures carry shapes; it must come before their first import.
SHAPE_CHECKED = ("kernels", "models")
install_import_hook([f"seqloom.{folder}" for folder in SHAPE_CHECKED], "beartype.beartype")

RENDER = Figure.savefig


def pytest_configure() -> None:
    """Shorten what takes seconds however small its texts are; each test of a default names its own numbers."""
    from seqloom.config.presets import PRESETS
    from seqloom.gan import networks, session, trainer
    from seqloom.lm import budget
    from seqloom.text_features.config import EncoderSettings, NetworkSettings

    budget._CALIBRATION_SECONDS = 0.1
    for name, preset in PRESETS.items():
        PRESETS[name] = replace(preset, samples=replace(preset.samples, length=100))  # type: ignore[index]
    for settings in (EncoderSettings, NetworkSettings):
        settings.__init__.__kwdefaults__["updates"] = 60  # type: ignore[misc]
    networks._CHANNELS, networks._HIDDEN_SIZE = 4, 16
    session._NUM_GREEDY_TEXTS, trainer._DIVERSITY_TEXTS = 60, 64
    Figure.savefig = save_blank  # type: ignore[method-assign]
    jaxtyping.config.update("jaxtyping_disable", True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `slow_tests.txt` names, and those with a fixture that it names."""
    slow = set((Path(__file__).parent / "slow_tests.txt").read_text(encoding="utf-8").split())
    for item in items:
        file = item.nodeid.partition("::")[0]
        names = {item.nodeid.partition("[")[0], *(f"{file}::{name}" for name in getattr(item, "fixturenames", ()))}
        if names & slow:
            item.add_marker("slow")


def save_blank(figure: Figure, file: Any, *, format: str, **settings: Any) -> None:
    """Write a PNG of one pixel instead of the figure: to draw it takes longer than most trainings of the tests."""
    if format == "svg":
        RENDER(figure, file, format=format, **settings)
        return
    figure.clear()
    figure.set_size_inches(1, 1)
    figure.set_layout_engine("none")
    RENDER(figure, file, format=format, dpi=1)


@pytest.fixture
def rendered_plots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw plots as users see them."""
    monkeypatch.setattr(Figure, "savefig", RENDER)


@pytest.fixture(autouse=True)
def checked_shapes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check the shapes of arrays in the tests of kernels and models; elsewhere, the checks take a third of the time."""
    if {*SHAPE_CHECKED} & {*request.path.parts}:
        monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", False)


@pytest.fixture(autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the tests out of the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("SEQLOOM_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def corpora_dir() -> Path:
    """The folder of real corpora, named by SEQLOOM_CORPORA."""
    named = os.environ.get("SEQLOOM_CORPORA")
    if not named or not Path(named).is_dir():
        pytest.skip("SEQLOOM_CORPORA does not name a folder of real corpora")
    return Path(named)


@pytest.fixture(autouse=True)
def usual_messages() -> Iterator[None]:
    """Restore the usual messages after a test of a quiet command: the choice holds for the whole process."""
    yield
    from seqloom.display.verbosity import Verbosity, set_verbosity

    set_verbosity(Verbosity.NORMAL)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Compute with one thread, so that results do not depend on the number of cores."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def text_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small text file of one repeated sentence."""
    path = tmp_path_factory.mktemp("text") / "fox.txt"
    path.write_text("the quick brown fox jumps over the lazy dog. " * 200, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def run(text_file: Path, tmp_path_factory: pytest.TempPathFactory) -> "Run":
    """Return a small run that has learned the sentence."""
    import seqloom

    return seqloom.train(
        text_file,
        run=tmp_path_factory.mktemp("runs") / "fox",
        steps=150,
        hidden_size=32,
        threads=1,
        hold_out=0.1,
        seed=1,
    )
