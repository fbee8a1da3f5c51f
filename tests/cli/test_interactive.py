"""Writing in turns with a run."""

import io
import sys

import pytest

from seqloom.api import load
from seqloom.cli import interactive


@pytest.fixture
def typed(monkeypatch):
    """Let a person type lines."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_the_run_continues_the_whole_text(command, run, typed):
    typed("quick\n\n fox\n")
    done = command("generate", run, "-i", "-p", "the ", "-l", 6, "--seed", 4, "-t", 0.8)
    assert done.code == 0
    assert done.notes == ["type a continuation of the text; after an empty line, the run continues it; Ctrl-D ends"]
    opened, text, lines = load(run), "the ", []
    for turn, line in enumerate(["quick", "", " fox"]):
        text += line
        lines.append(opened.generate(text, length=6, seed=4 + turn, temperature=0.8))
        text += lines[-1]
    assert done.out.splitlines() == ["the ", *lines]


def test_a_line_that_cannot_be_read_leaves_the_text_as_it_is(command, run, typed):
    typed("the 日\nthe\n")
    done = command("generate", run, "-i", "-l", 4, "--seed", 1)
    assert done.code == 0
    assert "not in the vocabulary: '日'" in done.err
    assert done.out.splitlines() == [load(run).generate("the", length=4, seed=2)]


def test_ctrl_c_ends_a_turn_only(command, run, typed, monkeypatch):
    def pieces():
        yield "abc"
        raise KeyboardInterrupt

    prompts = []

    def prepare(self, *, streams):
        prompts.append(self.prompt)
        self.streams = iter([pieces()])

    monkeypatch.setattr(interactive.TextRequest, "prepare", prepare)
    typed("x\ny\n")
    done = command("generate", run, "--interactive")
    assert (done.code, done.out) == (0, "abc\nabc\n")
    assert prompts == ["x", "xabcy"]


@pytest.mark.parametrize(
    "words", [("--json",), ("--jsonl",), ("-o", "x.csv"), ("-n", "2"), ("-p", "a", "-p", "b"), ("-t", "0.2,0.5")]
)
def test_what_has_no_meaning_in_turns_is_refused(command, run, typed, words):
    typed("")
    done = command("generate", run, "-i", *words)
    assert (done.code, done.out) == (2, "")
    assert "--interactive" in done.faults[0]
