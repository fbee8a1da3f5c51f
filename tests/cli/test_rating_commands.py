"""Writing to a rating and fitting critics, as commands."""

import csv
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from tests.checked_files import read_json

from seqloom.cli import generated_texts, output, rated_generation
from seqloom.display import terminal
from seqloom.files import write_checked_json
from seqloom.version import __version__

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
    small = ("--steps", "150", "--hidden-size", "32", "--threads", "1", "--batch-size", "8")
    assert call(["train", str(table), "--run", str(folder / "run"), *columns, *small, "--pool", "generator"]) == 0
    fit = ("--folds", "2", "--pool", "critic")
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
    assert "exists already" in again.faults[0]
    best = command("critic", "rate", trained / "critic", table, "--text", "text", "-o", "-", "--top", 3)
    ranked = sorted(rows, key=lambda row: float(row["rating_predicted"]), reverse=True)
    assert list(csv.DictReader(best.out.splitlines())) == ranked[:3]
    assert best.err == ""
    both = command("critic", "rate", trained / "critic", table, "--text", "text", "-o", "-", "--json")
    assert both.code == 2
    assert "--output - and --json contradict each other" in both.faults[0]


def test_texts_that_are_empty_are_counted_and_not_rated(command, trained, tmp_path):
    (tmp_path / "in.csv").write_text("text,id\nlovely superb,1\n,2\n  ,3\n")
    done = command(
        "critic", "rate", trained / "critic", tmp_path / "in.csv", "--text", "text", "-o", tmp_path / "o.csv"
    )
    assert done.notes == [
        "2 rows with empty text: rating_predicted is empty there",
        f"{tmp_path / 'o.csv'}: 3 rows with rating_predicted",
    ]
    with open(tmp_path / "o.csv", newline="", encoding="utf-8") as file:
        assert [bool(row["rating_predicted"]) for row in csv.DictReader(file)] == [True, False, False]


def test_a_table_of_another_form_is_not_written(command, trained, table, tmp_path):
    done = command("critic", "rate", trained / "critic", table, "--text", "text", "-o", tmp_path / "o.xlsx")
    assert done.code == 2
    assert done.faults == [
        f"--output got {tmp_path / 'o.xlsx'}, which has the ending .xlsx: name a file that ends in .csv, .tsv, "
        ".tab, .jsonl, .ndjson, .parquet"
    ]


def test_info_says_what_a_critic_rates(command, trained, table):
    found = json.loads(command("info", trained / "critic", "--json").out)
    assert (found["rating"], found["lowest"], found["highest"], found["pool"]) == ("stars", 1, 5, "critic")
    assert (found["source"], found["group"]) == (str(table), "place")
    assert list(found["readers"]) == ["ridge", "ordinal", "network", "blend"]
    assert 0 < found["groups"] < found["texts"] < 300
    lines = command("info", trained / "critic").out.splitlines()
    assert lines[1].split(None, 1) == ["rating", "stars, 1 to 5"]
    assert lines[3].split(None, 1) == ["learned", f"{found['texts']} texts in {found['groups']} groups"]
    assert lines[-1].startswith("blend")


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (("info", "{}/critic"), {"torch", "sklearn"}),
        (("generate", "{}/run", "--rating", "5", "--length", "5", "--method", "guidance"), {"torch", "sklearn"}),
        (("generate", "{}/run", "--rating", "5", "--length", "5", "--critic", "{}/critic"), {"torch"}),
    ],
)
def test_what_is_slow_to_import_is_left_out(trained, words, heavy):
    words = [word.format(trained) for word in words]
    code = f"import sys; from seqloom.cli.app import call; call({words}); sys.exit(bool({heavy} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120, check=True)


def test_a_critic_is_no_run(command, trained):
    done = command("generate", trained / "critic")
    assert (done.code, len(done.faults)) == (2, 1)
    assert "is a critic, which predicts ratings and generates no text" in done.faults[0]


def test_a_run_does_not_move_in_with_a_critic(command, trained, table):
    done = command("train", table, "--text", "text", "--run", trained / "critic", "--steps", 1, "--overwrite")
    assert (done.code, done.faults) == (
        2,
        [f"--run got {trained / 'critic'}, which is a critic: name another folder"],
    )


def test_a_damaged_critic_is_told(command, tmp_path):
    (tmp_path / "critic.json").write_text('{"format": 3, "scale": {"knots": []}}')
    done = command("info", tmp_path)
    assert (done.code, len(done.faults)) == (2, 1)
    assert "is damaged" in done.faults[0]


