"""Several prompts and temperatures, prompts from files, and files of generated texts."""

import csv
import io
import json
import re
import sys

import pytest
from pyarrow import parquet

from seqloom.api import load
from seqloom.generation.sample_table import write_samples


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_prompt_has_texts_at_each_temperature(command, run):
    words = ("-t", "0.2,0.9", "-p", "the quick", "-p", "a", "-n", 2, "-l", 12)
    found = json.loads(command("generate", run, *words, "--json").out)
    samples = found["samples"]
    expected = [(prompt, temperature) for prompt in ("the quick", "a") for temperature in (0.2, 0.9)]
    assert [(one["prompt"], one["temperature"]) for one in samples[::2]] == expected
    assert [sample["index"] for sample in samples] == [0, 1] * 4
    for prompt, temperature in expected:
        wanted = load(run).samples(prompt, count=2, temperature=temperature, length=12)
        pair = [one for one in samples if (one["prompt"], one["temperature"]) == (prompt, temperature)]
        assert [one["text"] for one in pair] == [one.text for one in wanted]
        assert all(one["generated_by"]["temperature"] == temperature for one in pair)
    assert found["requests"] == [{"prompt": prompt, "temperature": temperature} for prompt, temperature in expected]
    lines = command("generate", run, *words, "--jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == samples
    shown = command("generate", run, *words).out
    assert shown.startswith("--- 1 of 8, temperature 0.2, prompt 'the quick'\nthe quick")
    assert "--- 8 of 8, temperature 0.9, prompt 'a'\na" in shown


def test_a_prompt_comes_from_a_file_or_standard_input(command, run, tmp_path, monkeypatch):
    (tmp_path / "prompt.txt").write_bytes(b"\xef\xbb\xbfthe quick brown\r\n")
    (sample,) = json.loads(command("generate", run, "--prompt-file", tmp_path / "prompt.txt", "--json").out)["samples"]
    assert sample["prompt"] == "the quick brown"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a fox \n")))
    (sample,) = json.loads(command("generate", run, "-p", "-", "--json").out)["samples"]
    assert sample["prompt"] == "a fox "


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (
            ("-t", "0.2", "-t", "0.5"),
            "--temperature is given 2 times: write its values after one flag, with commas between them",
        ),
        (("--seed", "1", "--seed", "1"), "--seed is given 2 times"),
        (("-t", "0.2,x"), "--temperature got '0.2,x': give a number, or several with commas between them"),
        (("-t", "0.2,-1"), "--temperature got -1.0"),
        (("-p", "-", "-p", "-"), "--prompt got - twice"),
        (("--prompt-file", "{}"), "Is a directory"),
        (("--prompt-file", "{}/none"), "No such file or directory"),
        (("--prompt-file", "{}/latin"), "is not text in UTF-8"),
        (("--prompt-file", "{}/large"), "has more than 1,000,000 bytes"),
        (("--json", "--jsonl"), "--json and --jsonl contradict each other"),
        (("-o", "{}/none/a.csv"), "there is no folder"),
        (
            ("-o", "{}/a.doc"),
            "a.doc: name a file that ends in .txt, .csv, .tsv, .jsonl, .parquet or, for music",
        ),
        (("-o", "{}/a"), "/a: name a file that ends in .txt"),
        (("-o", "{}/folder.csv"), "is a folder"),
        (("-o", "{}/old.csv"), "exists already: name another file, or give --overwrite"),
        (("-o", "{}/circle.csv"), "is a link that leads in a circle"),
        (("--prompt-file", "{}/old.csv", "-o", "{}/old.csv", "--overwrite"), "which the command reads"),
    ],
)
def test_what_makes_no_sense_is_refused(command, run, tmp_path, words, fault):
    (tmp_path / "latin").write_bytes("é".encode("latin-1"))
    (tmp_path / "large").write_bytes(b"a" * 1_000_001)
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "old.csv").write_text("old")
    (tmp_path / "circle.csv").symlink_to(tmp_path / "circle.csv")
    done = command("generate", run, *(word.format(tmp_path) for word in words))
    assert (done.code, done.out) == (2, "")
    assert fault in done.faults[0]
    assert (tmp_path / "old.csv").read_text() == "old"


