import io
import math

import pytest
from rich.console import Console

from seqloom.display import progress as module
from seqloom.display.progress import ProgressDisplay
from seqloom.training.events import Epoch, Finished, Paused, Replanned, RolledBack, Started, Step, Validated

STARTED = Started(step=0, total_steps=1000, steps_per_epoch=100, tokens_per_step=64)


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def now(monkeypatch):
    """The clock that the display reads, in seconds; set its first item."""
    time = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: time[0])
    return time


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch):
    for name in ("FORCE_COLOR", "NO_COLOR", "TERM", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


def step(number, loss=2.0):
    return Step(step=number, loss=loss, learning_rate=0.1, seconds=number / 100, tokens=64 * number)


def terminal():
    return Console(file=Screen(), force_terminal=True, width=80, height=40, legacy_windows=False)


def pictures(console):
    """How often the panel was drawn."""
    return console.file.getvalue().count("╰")


def plain_lines(events, now, seconds_each=1.0):
    console = Console(file=io.StringIO())
    with ProgressDisplay(console=console, units_per_token=2.0) as display:
        for event in events:
            display(event)
            now[0] += seconds_each
    return console.file.getvalue().splitlines()


def test_a_best_that_looks_like_the_newest_is_not_said(now):
    events = [STARTED, *map(step, range(1, 4))]
    for number, (loss, best) in enumerate([(1.5001, True), (1.5004, False), (1.51, False)]):
        events += [Validated(step=number, loss=loss, best=best, seconds=1.0)]
    shown = [line.split("  ")[3:5] for line in plain_lines(events, now, seconds_each=6.0) if "validation" in line]
    assert [parts[0] for parts in shown] == ["validation 1.500", "validation 1.500", "validation 1.510"]
    assert [parts[1].startswith("best") for parts in shown] == [False, False, True]


def test_plain_lines_say_start_state_and_end(now):
    events = [STARTED, *map(step, range(1, 18)), Finished(step=17, reason="done", best_loss=1.5, seconds=61.0)]
    assert plain_lines(events, now) == [
        "training: 1,000 steps of 64 tokens, 100 per epoch",
        "step 15 of 1,000 (1 %)  epoch 1  loss 2.000  12,800 characters/s  16:25 left",
        "done: 17 steps in 1:01, best validation 1.500 nats per token (quick check)",
    ]


def test_plain_lines_are_rare_however_many_events_come(now):
    events = [STARTED]
    for number in range(1, 1001):
        events.append(step(number))
        events.append(Validated(step=number, loss=1.0, best=True, seconds=1.0))
        events.append(Epoch(epoch=number, step=number, seconds=1.0))
    lines = plain_lines(events, now, seconds_each=0.01)
    assert len(lines) <= 2 + 30 / 2
    assert max(map(len, lines)) < 130


def test_a_validation_is_told_soon(now):
    quick = [Validated(step=1, loss=1.25, best=True, seconds=1.0)]
    assert len(plain_lines([STARTED, *quick], now)) == 1
    lines = plain_lines([STARTED, *map(step, range(1, 5)), *quick], now)
    assert "validation 1.250" in lines[-1]


def test_going_on_is_told(now):
    lines = plain_lines([Started(step=40, total_steps=1000, steps_per_epoch=100, tokens_per_step=64)], now)
    assert lines == ["continuing after step 40 of 1,000: 64 tokens per step, 100 per epoch"]


def test_an_explosion_is_told_at_once(now):
    lines = plain_lines([STARTED, RolledBack(step=512, to_step=400, loss=math.nan, rate_factor=0.5)], now)
    assert lines[1] == "the loss exploded at step 512 (nan): went back to step 400, learning rate × 0.5"


def test_a_pause_is_told_and_does_not_count(now):
    limited = Started(step=0, total_steps=1000, steps_per_epoch=100, tokens_per_step=64, seconds_left=60.0)
    console = Console(file=io.StringIO())
    with ProgressDisplay(console=console) as display:
        display(limited)
        now[0] += 3600
        display(Paused(step=1, seconds=3600.0))
        display(Replanned(step=1, total_steps=500))
        now[0] += 20
        display(step(1))
    lines = console.file.getvalue().splitlines()
    assert lines[1] == "the process did not run for 1:00:00; this time does not count"
    assert lines[2].startswith("step 1 of 500 (0 %)")
    assert lines[2].endswith("0:40 left")


def test_plain_text_has_no_control_characters_even_where_colours_are_forced(now, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    console = Console(file=io.StringIO())
    with ProgressDisplay(console=console) as display:
        display(STARTED)
        now[0] += 15
        display(step(1))
    assert len(console.file.getvalue().splitlines()) == 2
    assert not set(console.file.getvalue()) & set("\r\x1b")


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_dumb_terminal_gets_lines(monkeypatch, term):
    monkeypatch.setenv("TERM", term)
    console = terminal()
    with ProgressDisplay(console=console) as display:
        display(STARTED)
    assert console.file.getvalue() == "training: 1,000 steps of 64 tokens, 100 per epoch\n"


def test_terminal_is_drawn_four_times_a_second_at_most(now):
    console = terminal()
    with ProgressDisplay(console=console) as display:
        display(STARTED)
        for number in range(1, 1001):
            now[0] += 0.001
            display(step(number))
    assert 4 <= pictures(console) <= 6


def test_slow_drawing_is_done_less_often(now, monkeypatch):
    def slow(*_):
        now[0] += 0.05
        return "╰"

    monkeypatch.setattr(module, "panel", slow)
    console = terminal()
    with ProgressDisplay(console=console) as display:
        display(STARTED)
        for number in range(1, 2001):
            now[0] += 0.01
            display(step(number))
    assert 5 <= pictures(console) <= 7


def test_samples_and_notes_are_shown(now):
    console = terminal()
    with ProgressDisplay(console=console, title="nietzsche") as display:
        display(STARTED)
        display.show_samples([(0.1, "left out"), (0.2, "old one")])
        for temperature, text in [(0.2, "cold"), (0.5, "mild"), (1.0, "warm"), (1.2, "hot")]:
            display.show_sample(temperature, text)
        now[0] += 1
        display(step(1))
        display.note("a [word] to say")
    shown = console.file.getvalue()
    for text in ("nietzsche", "cold", "mild", "warm", "hot", "a [word] to say"):
        assert text in shown
    assert "old one" not in shown
    assert "left out" not in shown


def test_the_cursor_comes_back_whatever_happens():
    console = terminal()

    def fail():
        with ProgressDisplay(console=console) as display:
            display(STARTED)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert console.file.getvalue().rindex("\x1b[?25h") > console.file.getvalue().rindex("\x1b[?25l")


def test_nothing_is_drawn_where_training_never_began():
    console = terminal()
    with ProgressDisplay(console=console):
        pass
    assert "╭" not in console.file.getvalue()


def test_the_curve_goes_on_after_a_break(now):
    screen = Screen()
    console = Console(file=screen, width=80, height=30, force_terminal=True, color_system=None)
    with ProgressDisplay(console=console, earlier_losses=[3.0] * 60 + [math.inf]) as display:
        display(STARTED)
        display(Step(step=1, loss=1.0, learning_rate=0.1, seconds=1.0, tokens=64))
        now[0] += 1
        display(Finished(step=1, reason="done", best_loss=None, seconds=1.0))
    curve = [line for line in screen.getvalue().splitlines() if "█" in line][-1]
    assert curve.count("█") > 40