def test_info_says_which_ratings_a_run_writes_to(command, trained):
    lines = command("info", trained / "run").out.splitlines()
    assert [line.split(None, 1)[1] for line in lines if line.startswith("rating")] == [
        "stars, 1 to 5 (generate for it with --rating)"
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
    words = (
        "generate",
        trained / "run",
        "--rating",
        5,
        "--critic",
        trained / "critic",
        "--tolerance",
        1,
        "--length",
        60,
    )
    done = command(*words, "--count", 4, "--json")
    found = json.loads(done.out)
    assert found["methods"] == ["conditioning", "rejection"]
    assert len(found["samples"]) == found["rejection"]["kept"] <= 4
    assert all(abs(sample["rating_predicted"] - 5) <= 1 for sample in found["samples"])
    assert found["samples"][0]["generated_by"] == {
        "seqloom": __version__,
        "run": str(trained / "run"),
        "rating": "5",
        "methods": "conditioning,rejection",
        "critic": str(trained / "critic"),
        "guidance": 1,
        "tolerance": 1,
        "budget": 20,
        "temperature": 1,
        "length": 60,
        "seed": 0,
    }
    told = command(*words, "--count", 4)
    assert told.out == "".join(f"{sample['text']}\n" for sample in found["samples"])
    assert f"kept {found['rejection']['kept']} of {found['rejection']['written']} texts" in told.err


def test_a_filter_goes_with_a_mark_and_steering_does_not(command, trained):
    words = (
        "generate",
        trained / "run",
        "--rating",
        5,
        "--critic",
        trained / "critic",
        "--tolerance",
        4,
        "--length",
        60,
    )
    done = command(*words, "--watermark", "key", "--count", 2, "--json")
    (found, _) = json.loads(done.out)["samples"]
    assert found["generated_by"]["watermark"] == {"key_sha256": "2c70e12b"}
    done = command(*words, "--method", "smc", "--watermark", "key")
    assert (done.code, done.out, len(done.faults)) == (2, "", 1)
    assert "--watermark and --method smc contradict each other" in done.faults[0]


def test_a_person_who_looks_on_sees_what_the_critic_makes_of_a_text(command, trained, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    for module in (terminal, rated_generation):
        monkeypatch.setattr(module, "shows_terminal", lambda: True)
    words = ("--rating", 5, "--critic", trained / "critic", "--tolerance", 4, "--length", 20, "--prompt", "warm ")
    assert re.fullmatch(r"\d\.\d\d  warm [^\n]*\n", command("generate", trained / "run", *words).out)


def test_what_is_kept_when_one_interrupts_is_said(command, trained, monkeypatch):
    shown = []

    def interrupt(pieces, *about, **settings):
        shown.append(pieces)
        if len(shown) == 3:
            raise KeyboardInterrupt
        return show(pieces, *about, **settings)

    show = generated_texts._show
    monkeypatch.setattr(generated_texts, "_show", interrupt)
    words = ("--rating", 5, "--critic", trained / "critic", "--tolerance", 4, "--length", 20, "--count", 9)
    done = command("generate", trained / "run", *words)
    assert done.code == 130
    assert len(done.out.splitlines()) == 2
    assert done.notes == ["kept 2 of 9 requested texts after 3 ratings by the critic"]
    assert done.faults == ["interrupted"]


def test_a_shortfall_is_reported_and_no_error(command, trained):
    words = ("--rating", 5, "--critic", trained / "critic", "--tolerance", 0.0001, "--budget", 1, "--count", 6)
    done = command("generate", trained / "run", *words, "--length", 20)
    assert done.code == 0
    assert "6 of 6 texts are missing: the budget is spent" in done.err
    assert re.search(
        r"ratings of nine tenths of the generated texts lie between [\d.]+ and [\d.]+; you requested 5", done.err
    )
    assert done.out == ""


def test_a_text_for_a_rating_that_misses_its_pattern_is_said_so(command, trained):
    words = ("--rating", 5, "--method", "guidance", "--pattern", "[a-z]{50}", "--length", 5)
    done = command("generate", trained / "run", *words)
    assert done.code == 1
    assert done.faults[-1].startswith("1 of 1 text ended before matching --pattern, in every one of 20 draws")


def test_steering_says_how_many_texts_counted(command, trained):
    words = ("--rating", 1, "--method", "smc", "--critic", trained / "critic", "--particles", 4, "--length", 30)
    done = command("generate", trained / "run", *words, "--json")
    assert 1 <= json.loads(done.out)["smc"]["effective_size"] <= 4


@pytest.mark.usefixtures("rendered_plots")
def test_the_table_of_control_is_printed(command, trained, table, tmp_path):
    words = ("--rating-control", "--critic", trained / "critic", "--count", 12, "--length", 40)
    done = command("evaluate", trained / "run", table, *words, "--texts", tmp_path / "texts.jsonl")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split()[:3] == ["method", "pearson", "of"]
    assert lines[-1] == "* fewer than 10 texts, so the mean is noisy; a higher --count gives more"
    below = lines[next(at for at, line in enumerate(lines) if line.startswith("stars ")) + 1 :]
    assert below[0].split()[:2] == ["real", "texts"]
    few = [int(number) < 10 for number in below[0].split()[2:]]
    assert [cell.endswith("*") for cell in below[1].split()[1:]] == few
    assert [line.split("  ")[0] for line in lines[1:4]] == ["real", "conditioning", "conditioning + guidance"]
    expected = "nats per token of unseen texts, if the model reads their true, shuffled or no ratings: true "
    assert any(line.startswith(expected) for line in lines)
    assert (trained / "run" / "plots" / "control.png").stat().st_size > 10_000
    ways = {json.loads(line)["way"] for line in (tmp_path / "texts.jsonl").read_text().splitlines()}
    assert "smc" in ways


def test_a_way_that_kept_nothing_is_shown_without_figures(command, trained, table):
    words = (
        "--rating-control",
        "--critic",
        trained / "critic",
        "--method",
        "conditioning,rejection",
        "--tolerance",
        1e-9,
    )
    done = command("evaluate", trained / "run", table, *words, "--count", 6, "--length", 20, "--json")
    assert done.code == 0, done.err
    way = json.loads(done.out)["methods"]["conditioning + rejection"]
    assert way["agreement"]["texts"] == 0
    assert way["agreement"]["mean_error"] is None
    assert way["shortfall"] == 6


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--tolerance", 1),
            "--tolerance is not used by conditioning, conditioning+guidance: add --critic, or leave it out",
        ),
        (
            ("--method", "conditioning", "--guidance", 2),
            "--guidance is not used by conditioning: add a --method with guidance, or leave it out",
        ),
        (
            ("--method", "conditioning", "--critic", "critic"),
            "--critic is not used by conditioning: add a --method with rejection or smc, or leave it out",
        ),
        (("--critic", "critic", "--temperature", 0), "--temperature 0 and --method conditioning,rejection contradict"),
        (("--method", "wish"), "unknown method 'wish'"),
        (("--count", 0), "--count got 0: it must be a whole number from 1 up"),
        (("--critic", "run"), "was fitted on pool generator, which overlaps with the texts of judge or run"),
        (("--critic", "nowhere"), "no critic at nowhere"),
    ],
)
def test_control_refuses_what_has_no_use_before_it_begins(command, trained, table, words, said):
    words = tuple(trained / word if word in ("critic", "run") else word for word in words)
    done = command("evaluate", trained / "run", table, "--rating-control", *words)
    assert (done.code, len(done.faults)) == (2, 1)
    assert said in done.faults[0]


