"""Adversarial rounds between a hardly trained run and a detector."""

import json
from pathlib import Path

import pytest

import seqloom
from seqloom.detector.adversarial import adversarial_rounds
from seqloom.errors import ConfigError

WORDS = ("the", "soup", "was", "warm", "and", "we", "came", "again", "to", "this", "table")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("duel") / "texts.csv"
    lines = [" ".join(WORDS[(row * step) % 11] for step in range(1, 12)) + f" {row}." for row in range(150)]
    file.write_text("\n".join(["text", *lines]), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def writer(table: Path) -> Path:
    folder = table.parent / "run"
    seqloom.train(table, run=folder, text="text", steps=8, hidden_size=16, batch_size=4, sequence_length=16, threads=1)
    return folder


@pytest.mark.usefixtures("rendered_plots")
def test_texts_selected_against_a_detector_evade_it_more_often(table, writer, tmp_path):
    results = adversarial_rounds(table, generator=writer, run=tmp_path / "duel", text="text", rounds=1, count=120)
    (result,) = results
    assert result.auc_unselected > 0.9
    assert result.auc_after_selection <= result.auc_unselected
    assert 0 < result.kept <= 0.21
    assert (
        json.loads((tmp_path / "duel" / "duel.json").read_text())[0]["auc_after_training"] == result.auc_after_training
    )
    assert (tmp_path / "duel" / "duel.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("settings", "message"), [({"rounds": 0}, "`rounds` got 0"), ({"keep": 1.0}, "`keep` got 1.0")]
)
def test_invalid_settings_are_refused(table, writer, tmp_path, settings, message):
    with pytest.raises(ConfigError, match=message):
        adversarial_rounds(table, generator=writer, run=tmp_path / "duel", text="text", **settings)
