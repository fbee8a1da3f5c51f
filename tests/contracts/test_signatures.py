"""Explicit signatures agree with the dataclasses that define their settings: names, types and defaults."""

import ast
import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

import seqloom
from seqloom.cli.flags import COMMAND_PARAMETERS, known_settings, with_flags
from seqloom.config import DecodingConfig, ModelConfig, ReadingConfig, SamplingConfig, TrainingConfig
from seqloom.config.critic import CriticConfig
from seqloom.config.detector import DetectorConfig, DuelConfig, ReportConfig, ScoringConfig
from seqloom.config.flags import cli_flag
from seqloom.config.gan import GanConfig
from seqloom.config.options import GanOptions, Options, TrainOptions
from seqloom.config.settings import fields_of
from seqloom.critic.fit import fit_critic
from seqloom.detector.adversarial import adversarial_rounds
from seqloom.detector.fit import fit_detector
from seqloom.detector.html_report import report_detector
from seqloom.detector.score_table import score_table
from seqloom.generation.options import GenerationOptions
from seqloom.rating.generate import RatedGeneration
from seqloom.rating.request import RatingRequest

SOURCES = Path(__file__).parents[2] / "src" / "seqloom"

COLLECTIONS = {
    "bias": Mapping[int, float] | None,
    "transforms": Mapping[str, Mapping[str, float]] | None,
    "stop": Sequence[str],
    "ban": Sequence[str],
    "dry_breaker": Sequence[str],
}
"""Parameters that accept more than the field stores."""

COLUMNS = {"rating": str | tuple[str, ...], "category": str | tuple[str, ...]}
"""Options of one column or several."""


@pytest.mark.parametrize(
    ("function", "config"),
    [
        (seqloom.train, TrainOptions),
        (seqloom.train_gan, GanOptions),
        *[
            (method, config)
            for method in (seqloom.Run.generate, seqloom.Run.samples, seqloom.Run.stream, seqloom.Run.generate_rated)
            for config in (SamplingConfig, DecodingConfig)
        ],
        (fit_critic, CriticConfig),
        (fit_detector, DetectorConfig),
        (score_table, ScoringConfig),
        (report_detector, ReportConfig),
        (adversarial_rounds, DuelConfig),
    ],
)
def test_a_signature_lists_the_fields_of_its_settings(function: Callable[..., Any], config: type) -> None:
    parameters, types = inspect.signature(function).parameters, get_type_hints(function, localns=_names())
    for field in dataclasses.fields(config):
        default = None if field.name in ("bias", "transforms") else field.default
        assert parameters[field.name].default == default, field.name
        assert parameters[field.name].kind == inspect.Parameter.KEYWORD_ONLY
        assert types[field.name] == COLLECTIONS.get(field.name, get_type_hints(config)[field.name]), field.name


def test_generate_rated_lists_the_fields_of_a_request() -> None:
    parameters = inspect.signature(seqloom.Run.generate_rated).parameters
    for field in dataclasses.fields(RatingRequest):
        assert parameters[field.name].default == (
            inspect.Parameter.empty if field.default is dataclasses.MISSING else field.default
        )


@pytest.mark.parametrize("method", [seqloom.Run.generate, seqloom.Run.samples, seqloom.Run.stream])
def test_methods_of_generation_list_the_options_of_a_rating(method: Callable[..., Any]) -> None:
    parameters = inspect.signature(method).parameters
    for name in ("rating", "guidance", "extrapolate"):
        assert parameters[name].default == GenerationOptions.__dataclass_fields__[name].default


@pytest.mark.parametrize(
    ("options", "configs"),
    [
        (TrainOptions, (ReadingConfig, ModelConfig, TrainingConfig)),
        (GanOptions, (GanConfig, ReadingConfig, TrainOptions)),
    ],
)
def test_options_have_the_types_of_the_settings(options: type[Options], configs: tuple[type, ...]) -> None:
    types = get_type_hints(options)
    for field in dataclasses.fields(options):
        assert field.default is None
        assert type(None) in get_args(types[field.name])
        if field.name in fields_of(options):
            continue  # defined by the options themselves
        config = next(each for each in configs if field.name in each.__dataclass_fields__)
        expected = COLUMNS.get(field.name, get_type_hints(config)[field.name])
        assert types[field.name] == expected | None, field.name


