"""The panel of a notebook, and where the progress of a training in Python is shown."""

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.text import Text

import seqloom
from seqloom.display import notebook, python_progress
from seqloom.display.notebook import NotebookPanel, as_html, in_notebook
from seqloom.display.progress import ProgressDisplay
from seqloom.training.events import Finished, Started, Step


class Cell:
    """The output of a cell."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def show(self, html: str) -> Any:
        self.shown.append(html)
        return self.shown.append


def test_a_panel_is_drawn_again_in_its_place() -> None:
    cell = Cell()
    panel = NotebookPanel(cell.show)
    panel.update(Text("too early"))
    assert not panel.is_started
    panel.start()
    panel.update(Text("half <done>"))
    panel.update(Text("not yet"), refresh=False)
    panel.stop()
    assert panel.is_started
    assert [("half &lt;done&gt;" in html) for html in cell.shown] == [False, True]
    assert as_html(Text("x")).startswith("<pre")


def test_a_notebook_shows_the_panel_of_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell()
    monkeypatch.setattr("seqloom.display.progress.in_notebook", lambda: True)
    monkeypatch.setattr(notebook, "_show", cell.show)
    with ProgressDisplay(title="a corpus") as display:
        display(Started(step=0, total_steps=10, steps_per_epoch=5, tokens_per_step=32, seconds_left=None))
        display(Step(step=1, loss=2.5, learning_rate=0.1, seconds=0.1, tokens=32))
        display(Finished(step=10, reason="done", best_loss=1.5, seconds=1.0))
    assert "a corpus" in cell.shown[-1]
    assert "2.500 nats" in cell.shown[-1]


@pytest.mark.parametrize(
    ("shell", "expected"), [("ZMQInteractiveShell", True), ("TerminalInteractiveShell", False), (None, False)]
)
def test_a_notebook_is_told_from_a_terminal(monkeypatch: pytest.MonkeyPatch, shell: str | None, expected: bool) -> None:
    instance = None if shell is None else type(shell, (), {})()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: instance))
    assert in_notebook() is expected


@pytest.mark.parametrize(
    ("progress", "is_terminal", "shown"),
    [(None, False, False), (None, True, True), (False, True, False), (True, False, True)],
)
def test_progress_is_shown_where_it_is_visible(
    monkeypatch: pytest.MonkeyPatch,
    text_file: Path,
    tmp_path: Path,
    progress: bool | None,
    is_terminal: bool,
    shown: bool,
) -> None:
    output = io.StringIO()
    monkeypatch.setattr(sys, "stderr", output)
    monkeypatch.setattr(python_progress, "can_draw_on", lambda console: is_terminal)
    settings: dict[str, Any] = {"hidden_size": 8, "batch_size": 4, "sequence_length": 8, "threads": 1, "steps": 3}
    seqloom.train(text_file, run=tmp_path / "run", progress=progress, **settings)
    assert ("training: 3 steps" in output.getvalue()) is shown
    assert ("validation:" in output.getvalue()) is shown
