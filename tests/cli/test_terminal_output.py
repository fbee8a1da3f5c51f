"""No name and no text from outside sends a control character to a terminal."""

import json
import re

import pytest
from tests.checked_files import edit_json

from seqloom.cli import output
from seqloom.display import terminal as terminal_module

EVIL = "a\x1b]0;title\x07b\u202ec\x9b1md\u2066e"
HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def terminal(monkeypatch):
    """Let standard output pass for a terminal without colours."""
    for module in (terminal_module, output):
        monkeypatch.setattr(module, "shows_terminal", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")


def assert_harmless(done):
    assert not HARMFUL.search(done.out), ascii(done.out)
    assert not HARMFUL.search(done.err), ascii(done.err)


def test_info_shows_a_corpus_name_harmlessly(command, run, terminal):
    edit_json(run / "config.json", corpus=EVIL, preset=EVIL)
    for words in (["info", run], ["info", run, "--json"], ["info", run, "--verify"]):
        done = command(*words)
        assert done.code == 0
        assert_harmless(done)
    assert json.loads(command("info", run, "--json").out)["corpus"] == EVIL


def test_a_pipe_gets_the_corpus_name_as_it_is(command, run):
    edit_json(run / "config.json", corpus=EVIL)
    assert EVIL in command("info", run).out


@pytest.mark.parametrize(
    "words",
    [
        ["info", EVIL],
        ["generate", EVIL],
        ["train", EVIL],
        ["evaluate", EVIL, EVIL],
        ["score", EVIL, EVIL],
        ["plot", EVIL],
        ["gan", "train", EVIL, "--run", EVIL, "--text", EVIL, "--rating", EVIL],
        ["critic", "fit", EVIL, "--text", EVIL, "--rating", EVIL, "--critic", EVIL],
        ["detect", "score", EVIL, EVIL],
        ["detect", "watermark", EVIL, EVIL, "--key", EVIL],
        ["corpora", "fetch", EVIL],
        [EVIL],
        ["generate", "--" + EVIL],
    ],
)
def test_a_name_in_an_error_is_harmless(command, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = command(*words)
    assert done.code == 2
    assert_harmless(done)


def test_prompts_and_samples_are_harmless(command, run, terminal):
    done = command("generate", run, "--prompt", "the quick" + EVIL, "--skip-unknown", "--length", 5)
    assert done.code == 0
    assert_harmless(done)


def test_the_notes_of_a_training_are_harmless(command, tmp_path, terminal):
    source = tmp_path / f"{EVIL}.txt"
    source.write_text(f"the quick {EVIL} " * 50, encoding="utf-8")
    small = "--steps 2 --hidden-size 4 --batch-size 2 --sequence-length 8 --threads 1".split()
    done = command("train", source, "--run", tmp_path / f"run{EVIL}", *small)
    assert done.code == 0
    assert_harmless(done)
    for words in (["generate", "--length", 50], ["info"], ["plot"]):
        assert_harmless(command(words[0], tmp_path / f"run{EVIL}", *words[1:]))
    assert_harmless(command("score", tmp_path / f"run{EVIL}", source))
    assert_harmless(command("evaluate", tmp_path / f"run{EVIL}", source))


def test_a_table_of_long_and_hostile_cells(capfd, terminal):
    output.print_table([("name", EVIL), ("next\nline", "x")])
    shown = capfd.readouterr().out
    assert not HARMFUL.search(shown)
    assert len(shown.splitlines()) == 2
