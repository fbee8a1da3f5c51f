"""How much a command says, and in which colours."""

import contextlib
import io
import os
import re
import subprocess
import sys

import pytest

from seqloom.cli import output
from seqloom.display import terminal


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch, line: str) -> str:
    stream = Terminal()
    with monkeypatch.context() as patches:
        patches.setattr(sys, "stderr", stream)
        output.note(line)
    return stream.getvalue()


def test_the_options_may_precede_the_command(command, text_file, tmp_path):
    training = ("train", text_file, "--steps", 3, "--hidden-size", 8, "--run", tmp_path / "run")
    assert command("-q", *training).err == ""
    assert command("corpora", "--quiet", "list").out


@pytest.mark.parametrize("flag", ["-q", "--quiet"])
def test_a_quiet_command_prints_results_warnings_and_errors_alone(command, text_file, tmp_path, flag):
    training = ("train", text_file, "--steps", 3, "--hidden-size", 8)
    assert command(*training, "--run", tmp_path / "loud").err
    done = command(*training, "--run", tmp_path / "run", flag)
    assert (done.code, done.err) == (0, "")
    written = command("generate", tmp_path / "run", "--length", 5, "--prompt", "the日", "--skip-unknown", flag)
    assert written.out
    assert written.notes == []
    assert written.faults == ["warning: left out of the prompt: '日'"]
    failed = command("generate", tmp_path / "run", "--length", 0, flag)
    assert failed.faults == ["--length got 0: choose a whole number from 1 up"]
    assert command("info", tmp_path / "run", flag).out


def test_a_verbose_command_prints_times_and_tracebacks(command, text_file, tmp_path, monkeypatch):
    done = command("train", text_file, "--steps", 3, "--hidden-size", 8, "--run", tmp_path / "run", "-v")
    assert done.code == 0
    assert all(re.match(r"\[ *[0-9]+\.[0-9][0-9] s\] ", line) for line in done.notes)
    assert not any("] [" in line for line in done.notes)
    assert command("generate", tmp_path / "run", "--length", 0, "-v").code == 2

    def fail(*_: object) -> None:
        raise ZeroDivisionError("of this test")

    monkeypatch.setattr("seqloom.cli.info_commands.print_table", fail)
    assert command("info", tmp_path / "run").faults[0].startswith("this should not have happened")
    with pytest.raises(ZeroDivisionError):
        command("info", tmp_path / "run", "-v")


def test_the_verbosity_of_one_command_is_not_that_of_the_next(command, text_file, tmp_path):
    training = ("train", text_file, "--steps", 3, "--hidden-size", 8, "--overwrite", "--run", tmp_path / "run")
    assert command(*training, "-q").err == ""
    assert command(*training).err != ""


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("seqloom: no run", "\x1b[31mseqloom: \x1b[0mno run"),
        ("seqloom: warning: slow", "\x1b[33mseqloom: warning: \x1b[0mslow"),
        ("seqloom: interrupted; saved", "\x1b[33mseqloom: \x1b[0minterrupted; saved"),
        ("a \x1b[31mname", "a \ufffd[31mname"),
    ],
)
def test_errors_and_warnings_have_a_colour_in_a_terminal(monkeypatch, line, shown):
    assert shown_on_a_terminal(monkeypatch, line) == f"{shown}\n"


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colours_are_left_out_on_request(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert shown_on_a_terminal(monkeypatch, "seqloom: no run") == "seqloom: no run\n"
    assert terminal.styled("heading", "bold", Terminal()) == "heading"


def test_a_table_aligns_numbers_and_has_a_bold_heading(capsys, monkeypatch):
    rows = [("run", "steps", "share"), ("a", "12", "5 % (1 % to 9 %)"), ("bc", "1,200", "")]
    output.print_table(rows, has_heading=True)
    assert capsys.readouterr().out.splitlines() == [
        "run  steps             share",
        "a       12  5 % (1 % to 9 %)",
        "bc   1,200",
    ]
    monkeypatch.setattr(terminal, "shows_terminal", lambda: True)
    output.print_table(rows, has_heading=True)
    first, *others = capsys.readouterr().out.splitlines()
    assert first == "\x1b[1mrun  steps             share\x1b[0m"
    assert not any("\x1b" in line for line in others)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_help_has_bold_headings_in_a_terminal(command):
    import pty

    assert "\x1b" not in command("generate", "--help").out
    ours, theirs = pty.openpty()
    process = subprocess.Popen([sys.executable, "-m", "seqloom", "generate", "--help"], stdout=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # of a terminal whose other side is closed
        while block := os.read(ours, 1 << 16):
            shown += block
    os.close(ours)
    assert process.wait() == 0
    assert b"\x1b[1mHow each token is drawn\x1b[0m:" in shown
    assert re.search(rb"-q, --quiet +print no progress", shown)
