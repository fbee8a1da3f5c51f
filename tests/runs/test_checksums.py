"""Every changed bit of a run, of its state and of its encoded corpus is noticed, and the file is named."""

import json
import shutil
from pathlib import Path

import pytest
from tests.checked_files import changed_bits

import seqloom
from seqloom.api.run import Run
from seqloom.checksums import ChecksumError, checked_json, json_with_checksum
from seqloom.codecs import fit_codec
from seqloom.config import ReadingConfig
from seqloom.corpora import open_corpus
from seqloom.data.store import build_store, open_store
from seqloom.errors import RunError
from seqloom.runs.layout import RunFolder
from seqloom.runs.log import LogWriter
from seqloom.runs.verify import verify_run
from seqloom.training.checkpoint import load_snapshot

FILES = ("config.json", "codec.json", "model.safetensors", "state/training.safetensors", "log.jsonl", "metrics.json")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("tiny")
    source = folder / "abc.txt"
    source.write_text("abcd " * 200, encoding="utf-8")
    return seqloom.train(
        source, run=folder / "run", steps=20, hidden_size=4, batch_size=2, sequence_length=8, threads=1
    )


@pytest.fixture
def copied(tiny: Run, tmp_path: Path) -> RunFolder:
    return RunFolder(shutil.copytree(tiny.path, tmp_path / "run"))


@pytest.mark.parametrize("name", FILES)
def test_a_changed_bit_of_a_run_is_noticed(copied: RunFolder, name: str) -> None:
    assert verify_run(copied) == FILES
    for position in changed_bits(copied.path / name):
        with pytest.raises(RunError) as caught:
            verify_run(RunFolder(copied.path))
        assert name in str(caught.value), position
        assert all(len(line) < 2000 for line in caught.value.faults)


@pytest.mark.parametrize("name", FILES[:3])
def test_generation_reads_no_damaged_file(copied: RunFolder, name: str) -> None:
    for position in changed_bits(copied.path / name):
        with pytest.raises(RunError, match=name):
            seqloom.load(copied.path).weights  # noqa: B018
        assert position


def test_all_bytes_of_the_checksum_itself_are_checked(copied: RunFolder) -> None:
    file = copied.config_file
    content = file.read_bytes()
    for position in range(len(content) - 85, len(content)):
        for bit in range(8):
            changed = content[:position] + bytes([content[position] ^ (1 << bit)]) + content[position + 1 :]
            with pytest.raises(ValueError):  # noqa: PT011 (of JSON, UTF-8 or the checksum)
                checked_json(changed, required_from_format=4)


def test_an_edited_config_is_refused(copied: RunFolder) -> None:
    stored = json.loads(copied.config_file.read_text(encoding="utf-8"))
    copied.config_file.write_text(json.dumps({**stored, "threads": 2}), encoding="utf-8")
    with pytest.raises(
        RunError, match=r"config\.json is damaged: it was changed after it was written.*undo the change"
    ):
        copied.read_config()


def test_files_without_a_checksum_are_refused_in_a_new_run(copied: RunFolder) -> None:
    stored = json.loads(copied.codec_file.read_text(encoding="utf-8"))
    del stored["sha256"]
    copied.codec_file.write_text(json.dumps(stored), encoding="utf-8")
    with pytest.raises(RunError, match=r"codec\.json is damaged: it was changed"):
        verify_run(copied)


@pytest.mark.parametrize("name", ["codec.json", "model.safetensors", "state/training.safetensors"])
def test_a_file_of_another_run_is_refused(copied: RunFolder, tiny: Run, tmp_path: Path, name: str) -> None:
    other = seqloom.train(
        tiny.path.parent / "abc.txt",
        run=tmp_path / "other",
        steps=20,
        seed=7,
        hidden_size=4,
        batch_size=2,
        sequence_length=8,
        threads=1,
    )
    shutil.copy(other.path / name, copied.path / name)
    with pytest.raises(RunError, match=rf"{name}.* belongs to another run"):
        verify_run(copied)


@pytest.mark.parametrize("name", ["model.safetensors", "state/training.safetensors"])
@pytest.mark.parametrize("steps", [10, 40])
def test_files_of_a_longer_or_shorter_training_are_refused(
    copied: RunFolder, tiny: Run, tmp_path: Path, name: str, steps: int
) -> None:
    """The length of a training is no part of its identity, but a finished training knows its final weights."""
    training = tiny.config.training
    intervals = {"validate_every": training.validate_every, "warmup": training.warmup}
    other = seqloom.train(
        tiny.path.parent / "abc.txt",
        run=tmp_path / "other",
        steps=steps,
        hidden_size=4,
        batch_size=2,
        sequence_length=8,
        threads=1,
        learning_rate=training.learning_rate,
        weight_decay=training.weight_decay,
        dropout=tiny.config.model.dropout,
        **intervals,
    )
    assert other.config.run_id == tiny.config.run_id
    shutil.copy(other.path / name, copied.path / name)
    for command in (
        lambda: verify_run(RunFolder(copied.path)),
        lambda: seqloom.load(copied.path).generate(length=3),
        lambda: seqloom.train(run=copied.path, resume=True),
    ):
        with pytest.raises(RunError, match=r"metrics\.json|belongs to another checkpoint"):
            command()


