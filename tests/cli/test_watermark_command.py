"""Looking for a watermark, as a command."""

import json

import pytest

from seqloom.api import load


@pytest.fixture(scope="module")
def wordy(tmp_path_factory):
    """A run that has hardly learned its letters, so that there is much to draw."""
    from seqloom.cli.app import call

    folder = tmp_path_factory.mktemp("wordy")
    (folder / "letters.txt").write_text("abcdefghijklmnopqrstuvwxyz .,!" * 100, encoding="utf-8")
    flags = "--steps 4 --hidden-size 8 --batch-size 4 --sequence-length 16 --threads 1".split()
    assert call(["train", str(folder / "letters.txt"), "--run", str(folder / "run"), *flags]) == 0
    return folder / "run"


@pytest.fixture
def texts(command, wordy, tmp_path):
    """Three marked texts, one not marked and a short one, a line each."""
    words = ("generate", wordy, "--length", 200)
    marked = command(*words, "--count", 3, "--watermark", "key").out
    path = tmp_path / "texts.txt"
    path.write_text(marked + command(*words, "--seed", 5).out + "too short\n")
    return path


def test_what_was_marked_is_found(command, wordy, texts):
    done = command("detect", "watermark", wordy, texts, "--records", "line", "--key", "key", "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert [one["p_value"] <= 0.001 for one in found["texts"]] == [True, True, True, False, False]
    assert [one["short"] for one in found["texts"]] == [False, False, False, False, True]
    assert {name: found[name] for name in ("count", "marked", "short", "threshold", "key_sha256")} == {
        "count": 5,
        "marked": 3,
        "short": 1,
        "threshold": 0.001,
        "key_sha256": "2c70e12b",
    }
    other = json.loads(command("detect", "watermark", wordy, texts, "--records", "line", "--key", "k", "--json").out)
    assert other["marked"] == 0


def test_a_person_is_told_so(command, wordy, texts):
    done = command("detect", "watermark", wordy, texts, "--records", "line", "--key", "key")
    lines = done.out.splitlines()
    assert lines[0].split() == ["text", "places", "statistic", "p"]
    assert [line.split()[4:] for line in lines[1:]] == [["marked"]] * 3 + [[], ["too", "short", "to", "tell"]]
    assert done.notes == [
        "3 of 5 texts have p <= 0.001; without the watermark, 1 text in 1,000 would",
        "1 text is too short: a watermark may remain undetected",
    ]


def test_a_table_is_read_and_what_the_run_does_not_know_is_left_out(command, wordy, tmp_path):
    text = load(wordy).generate(length=200, watermark="key")
    rows = [{"said": text}, {"said": text[:90] + "\u00c4\u00d6" + text[90:]}, {"said": "A"}]
    path = tmp_path / "texts.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)))
    done = command("detect", "watermark", wordy, path, "--text", "said", "--key", "key", "--json")
    first, second, third = json.loads(done.out)["texts"]
    assert {**first, "row": 2} == second
    assert [text["row"] for text in (first, second, third)] == [1, 2, 3]
    assert (third["places"], third["p_value"]) == (0, 1)
    assert "left out: 3 characters outside the vocabulary" in done.err
    assert load(wordy).find_watermark(text, "key").p_value == first["p_value"]


def test_the_weights_are_not_needed(command, wordy, texts, tmp_path):
    import shutil

    run = shutil.copytree(wordy, tmp_path / "run")
    (run / "model.safetensors").unlink()
    assert command("detect", "watermark", run, texts, "--key", "key").code == 0


def test_a_file_says_how_it_was_marked_and_not_by_which_key(command, wordy):
    done = command("generate", wordy, "--length", 9, "--watermark", "key", "--json")
    origin = json.loads(done.out)["samples"][0]["generated_by"]
    assert origin["watermark"] == {"key_sha256": "2c70e12b"}
    assert (origin["run"], origin["seed"]) == (str(wordy), 0)
    assert origin["seqloom"]
    assert '"key"' not in done.out


def test_a_faulty_key_is_one_line(command, wordy, texts):
    for words in (("generate", wordy, "--watermark", ""), ("detect", "watermark", wordy, texts, "--key", "")):
        done = command(*words)
        assert (done.code, len(done.faults), done.out) == (2, 1, "")
    done = command("generate", wordy, "--watermark", "key", "--temperature", 0)
    said = "--watermark needs random draws, and --temperature 0 makes none: leave out one of the two"
    assert (done.code, done.faults) == (2, [said])
