import json
import math
import re

import pytest

from seqloom.api import load
from seqloom.cli import corpora_commands


def as_json(done):
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def test_unknown_symbols_are_left_out_on_request_and_counted(command, run, tmp_path):
    snow, plain = tmp_path / "snow.txt", tmp_path / "plain.txt"
    snow.write_text("the ☃ and thé ☃", encoding="utf-8")
    plain.write_text("the  and th ", encoding="utf-8")
    found = as_json(command("evaluate", run, snow, "--skip-unknown", "--json"))
    own = as_json(command("evaluate", run, plain, "--json"))
    assert found.pop("left_out") == {"☃": 2, "é": 1}
    assert own.pop("left_out") == {}
    assert found | {"source": ""} == own | {"source": ""}
    shown = command("evaluate", run, snow, "--skip-unknown").out.splitlines()[-1]
    assert shown == "left out            3 characters outside the vocabulary: '☃' (2), 'é' (1)"
    for _ in ("encoded anew", "out of the cache"):
        done = command("score", run, snow, "--skip-unknown", "--json")
        assert done.notes == ["skipped: 3 characters outside the vocabulary: '☃' (2), 'é' (1)"]
        assert done.out == command("score", run, plain, "--json").out
    done = command("score", run, snow)
    assert done.code == 2
    assert "leave them out with --skip-unknown" in done.faults[0]
    assert command("evaluate", run, "--split", "held-out", "--skip-unknown").code == 0


@pytest.mark.parametrize(
    ("words", "protocol", "split"),
    [
        ([], "full context", "all"),
        (["--split", "held-out"], "full context", "held-out"),
        (["--blocks", 32], "blocks of 32", "all"),
        (["--windows", 20, "--stride", 9], "windows of 20, stride 9", "all"),
    ],
)
def test_evaluate(command, run, words, protocol, split):
    found = as_json(command("evaluate", run, *words, "--json"))
    assert (found["protocol"], found["split"]) == (protocol, split)
    assert found["bits_per_char"] == pytest.approx(found["nats_per_token"] / math.log(2))
    assert found["perplexity"] == pytest.approx(math.exp(found["nats_per_token"]))
    assert found["tokens"] == found["characters"] > 0
    plain = command("evaluate", run, *words)
    assert f"nats per token      {found['nats_per_token']:.4f}\n" in plain.out


def test_evaluate_another_text(command, run, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("zzz xxx qqq")
    strange = as_json(command("evaluate", run, other, "--json"))
    assert strange["source"] == str(other)
    assert strange["nats_per_token"] > as_json(command("evaluate", run, "--json"))["nats_per_token"]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["--split", "test"], "--split got 'test': choose from all, train, validation, held-out"),
        (["--blocks", 2, "--windows", 3], "--blocks and --windows contradict each other"),
        (["--windows", 4, "--stride", 0], "--stride got 0"),
        (["--against", "x", "--rating-control"], "--against and --rating-control contradict each other"),
        (["nothing.txt"], "no source 'nothing.txt'"),
        (
            ["snow.txt"],
            "snow.txt: not in the vocabulary: '☃' (U+2603) at character 5; leave them out with --skip-unknown",
        ),
        (["rated.csv"], "rated.csv is a table, but the run was trained on plain text: name a text file"),
    ],
)
def test_evaluate_refuses(command, run, tmp_path, monkeypatch, words, fault):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "snow.txt").write_text("the ☃ and the ☃", encoding="utf-8")
    (tmp_path / "rated.csv").write_text("text,stars\n" + "good,5\n" * 50)
    done = command("evaluate", run, *words)
    assert (done.code, done.out) == (2, "")
    assert len(done.faults) == 1
    assert done.faults[0].startswith(fault)


def test_scores_of_every_token(command, run, tmp_path):
    text = "the quick zebra"
    source = tmp_path / "text.txt"
    source.write_text(text)
    (document,) = as_json(command("score", run, source, "--json"))["documents"]
    own = load(run).score(text)
    assert "".join(token["token"] for token in document["tokens"]) == text
    for token, scored in zip(document["tokens"], own, strict=True):
        assert (token["rank"], token["id"]) == (scored.rank, scored.token)
        assert token["log_prob"] == pytest.approx(scored.log_prob)
        assert token["entropy"] == pytest.approx(scored.entropy)