def test_names_and_categories_may_hold_an_equals_sign(command, tmp_path):
    rows = [
        f"{'fine' if row % 2 else 'dull'} soup {row},{1 + row % 5},{'a=b' if row % 2 else 'c'}" for row in range(60)
    ]
    (tmp_path / "odd.csv").write_text("\n".join(["text,my=stars,kind=of", *rows]))
    small = ("--text", "text", "--steps", 2, "--hidden-size", 8, "--threads", 1)
    columns = ("--rating", "my=stars", "--category", "kind=of")
    assert command("train", tmp_path / "odd.csv", "--run", tmp_path / "run", *columns, *small).code == 0
    words = ("--rating", "my=stars=3", "--rating", "kind=of=a=b", "--length", 5, "--json")
    done = command("generate", tmp_path / "run", *words)
    assert json.loads(done.out)["samples"][0]["generated_by"]["rating"] == {"my=stars": "3", "kind=of": "a=b"}
    assert command("train", tmp_path / "odd.csv", "--run", tmp_path / "one", *columns[2:], *small).code == 0
    for rating in ("a=b", "kind=of=a=b"):
        assert command("generate", tmp_path / "one", "--rating", rating, "--length", 5).code == 0
    done = command("generate", tmp_path / "one", "--rating", "town=a", "--length", 5)
    assert "unknown rating 'town'" in done.faults[0]


