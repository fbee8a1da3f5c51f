"""Writing to a rating and fitting critics, as commands."""

import csv
import json

import numpy as np
import pytest

GOOD, BAD = ("lovely", "superb", "tasty", "warm"), ("awful", "cold", "rude", "stale")


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "rated.csv"
    random = np.random.default_rng(3)
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "stars", "place"])
        for row in range(300):
            stars = int(random.integers(1, 6))
            words = [str(random.choice(GOOD if random.random() < (stars - 1) / 4 else BAD)) for _ in range(6)]
            rows.writerow([" ".join([*words, str(row)]), stars, row // 2])
    return path


@pytest.fixture(scope="module")
def trained(table, tmp_path_factory):
    """A rated run and a critic, each made once."""
    from seqloom.cli.app import call

    folder = tmp_path_factory.mktemp("made")
    columns = ("--text", "text", "--rating", "stars", "--group", "place")
    small = ("--steps", "150", "--size", "32", "--threads", "1", "--lanes", "8")
    assert call(["train", str(table), "--run", str(folder / "run"), *columns, *small, "--pool", "generator"]) == 0
    fit = ("--no-encoder", "--folds", "2", "--pool", "critic")
    assert call(["critic", "fit", str(table), "--run", str(folder / "critic"), *columns, *fit]) == 0
    return folder


def test_a_critic_rates_a_table(command, trained, table, tmp_path):
    done = command("critic", "rate", trained / "critic", table, "--text", "text", "-o", tmp_path / "out.csv")
    assert done.code == 0
    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 300
    found, true = (np.array([float(row[name]) for row in rows]) for name in ("rating_predicted", "stars"))
    assert np.corrcoef(found, true)[0, 1] > 0.5
    again = command("critic", "rate", trained / "critic", table, "--text", "text", "-o", tmp_path / "out.csv")
    assert again.code == 2
    assert "is there already" in again.faults[0]


def test_info_says_which_ratings_a_run_writes_to(command, trained):
    lines = command("info", trained / "run").out.splitlines()
    assert [line.split(None, 1)[1] for line in lines if line.startswith("rating")] == [
        "stars, 1 to 5 (write to it with --rating)"
    ]


def test_a_rated_run_is_a_critic_too(command, trained, table, tmp_path):
    words = ("critic", "rate", trained / "run", table, "--text", "text", "-o", tmp_path / "out.jsonl", "--json")
    done = command(*words)
    assert json.loads(done.out) == {
        "rows": 300,
        "output": str(tmp_path / "out.jsonl"),
        "column": "rating_predicted",
    }


def test_what_was_kept_and_what_it_cost_is_said(command, trained):
    words = ("generate", trained / "run", "--rating", 5, "--critic", trained / "critic", "--agree", 1, "--length", 60)
    done = command(*words, "--count", 4, "--json")
    found = json.loads(done.out)
    assert found["methods"] == ["condition", "filter"]
    assert len(found["samples"]) == found["filter"]["kept"] <= 4
    assert all(abs(sample["rating_predicted"] - 5) <= 1 for sample in found["samples"])
    told = command(*words, "--count", 4)
    assert f"kept {found['filter']['kept']} of {found['filter']['written']} texts" in told.err


def test_a_shortfall_is_reported_and_no_error(command, trained):
    words = ("--rating", 5, "--critic", trained / "critic", "--agree", 0.0001, "--budget", 1, "--count", 6)
    done = command("generate", trained / "run", *words, "--length", 20)
    assert done.code == 0
    assert "6 of 6 texts are missing: the budget is spent" in done.err
    assert done.out == ""


def test_steering_says_how_many_texts_counted(command, trained):
    words = ("--rating", 1, "--method", "steer", "--critic", trained / "critic", "--particles", 4, "--length", 30)
    done = command("generate", trained / "run", *words, "--json")
    assert 1 <= json.loads(done.out)["steering"]["effective_size"] <= 4


def test_the_table_of_control_is_printed(command, trained, table, tmp_path):
    words = ("--rating-control", "--critic", trained / "critic", "--count", 12, "--length", 40)
    done = command("evaluate", trained / "run", table, *words, "--texts", tmp_path / "texts.jsonl")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split()[:3] == ["way", "pearson", "of"]
    assert [line.split("  ")[0] for line in lines[1:4]] == ["real", "condition", "condition + guide"]
    assert any(line.startswith("nats a token of unseen texts, told ratings: true ") for line in lines)
    assert (trained / "run" / "plots" / "control.png").stat().st_size > 10_000
    ways = {json.loads(line)["way"] for line in (tmp_path / "texts.jsonl").read_text().splitlines()}
    assert "steer" in ways


def test_a_way_that_kept_nothing_is_shown_without_figures(command, trained, table):
    words = ("--rating-control", "--critic", trained / "critic", "--method", "condition,filter", "--agree", 1e-9)
    done = command("evaluate", trained / "run", table, *words, "--count", 6, "--length", 20, "--json")
    assert done.code == 0, done.err
    way = json.loads(done.out)["ways"]["condition + filter"]
    assert way["agreement"]["texts"] == 0
    assert way["agreement"]["mean_error"] is None
    assert way["shortfall"] == 6


def test_categories_alone_have_no_wanted_number(command, table, tmp_path):
    small = ("--steps", 2, "--size", 8, "--threads", 1)
    columns = ("--text", "text", "--rating", "stars", "--category", "place")
    assert command("train", table, "--run", tmp_path / "run", *columns, *small).code == 0
    done = command(
        "generate", tmp_path / "run", "--rating", "place=3", "--method", "condition", "--length", 5, "--json"
    )
    assert json.loads(done.out)["samples"][0]["rating_wanted"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rating", 99), "stars was 1 to 5 in training"),
        (("--rating", "fun=3"), "unknown rating 'fun'"),
        (("--rating", "stars=3", "--rating", "stars=4"), "--rating got 'stars' twice"),
        (("--rating", 3, "--method", "wish,wish", "--critic", "nowhere"), "unknown method 'wish'"),
        (("--rating", 3, "--rating", "stars=4"), "--rating got '3' among several"),
        (("--rating", 3, "--critic", "nowhere"), "no critic at nowhere"),
        (("--critic", "nowhere"), "add --rating"),
        (("--rating", 3, "--method", "wish"), "unknown method 'wish'"),
        (("--rating", 3, "--guidance", 50), "--guidance got 50"),
    ],
)
def test_what_cannot_be_asked_is_one_line(command, trained, words, said):
    done = command("generate", trained / "run", *words)
    assert done.code == 2
    assert len(done.faults) == 1
    assert said in done.faults[0]


def test_a_critic_is_not_replaced_unasked(command, trained, table):
    columns = ("--text", "text", "--rating", "stars", "--no-encoder")
    done = command("critic", "fit", table, "--run", trained / "critic", *columns)
    assert done.code == 2
    assert "holds a critic already: give --overwrite" in done.faults[0]
    other = command("critic", "fit", table, "--run", trained / "run", *columns)
    assert other.code == 2
    assert "holds something else than a critic" in other.faults[0]


def test_control_needs_ratings_and_pools(command, table, text_file, tmp_path):
    small = ("--steps", 2, "--size", 8, "--threads", 1)
    assert command("train", text_file, "--run", tmp_path / "plain", *small).code == 0
    done = command("evaluate", tmp_path / "plain", "--rating-control")
    assert done.code == 2
    assert "needs a run that was trained with --rating" in done.faults[0]
    columns = ("--text", "text", "--rating", "stars")
    assert command("train", table, "--run", tmp_path / "whole", *columns, *small).code == 0
    done = command("evaluate", tmp_path / "whole", "--rating-control")
    assert done.code == 2
    assert "train the run with --pool generator" in done.faults[0]
    done = command("evaluate", tmp_path / "plain", "--agree", 1)
    assert done.faults == ["--agree belongs to --rating-control: add that, or leave it out"]
