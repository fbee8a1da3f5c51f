"""Scoring a table with a detector: what is added, what goes on after an interruption, and what is refused."""

import csv
import json

import numpy as np
import pytest
from pyarrow import parquet

import seqloom
from seqloom.detector.detector import Detector
from seqloom.detector.fit import fit_detector
from seqloom.detector.score_table import score_table
from seqloom.detector.storage import DETECTOR, save_detector
from seqloom.errors import ConfigError, RunError

WORDS = ("the", "soup", "was", "and", "we", "came", "again", "table", "warm", "waiter", "slow", "bread", "nice", "too")


def write_texts(number, seed):
    """Real texts go through the words in order; generated ones draw them at random."""
    random, texts = np.random.default_rng(seed), []
    for index in range(number):
        start, length = random.integers(len(WORDS)), int(random.integers(8, 30))
        places = random.integers(len(WORDS), size=length) if index % 2 else start + np.arange(length)
        texts.append(" ".join([f"n{seed}{index}", *(WORDS[place % len(WORDS)] for place in places)]))
    return texts, np.arange(number) % 2


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two detectors."""
    place = tmp_path_factory.mktemp("detectors")
    for seed in (0, 1):
        save_detector(Detector(encoder=False, seed=seed).fit(*write_texts(200, seed)), place / f"{seed}", {})
    return [place / "0", place / "1"]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "new.csv"
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text",), *([text] for text in write_texts(30, 5)[0])])
    return path


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_table_gains_what_the_detector_says(folders, table, tmp_path):
    known = write_texts(200, 0)[0][0]
    with open(table, "a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["Soup."], ["Суп был тёплый, и мы пришли снова за этот стол"], [known], [" "]])
        csv.writer(file).writerow(["Der Kellner war sehr freundlich und das Essen gut."])
    said = []
    output = tmp_path / "out.csv"
    assert score_table(folders[0], table, text="text", output=output, base_rate=0.02, note=said.append) == 35
    found = rows_of(tmp_path / "out.csv")
    detector = seqloom.open_detector(folders[0])
    expected = detector.score_texts([row["text"] for row in found[:30]], base_rate=0.02).probabilities
    np.testing.assert_allclose([float(row["p_generated"]) for row in found[:30]], expected, rtol=1e-6)
    assert [row["flag"] for row in found[30:]] == ["", "unfamiliar", "learned", "", "unfamiliar"]
    assert [row["abstained"] for row in found[30:]] == ["1", "0", "0", "", "0"]
    assert float(found[32]["p_generated"]) < 0.5
    for row in found:
        reaches = row["abstained"] == "0" and float(row["p_generated"]) >= 0.5
        assert row["flagged"] == ("" if row["abstained"] == "" else str(int(reaches)))


def test_the_most_suspicious_rows_come_first(folders, table, tmp_path):
    with open(table, "a", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow(["Soup."])  # too short for a reliable probability
    said = []
    score_table(folders[0], table, text="text", output=tmp_path / "all.csv", threshold=0.9)
    found = rows_of(tmp_path / "all.csv")
    assert [row["flagged"] for row in found[:30]] == [str(int(float(row["p_generated"]) >= 0.9)) for row in found[:30]]
    assert score_table(folders[0], table, text="text", output=tmp_path / "top.csv", threshold=0.9, top=7) == 7
    ranked = sorted(found[:30], key=lambda row: float(row["p_generated"]), reverse=True)
    assert rows_of(tmp_path / "top.csv") == ranked[:7]
    assert score_table(folders[0], table, text="text", output=tmp_path / "many.csv", top=99, note=said.append) == 30
    assert said[-1] == "`top` 99 is more than the 30 rows with a reliable probability"
    assert any(line.endswith("long passages of the detector's training texts") for line in said)
    assert "1 text too short for a reliable probability" in said


def interrupted(folder, table, output, monkeypatch):
    """A scoring that ends after its first rows, as if it were killed."""
    monkeypatch.setattr("seqloom.detector.score_table._FULL_BATCH_SIZE", 8)
    judge, asked = seqloom.open_detector(folder), []

    class Failing(Detector):
        def score_texts(self, *given, **settings):
            asked.append(given)
            if len(asked) == 3:
                raise KeyboardInterrupt
            return judge.score_texts(*given, **settings)

    failing = Failing()
    failing.__dict__ |= judge.__dict__
    with monkeypatch.context() as changed:
        changed.setattr("seqloom.detector.score_table.open_detector", lambda _: failing)
        with pytest.raises(KeyboardInterrupt):
            score_table(folder, table, text="text", output=output)


def test_an_interrupted_scoring_goes_on_to_the_same_table(folders, table, tmp_path, monkeypatch):
    score_table(folders[0], table, text="text", output=tmp_path / "whole.csv")
    interrupted(folders[0], table, tmp_path / "out.csv", monkeypatch)
    assert not (tmp_path / "out.csv").exists()
    with pytest.raises(ConfigError, match="has an interrupted write: give `resume`"):
        score_table(folders[0], table, text="text", output=tmp_path / "out.csv")
    assert score_table(folders[0], table, text="text", output=tmp_path / "out.csv", resume=True) == 30
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_a_detector_from_python_is_told_from_others_too(folders, table, tmp_path):
    one, other = (seqloom.open_detector(folder) for folder in folders)
    assert one.fingerprint() == seqloom.open_detector(folders[0]).fingerprint() != other.fingerprint()
    assert score_table(one, table, text="text", output=tmp_path / "out.csv") == 30


def test_a_link_stays_a_link(folders, table, tmp_path):
    (tmp_path / "out.csv").symlink_to(tmp_path / "real.csv")
    assert score_table(folders[0], table, text="text", output=tmp_path / "out.csv", light=True) == 30
    assert (tmp_path / "out.csv").is_symlink()
    assert len(rows_of(tmp_path / "real.csv")) == 30


def test_no_other_detector_goes_on_with_it(folders, table, tmp_path, monkeypatch):
    interrupted(folders[0], table, tmp_path / "out.csv", monkeypatch)
    with pytest.raises(ConfigError, match="with other settings: give `overwrite`"):
        score_table(folders[1], table, text="text", output=tmp_path / "out.csv", resume=True)


def test_a_table_is_not_written_over_itself(folders, table):
    before = table.read_bytes()
    with pytest.raises(ConfigError, match="is the table that is read: name another file"):
        score_table(folders[0], table, text="text", output=table, overwrite=True)
    assert table.read_bytes() == before


def test_half_a_surrogate_pair_is_kept_and_not_scored(folders, tmp_path):
    table = tmp_path / "in.jsonl"
    table.write_text('{"text": "bad \\\\ud800 soup was warm and nice", "note": "\\\\udfff"}\n'.replace("\\\\", "\\"))
    assert score_table(folders[0], table, text="text", output=tmp_path / "out.jsonl") == 1
    row = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
    assert (row["text"], row["note"]) == ("bad \ud800 soup was warm and nice", "\udfff")
    assert row["p_generated"] is None


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"seed": -1}, "`seed` got -1: choose 0 or more"),
        ({"minutes": float("inf")}, "`minutes` got inf: choose a number above 0"),
        ({"generators": ["run"], "count": 0}, "`count` got 0: choose 40 or more"),
    ],
)
def test_settings_that_nothing_can_be_made_of_are_refused_before_anything_is_read(tmp_path, settings, said):
    given = {"generated": [tmp_path / "none.csv"], "text": "text"} | settings
    with pytest.raises(ConfigError, match=said):
        fit_detector(tmp_path / "none.csv", run=tmp_path / "made", **given)
    assert not (tmp_path / "made").exists()


def test_a_replaced_detector_leaves_the_files_of_others(folders, tmp_path):
    place = tmp_path / "made"
    save_detector(seqloom.open_detector(folders[0]), place, {})
    (place / "precious.csv").write_text("text\n")
    texts, generated = write_texts(100, 3)
    for name, side in (("real", 0), ("generated", 1)):
        rows = "".join(f"{text}\n" for text, label in zip(texts, generated, strict=True) if label == side)
        (tmp_path / f"{name}.csv").write_text(f"text\n{rows}")
    new = {"generated": [tmp_path / "generated.csv"], "text": "text", "light": True}
    with pytest.raises(RunError, match="already contains a detector"):
        fit_detector(tmp_path / "real.csv", run=place, **new)
    before = seqloom.open_detector(place).fingerprint()
    assert fit_detector(tmp_path / "real.csv", run=place, overwrite=True, **new).fingerprint() != before
    assert {path.name for path in place.iterdir()} == {"detector.json", "detector.safetensors", "precious.csv"}
    (place / "detector.json").unlink()
    with pytest.raises(RunError, match="contains something other than a detector"):
        fit_detector(tmp_path / "real.csv", run=place, overwrite=True, **new)


@pytest.mark.parametrize(
    "change", [{"kind": "critic"}, {"models": {"real": "0", "generated": "0"}}, {"familiar": [1]}, {"format": "4"}]
)
def test_a_changed_file_is_damage(folders, tmp_path, change):
    place = tmp_path / "made"
    save_detector(seqloom.open_detector(folders[0]), place, {})
    file = place / DETECTOR.settings_file
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | change), encoding="utf-8")
    with pytest.raises(RunError, match="is damaged"):
        seqloom.open_detector(place)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_a_file_has_the_order_and_the_ties_of_memory(folders, tmp_path, ending):
    texts, _ = write_texts(300, 7)
    table, scored = tmp_path / "in.csv", tmp_path / f"out.{ending}"
    with open(table, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text",), *([text] for text in texts)])
    assert score_table(folders[0], table, text="text", output=scored, light=True) == 300
    if ending == "parquet":
        written = parquet.read_table(scored)["p_generated"].to_pylist()
    elif ending == "jsonl":
        written = [json.loads(line)["p_generated"] for line in scored.read_text(encoding="utf-8").splitlines()]
    else:
        with open(scored, newline="", encoding="utf-8") as file:
            rows = csv.DictReader(file, delimiter="\t" if ending == "tsv" else ",")
            written = [float(row["p_generated"]) for row in rows]
    in_memory = seqloom.open_detector(folders[0]).score_texts(texts, base_rate=0.5, light=True).probabilities
    assert written == in_memory.tolist()
