import io

import pytest
from rich.console import Console

from seqloom.cli.flags import with_flags
from seqloom.display import stage_display as module
from seqloom.display.stage_display import StageDisplay, clock


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def now(monkeypatch):
    """The clock that the display reads, in seconds; set its first item."""
    time = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: time[0])
    return time


@pytest.fixture
def file():
    return io.StringIO()


def test_elsewhere_a_stage_is_a_line_and_then_a_line_every_fifteen_seconds(now, file):
    with StageDisplay(60.0, Console(file=file)) as stages:
        stages.stage("generating texts")
        for _ in range(47):
            now[0] += 1
            stages.update()
        stages.stage("fitting the stack")
    assert file.getvalue().splitlines() == [
        "generating texts ...",
        "generating texts, 0:45 left",
        "generating texts, 0:30 left",
        "generating texts, 0:15 left",
        "fitting the stack ...",
    ]


def test_without_a_budget_the_time_that_has_passed_is_shown(now, file):
    with StageDisplay(console=Console(file=file)) as stages:
        stages.stage("counting n-grams")
        now[0] += 75
        stages.update()
    assert file.getvalue().splitlines() == ["counting n-grams ...", "counting n-grams, 1:15 so far"]


def test_a_note_is_a_line_and_may_be_translated(now, file):
    with StageDisplay(60.0, Console(file=file), translate=with_flags) as stages:
        stages.stage("reading")
        now[0] += 14
        stages.note("too short for `minutes`")
        now[0] += 14
        stages.update()
        now[0] += 1
        stages.update()
    assert file.getvalue().splitlines() == ["reading ...", "too short for --minutes", "reading, 0:31 left"]


def test_a_terminal_shows_one_line_that_changes_and_then_goes(now):
    console = Console(file=Screen(), force_terminal=True, width=80, legacy_windows=False)
    with StageDisplay(60.0, console) as stages:
        stages.stage("generating texts")
        now[0] += 5
        stages.update()
        stages.stage("fitting")
        stages.pause()
        shown = console.file.getvalue()
        now[0] += 5
        stages.update()
        assert console.file.getvalue() == shown
    assert "fitting, 0:55 left" in shown
    assert shown.count("\x1b[?25l") == shown.count("\x1b[?25h") == 1


@pytest.mark.parametrize(("seconds", "shown"), [(-5, "0:00"), (7.4, "0:07"), (754, "12:34"), (3723, "1:02:03")])
def test_durations(seconds, shown):
    assert clock(seconds) == shown
