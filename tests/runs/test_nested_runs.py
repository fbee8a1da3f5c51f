"""A run in a subfolder that seqloom uses itself stays, unless it is a part of what is replaced."""

import shutil
from pathlib import Path

import pytest
from tests.end_to_end.test_damaged_folders import make_detector, make_gan
from tests.rating.test_rated_runs import write_table

import seqloom
from seqloom.detector.fit import fit_detector
from seqloom.errors import ConfigError, RunError
from seqloom.gan.train import train_gan
from seqloom.runs.layout import RunFolder
from seqloom.runs.verify import verify_run

SETTINGS = {"hidden_size": 4, "batch_size": 2, "sequence_length": 8, "steps": 3, "threads": 1}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_table(tmp_path_factory.mktemp("table") / "table.csv", 600)


@pytest.fixture(scope="module")
def gan(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gans") / "gan"
    make_gan(table, folder)
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_training_keeps_a_run_in_the_place_of_a_likelihood_training(text_file: Path, tmp_path: Path) -> None:
    nested = tmp_path / "run" / "likelihood"
    seqloom.train(text_file, run=nested, **SETTINGS)
    before = content(nested)
    seqloom.train(text_file, run=tmp_path / "run", **SETTINGS)
    seqloom.train(text_file, run=tmp_path / "run", overwrite=True, **SETTINGS)
    assert content(nested) == before
    assert not any(name.startswith("likelihood") for name in verify_run(RunFolder(tmp_path / "run")))


@pytest.mark.parametrize("name", ["samples/epoch-0001.txt", "gan.json", "plots/loss.png", "log.jsonl"])
def test_a_file_of_a_name_that_runs_use_is_not_replaced_unasked(text_file: Path, tmp_path: Path, name: str) -> None:
    file = tmp_path / "run" / name
    file.parent.mkdir(parents=True)
    file.write_text("own", encoding="utf-8")
    with pytest.raises(RunError, match=name):
        seqloom.train(text_file, run=tmp_path / "run", **SETTINGS)
    assert file.read_text(encoding="utf-8") == "own"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_gan_does_not_take_the_place_of_a_run(text_file: Path, table: Path, tmp_path: Path, overwrite: bool) -> None:
    nested = tmp_path / "gan" / "likelihood"
    seqloom.train(text_file, run=nested, **SETTINGS)
    before = content(nested)
    with pytest.raises(RunError, match="a run of its own"):
        seqloom.train_gan(table, run=tmp_path / "gan", text="text", rating="stars", steps=4, overwrite=overwrite)
    assert content(nested) == before


def test_a_gan_replaces_its_own_likelihood_training(gan: Path, table: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(gan, tmp_path / "moved" / "gan")
    before = (folder / "likelihood" / "config.json").read_bytes()
    with pytest.raises(ConfigError, match="its own first stage"):
        train_gan(table, run=folder, from_run=folder / "likelihood", overwrite=True)
    make_gan(table, folder, seed=1, overwrite=True)
    assert (folder / "likelihood" / "config.json").read_bytes() != before


def test_a_training_over_a_gan_removes_its_likelihood_training(gan: Path, text_file: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(gan, tmp_path / "gan")
    seqloom.train(text_file, run=folder, overwrite=True, **SETTINGS)
    assert not (folder / "likelihood").exists()


def test_a_light_detector_keeps_a_run_in_the_place_of_a_language_model(
    text_file: Path, table: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "detector"
    make_detector(table, folder)
    seqloom.train(text_file, run=folder / "real", **SETTINGS)
    before = content(folder / "real")
    generated = folder.with_suffix(".csv")
    fit_detector(table, run=folder, generated=[generated], text="text", light=True, overwrite=True)
    assert content(folder / "real") == before
    with pytest.raises(RunError, match="a run of its own"):
        fit_detector(table, run=folder, generated=[generated], text="text", overwrite=True)