def test_texts_are_written_into_tables(command, run, tmp_path):
    words = ("-p", "the", "-t", "0.5,1", "-n", 3, "-l", 9, "--seed", 4)
    for suffix in ("csv", "jsonl", "parquet", "tsv"):
        done = command("generate", run, *words, "-o", tmp_path / f"texts.{suffix}")
        assert (done.code, done.out) == (0, "")
        assert done.notes == [f"{tmp_path}/texts.{suffix}: 6 texts"]
    expected = json.loads(command("generate", run, *words, "--json").out)["samples"]
    rows = rows_of(tmp_path / "texts.csv")
    names = [
        "text",
        "prompt",
        "temperature",
        "finish_reason",
        "seed",
        "index",
        "tokens",
        "log_prob",
        "sampling_log_prob",
    ]
    assert list(rows[0]) == names
    for row, sample in zip(rows, expected, strict=True):
        assert row == {name: str(sample[name]) for name in names}
    lines = (tmp_path / "texts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{name: sample[name] for name in names} for sample in expected]
    assert parquet.read_table(tmp_path / "texts.parquet").to_pylist() == [json.loads(line) for line in lines]
    assert len((tmp_path / "texts.tsv").read_text(encoding="utf-8").splitlines()) == 7


def test_plain_texts_are_written_one_per_line(command, run, tmp_path):
    done = command("generate", run, "--pattern", "[a-z]+", "-n", 5, "-o", tmp_path / "words.txt", "--json")
    assert json.loads(done.out) == {"output": str(tmp_path / "words.txt"), "texts": 5}
    words = load(run).samples(count=5, pattern="[a-z]+")
    assert (tmp_path / "words.txt").read_text().splitlines() == [word.text for word in words]
    write_samples(tmp_path / "words.txt", [{"text": "a\nb\n"}, {"text": "c"}])
    assert (tmp_path / "words.txt").read_text() == "a\nb\n\nc\n"


def test_after_ctrl_c_the_finished_texts_are_in_the_file(command, run, tmp_path, monkeypatch):
    from seqloom.api.generating_run import GeneratingRun

    generate_iter = GeneratingRun.generate_iter

    def interrupted(self, *arguments):
        samples = generate_iter(self, *arguments)
        yield next(samples)
        yield next(samples)
        raise KeyboardInterrupt

    monkeypatch.setattr(GeneratingRun, "generate_iter", interrupted)
    done = command("generate", run, "-n", 9, "-l", 5, "-o", tmp_path / "texts.csv")
    assert done.code == 130
    assert len(rows_of(tmp_path / "texts.csv")) == 2
    assert f"{tmp_path}/texts.csv: 2 texts" in done.err


def test_a_full_disk_leaves_the_old_file(command, run, tmp_path, monkeypatch):
    from seqloom import disk

    def fail(*arguments):
        raise OSError(28, "No space left on device")

    (tmp_path / "texts.csv").write_text("old")
    monkeypatch.setattr(disk, "sync", fail)
    done = command("generate", run, "-l", 5, "-o", tmp_path / "texts.csv", "--overwrite")
    assert done.code == 1
    assert "No space left on device" in done.faults[-1]
    assert (tmp_path / "texts.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_text_file_names_prompts_and_temperatures(command, run, tmp_path):
    texts = tmp_path / "texts.txt"
    done = command("generate", run, "-p", "the", "-t", "0.2,0.9", "-l", 5, "-o", texts)
    assert done.code == 0
    first, second = re.findall("^--- .*$", texts.read_text(), re.MULTILINE)
    assert first == "--- 1 of 2, temperature 0.2, prompt 'the'"
    assert second == "--- 2 of 2, temperature 0.9, prompt 'the'"
    command("generate", run, "-p", "the", "-n", 2, "-l", 5, "-o", tmp_path / "same.txt")
    assert "---" not in (tmp_path / "same.txt").read_text()


def test_an_option_is_suggested_by_its_beginning(command, run):
    assert "did you mean --temperature?" in command("generate", run, "--temp", "0.5").faults[0]
