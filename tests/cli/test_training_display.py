import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from seqloom.api import load
from seqloom.cli.command_viewer import CommandViewer
from seqloom.display import training_display as module
from seqloom.display.training_display import TrainingViewer
from seqloom.lm.report import ReportSample
from seqloom.training.events import Finished, Started, Step

STARTED = Started(step=0, total_steps=100, steps_per_epoch=10, tokens_per_step=8)
STEP = Step(step=1, loss=2.0, learning_rate=0.1, seconds=0.1, tokens=8)
DONE = Finished(step=100, reason="done", best_loss=1.0, seconds=9.0)


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def config(trained):
    return load(trained).config


@pytest.fixture
def screen(monkeypatch):
    """Standard error as a terminal."""
    screen = Screen()
    console = Console(file=screen, force_terminal=True, width=80, height=40, legacy_windows=False)
    monkeypatch.setattr(module, "console", lambda: console)
    return screen


def report(texts):
    return SimpleNamespace(samples=texts)


def test_notes_after_training_stand_below_the_picture_and_the_texts(config, screen, monkeypatch, capsys):
    monkeypatch.setattr(module, "shows_terminal", lambda: True)
    with CommandViewer() as viewer:
        viewer.note("before")
        viewer.begin(config, 1.0, "characters")
        for event in (STARTED, STEP, DONE):
            viewer.listener()(event)
        picture = screen.getvalue()
        viewer.note("the summary")
        viewer.finished(report([ReportSample(0.5, "some text")]))
    drawn = screen.getvalue()
    assert picture.index("before") < picture.index("╭")
    assert "the summary" not in picture
    assert drawn.rindex("╰") < drawn.index("the summary")
    assert "some text" in capsys.readouterr().out
    assert drawn.count("\x1b[?25l") == drawn.count("\x1b[?25h")


def test_texts_are_printed_for_people_or_on_demand(config, capsys):
    for always in (False, True):
        with TrainingViewer(always_show_texts=always) as viewer:
            viewer.begin(config, 1.0, "characters")
            viewer.listener()(DONE)
            viewer.note("the summary")
            viewer.finished(report([ReportSample(0.5, "some text")]))
        written = capsys.readouterr()
        assert ("some text" in written.out) is always
        assert "the summary" in written.err
        assert "4 sequences of 16 tokens, " in written.err


def test_the_terminal_is_left_in_order_after_an_error(config, screen):
    def fail(viewer):
        with viewer:
            viewer.begin(config, 1.0, "characters")
            viewer.listener()(STARTED)
            raise KeyError

    with pytest.raises(KeyError):
        fail(TrainingViewer())
    assert screen.getvalue().count("\x1b[?25l") == screen.getvalue().count("\x1b[?25h") == 1


def test_one_set_of_samples_in_ten_seconds(config, screen, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with CommandViewer() as viewer:
        viewer.begin(config, 1.0, "characters")
        viewer.listener()(STARTED)
        for seconds, text in ((0, "first"), (5, "second"), (11, "third")):
            now[0] = 100.0 + seconds
            viewer.samples([(0.5, text)])
            viewer.listener()(STEP)
    drawn = screen.getvalue()
    assert "first" in drawn
    assert "third" in drawn
    assert "second" not in drawn


def test_samples_before_the_display_are_left_alone():
    with CommandViewer() as viewer:
        viewer.samples([(0.5, "text")])
        assert "before training began" in viewer.interrupted_message(Path("nowhere"), saved=False)


def test_messages_outlive_their_reader(monkeypatch):
    import os
    import sys

    from seqloom.cli import output
    from seqloom.display import terminal

    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as broken:
        monkeypatch.setattr(sys, "stderr", broken)
        console = terminal.console()
        for _ in range(3):
            console.print("on and on")
            output.note("still here")