def test_train_options_have_every_setting_of_the_configs() -> None:
    decided = {
        "vocabulary", "factors", "hidden_sizes", "num_condition_features", "noise_size", "noise_width", "total_steps",
    }  # fmt: skip
    names = {name for config in (ReadingConfig, ModelConfig, TrainingConfig) for name in fields_of(config)} - decided
    assert names <= {field.name for field in dataclasses.fields(TrainOptions)}
    assert set(fields_of(GanConfig)) <= {field.name for field in dataclasses.fields(GanOptions)}


def test_no_public_function_hides_its_parameters() -> None:
    hidden = [
        f"{path.relative_to(SOURCES)}:{node.lineno} {node.name}"
        for path in SOURCES.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.args.kwarg is not None
    ]
    # One wrapper receives the options of a command, and one the arguments of a function whose names it checks; a log
    # line has the names of its measures; a C structure its fields.
    assert {entry.split(":")[0] for entry in hidden} <= {
        "argument_names.py",
        "cli/options.py",
        "runs/log.py",
        "gan/session.py",
        "kernels/decoding_abi.py",
    }
    assert all(entry.split()[1] in ("call", "_call", "write", "_log", "__init__") for entry in hidden)


def test_settings_in_messages_become_flags() -> None:
    assert with_flags("`top_p` got 3: choose above 0, up to 1") == "--top-p got 3: choose above 0, up to 1"
    assert with_flags("`from_run`, `hidden_sizes`, `methods`") == "--from, --hidden-size, --method"
    assert with_flags("`nothing_known` and top_p stay, `a b` too") == "`nothing_known` and top_p stay, `a b` too"
    assert with_flags("got '`'; `length` is `") == "got '`'; --length is `"


def test_every_setting_in_a_message_is_known() -> None:
    named = {
        name
        for path in SOURCES.rglob("*.py")
        for text in _literals(ast.parse(path.read_text(encoding="utf-8")))
        for name in re.findall(r"`([a-z][a-z0-9_]*)`", text)
    }
    outside = {"every", "num_condition_features", "noise_width"}  # no command sets them
    assert named - known_settings() <= outside
    assert {"top_k", "from_run", "batch_size"} <= named


def test_no_message_spells_a_flag() -> None:
    spelled = [
        f"{path.relative_to(SOURCES)}: {text}"
        for path in SOURCES.rglob("*.py")
        if path.relative_to(SOURCES).parts[0] != "cli"
        for text in _literals(ast.parse(path.read_text(encoding="utf-8")))
        if re.search(r"(?<![\w-])--[a-z]", text) and "seqloom " not in text and not text.startswith((" --", "--no-"))
    ]
    assert {line.split(":")[0] for line in spelled} <= {"config/flags.py", "lm/reproduce_command.py"}, spelled


def test_every_known_setting_is_a_parameter_of_a_command() -> None:
    from typer.main import get_command

    from seqloom.cli.commands import make_app

    commands = [get_command(make_app())]
    flags: set[str] = set()
    while commands:
        command = commands.pop()
        commands += getattr(command, "commands", {}).values()
        flags |= {flag for parameter in command.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    assert {cli_flag(name) for name in COMMAND_PARAMETERS} <= flags


def _names() -> dict[str, Any]:
    """Names that annotations take from modules which are imported for type checkers only."""
    from seqloom.lm.observer import TrainingObserver

    return {"TrainingObserver": TrainingObserver, "RatedGeneration": RatedGeneration, **vars(typing)}


def _literals(tree: ast.Module) -> list[str]:
    """Return the string literals of a module without its docstrings."""
    documented = {
        id(statement.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        for statement in node.body
        if isinstance(statement, ast.Expr)
    }
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented
    ]
