"""A run and a critic of different rules of tables are not combined."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seqloom.config import ReadingConfig
from seqloom.critic.table_rules import check_table_rules, critic_table_rules
from seqloom.errors import ConfigError


def run(version: int, text: str | None = "text") -> Any:
    reading = ReadingConfig(text=text, table_rules=version)
    return SimpleNamespace(path="runs/reviews", config=SimpleNamespace(reading=reading))


def critic_folder(folder: Path, reading: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    stored = {"format": 4, "kind": "critic", "scale": {}, "origin": {"reading": reading}}
    (folder / "critic.json").write_text(json.dumps(stored))
    return folder


def test_versions_are_read_from_folders_and_objects(tmp_path: Path) -> None:
    assert critic_table_rules(critic_folder(tmp_path / "old", {"text": "text"})) == 1
    assert critic_table_rules(critic_folder(tmp_path / "new", {"text": "text", "table_rules": 2})) == 2
    assert critic_table_rules(SimpleNamespace(table_rules_=2)) == 2
    assert critic_table_rules(len) is None
    assert critic_table_rules(None) is None


def test_differing_versions_are_refused_with_both_versions_and_advice(tmp_path: Path) -> None:
    old = critic_folder(tmp_path / "old", {})
    with pytest.raises(ConfigError) as raised:
        check_table_rules(run(2), old)
    (fault,) = raised.value.faults
    assert "runs/reviews was trained with version 2" in fault
    assert f"{old} was fitted with version 1" in fault
    assert "fit the critic again with 'seqloom critic fit'" in fault
    with pytest.raises(ConfigError, match=r"version 1 .* version 2, .*: train the run again"):
        check_table_rules(run(1), SimpleNamespace(table_rules_=2))


def test_equal_and_unknown_versions_fit(tmp_path: Path) -> None:
    check_table_rules(run(1), critic_folder(tmp_path / "old", {}))
    check_table_rules(run(2), SimpleNamespace(table_rules_=2))
    check_table_rules(run(2), len)
    check_table_rules(run(1, text=None), SimpleNamespace(table_rules_=2))