def test_the_parent_is_part_of_the_identity(tiny: Run, tmp_path: Path) -> None:
    other = seqloom.train(tiny.path.parent / "abc.txt", from_run=tiny.path, run=tmp_path / "other", steps=20)
    again = seqloom.train(tiny.path.parent / "abc.txt", from_run=other.path, run=tmp_path / "again", steps=20)
    assert len({run.config.run_id for run in (tiny, other, again)}) == 3


def test_damaged_metrics_are_no_obstacle_to_generation(copied: RunFolder) -> None:
    copied.metrics_file.write_text("{", encoding="utf-8")
    assert seqloom.load(copied.path).generate(length=3)


def test_weights_of_an_older_checkpoint_are_refused(copied: RunFolder) -> None:
    import torch

    weights = {name: torch.from_numpy(array) for name, array in seqloom.load(copied.path).weights.items()}
    copied.read_config()
    copied.metrics_file.unlink()  # as in a training that is not finished
    copied.write_weights(weights, step=3)
    with pytest.raises(RunError, match="belongs to another checkpoint than the training state"):
        seqloom.load(copied.path).generate(length=3)


def test_weights_that_are_newer_than_the_state_are_read(copied: RunFolder) -> None:
    import torch

    weights = {name: torch.from_numpy(array) for name, array in seqloom.load(copied.path).weights.items()}
    copied.read_config()
    copied.metrics_file.unlink()
    copied.write_weights(weights, step=1000)
    assert seqloom.load(copied.path).generate(length=3)


def test_a_damaged_state_is_not_resumed(copied: RunFolder) -> None:
    copied.read_config()
    for position in changed_bits(copied.state_file):
        with pytest.raises(RunError, match=r"training\.safetensors is damaged"):
            load_snapshot(copied.state_file, copied.run_id)
        assert position


@pytest.mark.parametrize("name", ["store.json", "records.bin", "offsets.bin", "groups.bin", "condition-0.bin"])
def test_a_changed_bit_of_a_store_is_noticed(tmp_path: Path, name: str) -> None:
    table = tmp_path / "t.csv"
    table.write_text(
        "text,stars,place\n" + "".join(f"a text {n},{n % 5},{n % 3}\n" for n in range(40)), encoding="utf-8"
    )
    corpus = open_corpus(table, ReadingConfig(text="text", rating=("stars",), group="place"))
    build_store(corpus, fit_codec("char", corpus), tmp_path / "store")
    whole = open_store(tmp_path / "store").records.tolist()
    for position in changed_bits(tmp_path / "store" / name):
        with pytest.raises(RunError, match=name if name != "store.json" else "damaged|newer"):
            open_store(tmp_path / "store")
        assert position
    assert open_store(tmp_path / "store").records.tolist() == whole


def test_the_damaged_lines_of_a_log_are_cut_when_it_is_continued(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    log = LogWriter(folder, 0)
    for step in (1, 2, 3, 4):
        log.write(step=step, loss=0.5)
    content = folder.log_file.read_bytes()
    folder.log_file.write_bytes(content.replace(b'"step": 3, "loss": 0.5', b'"step": 3, "loss": 0.7'))
    with pytest.raises(RunError, match=r"log\.jsonl is damaged: line 3"):
        folder.read_log()
    LogWriter(folder, 9)
    assert [line["step"] for line in folder.read_log()] == [1, 2]


def test_json_with_a_key_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="'a' twice"):
        checked_json(b'{"a": 1, "a": 2}')
    assert checked_json(json_with_checksum({"a": "\u00e9"}), required_from_format=0) == {"a": "\u00e9"}
    with pytest.raises(ChecksumError):
        checked_json(json_with_checksum({"a": 1}) + b" ", required_from_format=0)


def test_a_finished_run_has_all_lines_of_its_log(copied: RunFolder) -> None:
    lines = copied.log_file.read_bytes().splitlines(keepends=True)
    copied.log_file.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(RunError, match=r"log\.jsonl is damaged: it lacks lines"):
        verify_run(copied)
