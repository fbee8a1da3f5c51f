"""Runs, critics, detectors and GANs of format 1 load, and give what the version that made them gave."""

import json
import lzma
import shutil
from pathlib import Path
from typing import Any

import pytest

import seqloom
from seqloom.critic.load import open_critic
from seqloom.errors import RunError
from seqloom.runs.layout import RunFolder
from seqloom.runs.migrations import FORMAT, MIGRATIONS, migrate

STORED = Path(__file__).parent / "format_1"
EXPECTED = json.loads((STORED / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def plain_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decode with numpy, so that the texts do not depend on the processor."""
    monkeypatch.setenv("SEQLOOM_KERNELS", "off")


@pytest.mark.parametrize(
    ("name", "run", "settings"),
    [
        ("run", "run", {"prompt": "The quick", "length": 40}),
        ("rated", "rated", {"prompt": "the ", "rating": 5, "length": 40}),
        ("guided", "rated", {"prompt": "the ", "rating": 1, "guidance": 1.5, "length": 40}),
        ("gan", "gan", {"rating": 5, "length": 12}),
    ],
)
def test_a_run_generates_the_same_text(plain_kernels: None, name: str, run: str, settings: dict[str, Any]) -> None:
    assert EXPECTED[name]
    assert seqloom.load(STORED / run).generate(**settings, seed=3) == EXPECTED[name]


def test_the_settings_have_their_new_names() -> None:
    config = seqloom.load(STORED / "run").config
    assert (config.model.hidden_sizes, config.model.prediction_heads, config.model.noise_size) == ((8,), 1, 0)
    training = config.training
    assert (training.batch_size, training.sequence_length, training.batching) == (4, 16, "stateful")
    assert (training.condition_dropout, training.balance_ratings) == (0.1, False)


def test_a_gan_keeps_its_settings() -> None:
    gan = seqloom.load(STORED / "gan").info()["gan"]
    assert (gan["adversarial_steps"], gan["pretrain_steps"], gan["warmup_steps"]) == (2, 4, 2)
    assert (gan["batch_size"], gan["max_length"], gan["accuracy_band"]) == (16, 64, (0.55, 0.85))


def test_a_critic_predicts_the_same_rating() -> None:
    assert open_critic(STORED / "critic").predict([EXPECTED["text"]])[0] == pytest.approx(EXPECTED["rating"], abs=1e-6)


def test_a_detector_gives_the_same_probability(tmp_path: Path) -> None:
    folder = tmp_path / "detector"
    folder.mkdir()
    shutil.copy(STORED / "detector" / "detector.json", folder)
    packed = (STORED / "detector" / "detector.safetensors.xz").read_bytes()
    (folder / "detector.safetensors").write_bytes(lzma.decompress(packed))
    detector = seqloom.open_detector(folder)
    assert detector.score_texts([EXPECTED["text"]]).probabilities[0] == pytest.approx(EXPECTED["probability"], rel=1e-5)


def test_a_run_is_written_in_the_newest_format(tmp_path: Path) -> None:
    old, new = RunFolder(STORED / "rated"), RunFolder(tmp_path / "rated")
    new.write_config(old.read_config(), old.read_codec())
    stored = new.read_json(new.config_file)
    assert stored["format"] == FORMAT == len(MIGRATIONS) + 1
    assert "batch_size" in stored["training"]
    assert "lanes" not in stored["training"]
    assert new.read_config() == old.read_config()


def test_options_of_a_gan_that_has_not_begun_are_renamed() -> None:
    stored = {
        "format": 1,
        "source": "rated.csv",
        "own": {"rounds": 3, "batch": 16},
        "others": {"size": [8], "lanes": 4, "batching": "lanes"},
        "minutes": None,
        "noise": 10,
    }
    assert migrate(stored, "asked.json") == {
        "source": "rated.csv",
        "own": {"adversarial_steps": 3, "batch_size": 16},
        "others": {"hidden_size": [8], "batch_size": 4, "batching": "stateful"},
        "minutes": None,
        "noise_size": 10,
    }


def test_the_newest_format_is_left_alone() -> None:
    stored = {"training": {"batching": "windows"}, "noise": 3}
    assert migrate({"format": FORMAT, **stored}, "config.json") == stored


@pytest.mark.parametrize(
    ("number", "message"), [(FORMAT + 1, "upgrade seqloom"), (None, "no format number"), (True, "no format number")]
)
def test_other_formats_are_refused(number: object, message: str) -> None:
    with pytest.raises(RunError, match=message):
        migrate({"format": number}, "config.json")
