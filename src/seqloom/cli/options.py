"""Generate the options of a command from the dataclasses of its settings."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass
from typing import Annotated, Any

import typer

from seqloom.cli.flags import with_flags
from seqloom.config.flags import cli_flag
from seqloom.config.settings import FieldInfo, fields_of

__all__ = ["Section", "names", "numbers", "with_settings"]


@dataclass(frozen=True)
class Section:
    """Options of a command under one heading of its help.

    Attributes:
        heading: heading; None puts them among the other options.
        config: dataclass of settings.
        only: names of the settings to include; empty includes all.
        skip: names of settings to leave out.
        required: names of settings without a default.
        negatable: whether truth values have a flag for no as well (`--no-tied`).
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


def with_settings(*sections: Section) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a command an option for every setting of some sections.

    The command takes the settings that the caller sets as one mapping, its argument `settings`.
    """
    generated = {info.name: (section, info) for section in sections for info in section.fields()}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        def call(**values: Any) -> None:
            settings = {name: values.pop(name) for name in generated}
            is_set = {name: value for name, value in settings.items() if value not in (None, [], ())}
            command(**values, settings={name: _plain(value) for name, value in is_set.items()})

        own = [each for each in inspect.signature(command).parameters.values() if each.name != "settings"]
        options = [_parameter(section, info) for section, info in generated.values()]
        parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in (*own, *options)]
        call.__name__, call.__doc__ = command.__name__, command.__doc__
        call.__annotations__ = {each.name: each.annotation for each in parameters}
        call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return call

    return decorate


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _parameter(section: Section, info: FieldInfo) -> inspect.Parameter:
    setting, flag = info.setting, cli_flag(info.name)
    details: dict[str, Any] = {
        "help": with_flags(_with_default(info)),
        "rich_help_panel": section.heading,
        "metavar": setting.metavar or ("|".join(info.choices) if info.choices else None),
    }
    kind: Any = info.type | None
    if info.is_sequence and setting.repeat:
        kind = list[info.type] | None  # type: ignore[name-defined]
    elif info.is_sequence:
        kind, details["parser"] = Any, names if info.type is str else numbers(info.type)
    elif info.type is bool and section.negatable:
        flag = f"{flag}/--no-{flag.removeprefix('--')}"
    default: Any = None
    if info.name in section.required:
        kind, default = info.type, inspect.Parameter.empty
    return inspect.Parameter(
        info.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=default,
        annotation=Annotated[kind, typer.Option(flag, **details)],
    )


def _with_default(info: FieldInfo) -> str:
    """Return the help of a setting, with its default in brackets at the end."""
    default, text = info.default, info.setting.help
    if info.setting.chosen or text.endswith(")") or default in (None, MISSING, ()) or isinstance(default, bool):
        return text
    parts = default if isinstance(default, tuple) else (default,)
    return f"{text} ({','.join(part if isinstance(part, str) else f'{part:g}' for part in parts)})"


def numbers(kind: Callable[[str], Any]) -> Callable[[str], tuple[Any, ...]]:
    """Return a parser of numbers with commas between them."""

    def parse(text: str) -> tuple[Any, ...]:
        try:
            return tuple(kind(part) for part in text.split(","))
        except ValueError:
            expected = "whole numbers" if kind is int else "numbers"
            raise typer.BadParameter(f"{text!r} is not a list of {expected} with commas between them") from None

    return parse


def names(text: str) -> tuple[str, ...]:
    """Return the names in a text with commas between them."""
    return tuple(text.split(","))
