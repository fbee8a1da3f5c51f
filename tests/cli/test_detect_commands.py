"""`seqloom detect report` as a person types it."""

import csv
import json

import numpy as np
import pytest

from seqloom.detector.detector import Detector
from seqloom.detector.storage import save_detector
from seqloom.files import write_checked_json

WORDS = ("the", "soup", "was", "and", "we", "came", "again", "table", "warm", "waiter", "slow", "bread", "nice", "too")


def write_texts(number, seed):
    """Real texts go through the words in order; generated ones draw them at random."""
    random, texts = np.random.default_rng(seed), []
    for index in range(number):
        start, length = random.integers(len(WORDS)), int(random.integers(8, 30))
        places = random.integers(len(WORDS), size=length) if index % 2 else start + np.arange(length)
        texts.append(" ".join(WORDS[place % len(WORDS)] for place in places))
    return texts, np.arange(number) % 2


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a detector and a table."""
    folder = tmp_path_factory.mktemp("detecting")
    save_detector(Detector(encoder=False).fit(*write_texts(300, 0)), folder / "detector", {})
    with open(folder / "both.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "made"), *zip(*write_texts(120, 1), strict=True)])
    return folder


def test_a_report_is_a_page_and_a_table(command, place, tmp_path):
    page = tmp_path / "page.html"
    asked = ("detect", "report", place / "detector", place / "both.csv", "--text", "text", "--label", "made")
    done = command(*asked, "--base-rate", "0.1", "-o", page)
    assert done.code == 0
    assert done.out.splitlines()[0].split() == "scored by AUC detected at 1 % false alarms".split()
    assert done.out.splitlines()[1].startswith("the detector")
    assert f"page: {page}" in done.err
    assert "only evidence against a person" in page.read_text(encoding="utf-8")
    again = command(*asked, "-o", page)
    assert (again.code, again.out) == (2, "")
    assert again.faults == [f"{page} already exists: name another file, or use --overwrite"]
    told = json.loads(command(*asked, "--overwrite", "--json", "-o", page).out)
    assert told["page"] == str(page)
    assert told["overall"]["roc_auc"]["value"] > 0.9


def test_without_labels_nothing_is_measured(command, place, tmp_path):
    done = command("detect", "report", place / "detector", place / "both.csv", "--text", "text", "-o", tmp_path / "p")
    assert (done.code, done.out) == (0, "")
    assert (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--text", "tex"), "has no column 'tex': choose from text, made; did you mean 'text'?"),
        (("--text", "text", "--by", "town"), "has no column 'town'"),
        (("--text", "text", "--label", "text"), "use 1 for a generated text, and 0 for a real one"),
        (("--text", "text", "--base-rate", "2"), "--base-rate got 2.0"),
    ],
)
def test_what_is_wrong_is_one_line(command, place, tmp_path, words, said):
    page = tmp_path / "page.html"
    done = command("detect", "report", place / "detector", place / "both.csv", *words, "-o", page)
    assert (done.code, done.out) == (2, "")
    assert len(done.faults) == 1
    assert said in done.faults[0]
    assert not page.exists()


def test_fitting_prints_the_accuracy_and_the_confounds_as_json(command, tmp_path):
    texts, labels = write_texts(200, 2)
    for name, label, mark in (("real", 0, "."), ("generated", 1, " *")):
        rows = [f"{text}{mark}" for text, other in zip(texts, labels, strict=True) if other == label]
        (tmp_path / f"{name}.csv").write_text("\n".join(["text", *rows]), encoding="utf-8")
    tables = ("--real", tmp_path / "real.csv", "--generated", tmp_path / "generated.csv", "--text", "text")
    done = command("detect", "fit", *tables, "--run", tmp_path / "detector", "--light", "--json")
    assert done.code == 0, done.err
    printed = json.loads(done.out)
    assert printed["detector"] == str(tmp_path / "detector")
    assert printed["auc"]["all"] > 0.9
    assert any("*" in confound or "ends" in confound for confound in printed["confounds"]), printed
    described = json.loads(command("info", tmp_path / "detector", "--json").out)
    assert (described["areas"], described["texts"]) == (printed["auc"], {"real": 100, "generated": 100})
    assert any("*" in leak["sign"] or "ends" in leak["sign"] for leak in described["leaks"])
    lines = command("info", tmp_path / "detector").out.splitlines()
    assert lines[1].split() == ["real", f"{tmp_path / 'real.csv'}:", "100"]
    assert any(line.startswith("differs in form") for line in lines)
    assert any(line.split()[:2] == ["all", "AUC"] for line in lines)
    settings = tmp_path / "detector" / "detector.json"
    settings.write_text(settings.read_text(encoding="utf-8").replace('"leaks"', '"laeks"'), encoding="utf-8")
    damaged = command("info", tmp_path / "detector")
    assert damaged.code == 2
    assert "is damaged" in damaged.err


@pytest.mark.parametrize("rows", [None, 0, 5])
def test_ctrl_c_says_whether_scoring_can_continue(command, tmp_path, monkeypatch, rows):
    def interrupt(*_arguments, **_settings):
        if rows is not None:
            (tmp_path / ".o.csv.part").touch()
            journal = {"rows": rows, "bytes": 0, "hash": "", "tally": {}, "origin": {}, "replaced": None}
            write_checked_json(tmp_path / ".o.csv.part.json", journal)
        raise KeyboardInterrupt

    monkeypatch.setattr("seqloom.detector.score_table.score_table", interrupt)
    (tmp_path / "t.csv").touch()
    done = command("detect", "score", "detector", tmp_path / "t.csv", "--text", "text", "-o", tmp_path / "o.csv")
    assert done.code == 130
    assert done.faults == [
        "interrupted; " + ("to continue, repeat the command with --resume" if rows else "no row was finished")
    ]
