"""Generate the options of a command from the dataclasses of its settings."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import partial
from typing import Annotated, Any, cast

import typer

from seqloom.cli.value_files import FileText, read_value
from seqloom.config.flags import cli_flag
from seqloom.config.settings import FieldInfo, fields_of, pick, range_checks_of
from seqloom.config.text_grammars import GrammarSetting, grammar_fault
from seqloom.errors import ConfigError

__all__ = ["Section", "number_parser", "parse_names", "with_settings"]


_SHORT_FLAGS = {"length": "-l"}
"""Short flags, by name of the setting."""


@dataclass(frozen=True)
class Section:
    """Options of a command under one heading of its help.

    Attributes:
        heading: heading; None puts the options among those without a heading.
        config: dataclass of settings.
        only: names of the settings to include; empty includes all.
        skip: names of settings to leave out.
        required: names of settings that the user must set.
        negatable: whether a flag that switches a setting on has a counterpart that switches it off (`--no-tied`).
    """

    heading: str | None
    config: type
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    negatable: bool = True

    def fields(self) -> Iterator[FieldInfo]:
        """Yield the settings of the section."""
        fields = fields_of(self.config)
        for name in self.only or fields:
            if name not in self.skip and fields[name].setting.on_command_line:
                yield fields[name]


def with_settings(*sections: Section, checks: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command an option for every setting of the sections.

    The command receives the settings that the user has set as one dictionary, its argument `settings`.

    Args:
        sections: options by heading.
        checks: whether the settings are checked before the command is called; False for a command that checks them
            itself, together with others, before its slow imports.
    """
    settings_by_name = {info.name: (section, info) for section in sections for info in section.fields()}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def call(**values: Any) -> None:
            settings = {name: values.pop(name) for name in settings_by_name}
            if checks:
                _check_settings(sections, {name: value for name, value in settings.items() if value is not None})
            set_by_user = {name: value for name, value in settings.items() if value not in (None, [], ())}
            command(**values, settings={name: _as_tuple(value) for name, value in set_by_user.items()})

        declared = [
            parameter for parameter in inspect.signature(command).parameters.values() if parameter.name != "settings"
        ]
        options = [_parameter(section, info) for section, info in settings_by_name.values()]
        parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in (*declared, *options)]
        # typer reads the options of a command from its signature.
        call.__name__, call.__doc__ = command.__name__, command.__doc__
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return call

    return decorate


def _check_settings(sections: Sequence[Section], settings: Mapping[str, Any]) -> None:
    """Report all faults of single settings at once, before the command imports the modules that do its work.

    Raises:
        ConfigError: a setting is out of range, or settings contradict each other.
    """
    faults: list[str] = []
    for config in dict.fromkeys(section.config for section in sections):
        if not hasattr(config, "__post_init__"):  # its user checks it
            faults += [message for is_met, message in range_checks_of(config, settings) if not is_met]
        elif all(field.default is not MISSING or field.default_factory is not MISSING for field in fields(config)):
            try:
                pick(config, {name: _as_tuple(value) for name, value in settings.items()})
            except ConfigError as error:
                faults += error.faults
    if faults:
        raise ConfigError(*dict.fromkeys(faults))


def _as_tuple(value: Any) -> Any:
    """Return a list of repeated options as a tuple, and any other value unchanged."""
    return tuple(value) if isinstance(value, list) else value


def _parameter(section: Section, info: FieldInfo) -> inspect.Parameter:
    """Return the parameter of a setting, annotated with its option; None, the default, stands for "not set"."""
    setting, flag = info.setting, cli_flag(info.name)
    details: dict[str, Any] = {
        "help": _help_with_default(info),
        "rich_help_panel": section.heading,
        "metavar": setting.metavar or ("|".join(info.choices) if info.choices else None),
    }
    annotation: Any = info.type | None
    if info.is_sequence and setting.repeat:
        annotation = list[info.type] | None  # type: ignore[name-defined]
    elif setting.from_file:
        annotation, details["parser"] = Any, partial(_read_grammar, cast(GrammarSetting, info.name))
    elif info.is_sequence:
        annotation, details["parser"] = Any, parse_names if info.type is str else number_parser(info.type)
    elif info.type is bool and section.negatable:
        flag = f"{flag}/--no-{flag.removeprefix('--')}"
    default: Any = None
    if info.name in section.required:
        annotation, default = info.type, inspect.Parameter.empty
    flags = [flag, *([_SHORT_FLAGS[info.name]] if info.name in _SHORT_FLAGS else [])]
    return inspect.Parameter(
        info.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[annotation, typer.Option(*flags, **details)],
    )


def _read_grammar(setting: GrammarSetting, path: str) -> str:
    """Return the text of a file, which is the value of a setting.

    Raises:
        typer.BadParameter: the file cannot be read, or its text is no such value.
    """
    text = read_value(path)
    fault = grammar_fault(setting, text)
    if fault is not None:
        raise typer.BadParameter(fault.replace(f"`{setting}` got", f"{path} contains").replace(f"`{setting}`", path))
    value = FileText(text)
    value.path = path
    return value


def _help_with_default(info: FieldInfo) -> str:
    """Return the help of a setting, with its default in brackets at the end."""
    default, text = info.default, info.setting.help
    # A help that ends with a bracket explains its default itself.
    if info.setting.automatic or text.endswith(")") or default in (None, MISSING, (), "") or isinstance(default, bool):
        return text
    parts = default if isinstance(default, tuple) else (default,)
    return f"{text} ({','.join(part if isinstance(part, str) else f'{part:g}' for part in parts)})"


def number_parser(number_type: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """Return a parser of a text of numbers with commas between them.

    Args:
        number_type: `int` or `float`.
    """

    def parse(text: str) -> tuple[Any, ...]:
        try:
            return tuple(number_type(part) for part in text.split(","))
        except ValueError:
            expected = "whole numbers" if number_type is int else "numbers"
            raise typer.BadParameter(f"{text!r} is not a list of {expected} with commas between them") from None

    return parse


def parse_names(text: str) -> tuple[str, ...]:
    """Parse a text of names with commas between them."""
    return tuple(text.split(","))