def test_categories_alone_have_no_wanted_number(command, table, tmp_path):
    small = ("--steps", 2, "--hidden-size", 8, "--threads", 1)
    columns = ("--text", "text", "--rating", "stars", "--category", "place")
    assert command("train", table, "--run", tmp_path / "run", *columns, *small).code == 0
    done = command(
        "generate", tmp_path / "run", "--rating", "place=3", "--method", "conditioning", "--length", 5, "--json"
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
        (("--critic", "nowhere"), "--critic has no effect without --rating: add a rating"),
        (("--budget", 3), "--budget has no effect without --rating: add a rating"),
        (("--tolerance", 3, "--method", "smc"), "--tolerance, --method have no effect without --rating: add a rating"),
        (
            ("--rating", 3, "--budget", 3),
            "--budget got 3, but --method conditioning does not use it: name a --critic, or leave it out",
        ),
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
    columns = ("--text", "text", "--rating", "stars")
    done = command("critic", "fit", table, "--run", trained / "critic", *columns)
    assert done.code == 2
    assert "already contains a critic: use --overwrite to replace it" in done.faults[0]
    other = command("critic", "fit", table, "--run", trained / "run", *columns)
    assert other.code == 2
    assert "contains something other than a critic" in other.faults[0]


def test_a_critic_that_could_not_be_kept_is_not_begun(command, table, monkeypatch):
    from seqloom.critic import Critic

    monkeypatch.setattr(Critic, "fit", lambda *given, **settings: pytest.fail("was begun"))
    done = command("critic", "fit", table, "--run", table / "critic", "--text", "text", "--rating", "stars")
    assert done.code == 1
    assert "is in the way" in done.faults[-1]


def test_texts_of_control_that_could_not_be_kept_are_not_written(command, trained, table, monkeypatch):
    from seqloom.rating import control_report

    monkeypatch.setattr(control_report, "evaluate_rating_control", lambda *given, **settings: pytest.fail("was begun"))
    done = command("evaluate", trained / "run", table, "--rating-control", "--texts", table / "texts.jsonl")
    assert done.code == 1
    assert "is in the way" in done.faults[-1]


@pytest.mark.parametrize(("value", "shown"), [(0.6561, "0.656"), (0, "0.000"), (1e-9, "1e-09"), (2.389e10, "2.39e+10")])
def test_figures_of_any_size_can_be_read(value, shown):
    assert output.short_number(value) == shown


def test_control_needs_ratings_and_pools(command, table, text_file, tmp_path):
    small = ("--steps", 2, "--hidden-size", 8, "--threads", 1)
    assert command("train", text_file, "--run", tmp_path / "plain", *small).code == 0
    done = command("evaluate", tmp_path / "plain", "--rating-control")
    assert done.code == 2
    assert "needs a run that was trained with --rating" in done.faults[0]
    columns = ("--text", "text", "--rating", "stars")
    assert command("train", table, "--run", tmp_path / "whole", *columns, *small).code == 0
    done = command("evaluate", tmp_path / "whole", "--rating-control")
    assert done.code == 2
    assert "train the run with --pool generator" in done.faults[0]
    done = command("evaluate", tmp_path / "plain", "--tolerance", 1)
    assert done.faults == ["--tolerance needs --rating-control: add --rating-control, or leave --tolerance out"]


def without_rules(path):
    """Remove the version of the rules of tables from a file of settings, as before there was one."""
    stored = read_json(path)
    reading = stored["reading"] if "reading" in stored else stored["origin"]["reading"]
    assert reading.pop("table_rules") == 2
    assert reading.pop("missing") == ["nan", "NaN", "null", "<NA>"]
    write_checked_json(path, stored)


def test_models_of_different_rules_are_not_combined(command, trained, table, tmp_path):
    run, critic = (shutil.copytree(trained / name, tmp_path / name) for name in ("run", "critic"))
    rated = ("--rating", 5, "--length", 10)
    without_rules(critic / "critic.json")
    assert command("critic", "rate", critic, table, "--text", "text", "-o", tmp_path / "old.csv").code == 0
    done = command("generate", run, *rated, "--critic", critic)
    assert done.code == 2
    assert done.faults == [
        f"{run} was trained with version 2 of the rules that divide a table into groups and pools, and {critic} was "
        "fitted with version 1, so that one may have seen texts of the other: fit the critic again with "
        "'seqloom critic fit'"
    ]
    assert command("evaluate", run, "--rating-control", "--critic", critic, "--count", 10).faults == done.faults
    fitted = ("--real", table, "--generator", run, "--critic", critic, "--text", "text", "--light")
    assert done.faults[0] in command("detect", "fit", *fitted, "--run", tmp_path / "d").err
    without_rules(run / "config.json")
    assert command("generate", run, *rated).code == 0
    assert command("generate", run, *rated, "--critic", critic).code == 0
    done = command("generate", run, *rated, "--critic", trained / "critic")
    assert "version 1 of the rules" in done.faults[0]
    assert done.faults[0].endswith("train the run again")
    done = command("detect", "fit", *fitted[:4], *fitted[6:], "--pool", "detector-train", "--run", tmp_path / "d")
    assert "so that they share texts: train the run again" in done.faults[-1]
