"""The defaults that help states are those of the settings."""

import dataclasses
import re

import pytest
from typer.main import get_command

from seqloom.cli.app import app
from seqloom.config import ModelConfig, ReadingConfig, TrainingConfig
from seqloom.config.sampling import SamplingConfig

CHOSEN = (
    "detected",
    "line for a list of words",
    "bfloat16 where it is faster",
    "the fastest with nearly the same loss",
    "by default, unless trained on windows",
    "line end, colon, quotation mark, asterisk",
)
"""Help of settings that depend on the text or the machine, or whose default is put into words."""


def as_typed(default: object) -> str:
    if isinstance(default, tuple):
        return ",".join(map(as_typed, default))
    return default if isinstance(default, str) else f"{default:g}"


@pytest.mark.parametrize(
    ("command", "configs", "expected"),
    [
        ("train", (ReadingConfig, ModelConfig, TrainingConfig), {"patience": "10", "betas": "0.85,0.99", "clip": "1"}),
        ("generate", (SamplingConfig,), {"length": "400", "temperature": "1", "top_k": "0"}),
    ],
)
def test_help_states_the_defaults_of_the_settings(command, configs, expected):
    defaults = {field.name: field.default for config in configs for field in dataclasses.fields(config)}
    stated = {}
    for option in get_command(app).commands[command].params:
        said = re.search(r"\(([^()]*)\)$", option.help or "")
        if said and said[1] not in CHOSEN and option.name in defaults:
            stated[option.name] = said[1]
    assert stated == {name: as_typed(defaults[name]) for name in stated}
    assert stated.items() >= expected.items()
    assert len(stated) > 7


@pytest.mark.parametrize("words", [(), ("detect",), ("critic",), ("gan",), ("corpora",)])
def test_a_group_shows_whole_sentences(command, words):
    shown = command(*words, "--help").out.partition("Commands:")[2].partition("\n\n")[0]
    assert shown
    assert "..." not in shown