def test_the_summary_of_scores_counts_right(command, run, tmp_path):
    text = "the quick brown fox. zzzz"
    source = tmp_path / "text.txt"
    source.write_text(text)
    own = load(run).score(text)
    done = command("score", run, source)
    assert done.code == 0
    lines = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in done.out.split("\n\n")[0].splitlines())
    assert lines["tokens"] == str(len(text))
    mean = -sum(scored.log_prob for scored in own) / len(own)
    assert lines["nats per token"] == f"{mean:.4f}"
    first = sum(scored.rank == 0 for scored in own) / len(own)
    assert lines["most likely token"].split()[0] == f"{100 * first:.1f}"
    worst = min(own, key=lambda scored: scored.log_prob)
    surprising = done.out.split("\n\n")[1].splitlines()[1]
    assert surprising.startswith(f"{-worst.log_prob:7.2f}")
    assert surprising.endswith("  " + load(run).text_codec.decode_text([worst.token]))


def test_records_are_scored_one_by_one(command, tmp_path):
    table = tmp_path / "rows.csv"
    table.write_text("text\n" + "good food\nbad luck\n" * 60)
    run = tmp_path / "rows"
    words = ("--text", "text", "--steps", 3, "--hidden-size", 4, "--threads", 1)
    assert command("train", table, "--run", run, *words).code == 0
    documents = as_json(command("score", run, table, "--json"))["documents"]
    assert len(documents) == 120
    assert ["".join(token["token"] for token in document["tokens"]) for document in documents[:2]] == [
        "good food",
        "bad luck",
    ]
    assert [len(document["tokens"]) for document in documents[:2]] == [10, 9]
    done = command("score", run, tmp_path / "none.csv")
    assert done.code == 2
    done = command("evaluate", run, __file__)
    assert done.faults == [
        f"{__file__} is not a table with a column 'text', but the run was trained on one: name such a table"
    ]


def test_info(command, run):
    found = as_json(command("info", run, "--json"))
    weights = load(run).weights
    assert found["parameters"] == sum(array.size for array in weights.values())
    assert (found["core"], found["level"], found["vocabulary"]) == ("lstm", "char", 28)
    assert "kernel" in found
    plain = command("info", run).out
    assert f"parameters  {found['parameters']:,}\n" in plain
    assert "30 of 30 steps (finished)" in plain


def test_plot(command, run, tmp_path):
    done = command(
        "plot", run, "--prompt", "the", "--temperature", 0.3, "--temperature", 2, "-o", tmp_path / "pictures"
    )
    assert done.code == 0
    paths = done.out.splitlines()
    assert paths == [str(tmp_path / "pictures" / f"{name}.png") for name in ("loss", "temperature", "entropy")]
    for path in paths:
        with open(path, "rb") as file:
            assert file.read(4) == b"\x89PNG"


def test_plot_refuses(command, run):
    assert command("plot", run, "--temperature", -2).code == 2
    assert "'☃'" in command("plot", run, "--prompt", "☃").faults[0]


def test_the_catalogue(command):
    listed = as_json(command("corpora", "list", "--json"))["corpora"]
    assert listed[0]["name"] == "python-docs"
    assert listed[0]["built_in"]
    plain = command("corpora", "list").out
    assert all(entry["name"] in plain for entry in listed)
    assert command("corpora").out == plain


def test_fetching(command, monkeypatch, tmp_path):
    monkeypatch.setattr(corpora_commands, "fetch", lambda name: tmp_path / name)
    assert command("corpora", "fetch", "shakespeare") == (0, f"{tmp_path / 'shakespeare'}\n", "")
    monkeypatch.undo()
    done = command("corpora", "fetch", "nietsche")
    assert done.code == 2
    assert "did you mean 'nietzsche'?" in done.faults[0]


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["plot", "--temperature", "-1"], "--temperature got -1: choose a number from 0 up"),
        (["plot", "--temperature", "nan"], "--temperature got nan: choose a number from 0 up"),
        (["evaluate", "--stride", "2"], "--stride has no effect without --windows"),
    ],
)
def test_flags_that_mean_nothing(command, run, words, fault):
    done = command(words[0], run, *words[1:])
    assert (done.code, done.out) == (2, "")
    assert len(done.faults) == 1
    assert done.faults[0].startswith(fault)
