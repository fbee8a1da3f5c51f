"""Describe a setting once, in the dataclass field that stores it: type, default, range, choices and help.

Messages write a setting's name between backticks, as in "`top_p` got 3: choose above 0, up to 1". The command line
replaces such a name by the flag that sets it.
"""

import dataclasses
import math
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass
from functools import cache
from numbers import Integral, Real
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from seqloom.config.base import Check

__all__ = [
    "FieldInfo",
    "Setting",
    "check_range",
    "check_type",
    "fields_of",
    "is_integer",
    "is_number",
    "pick",
    "range_checks",
    "range_checks_of",
    "setting",
    "type_checks",
]

_METADATA_KEY = "setting"
"""Key of the description of a setting in the metadata of its dataclass field."""

ConfigT = TypeVar("ConfigT")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Description of a setting beyond its type and default.

    Attributes:
        help: one line for the command line. The command appends the default in brackets, unless the line already ends
            with brackets, which then say what the default is.
        at_least: smallest value.
        above: lower limit, itself excluded.
        at_most: largest value.
        below: upper limit, itself excluded.
        finite: whether infinity is refused; NaN is always refused.
        hint: advice at the end of the message about a value out of range.
        metavar: name of the value in the command's help.
        from_file: whether the flag takes the path of a file that contains the value.
        repeat: whether several values come from repeated flags instead of one value with commas.
        automatic: whether seqloom chooses the value for each run (from corpus, budget, model or machine) where the user
            sets none. The command's help then shows no default.
        on_command_line: whether commands have a flag for the setting.
        only_draws: whether the setting affects only random draws. A beam search draws nothing, so it refuses the
            setting.
    """

    help: str
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    finite: bool = True
    hint: str = ""
    metavar: str | None = None
    from_file: bool = False
    repeat: bool = False
    automatic: bool = False
    on_command_line: bool = True
    only_draws: bool = False

    def allows(self, value: float) -> bool:
        """Return whether a number is in range."""
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
            and (math.isfinite(value) or (not self.finite and not math.isnan(value)))
        )

    def range_in_words(self, *, integer: bool) -> str:
        """Return the range for a message, such as "above 0, up to 1"."""
        number = "a whole number" if integer else "a number"
        lower_limit = "" if self.at_least is None else f"from {_format_limit(self.at_least)}"
        lower_limit = lower_limit if self.above is None else f"above {_format_limit(self.above)}"
        has_upper_limit = self.at_most is not None or self.below is not None
        if not has_upper_limit:
            words = f"{number} {lower_limit} up" if self.at_least is not None else f"{number} {lower_limit}".rstrip()
        elif self.at_most is not None:
            up_to = " to" if self.above is None else ", up to"
            words = f"{lower_limit}{up_to} {_format_limit(self.at_most)}"
        elif self.above is not None and self.below is not None:
            words = f"{number} between {_format_limit(self.above)} and {_format_limit(self.below)}"
        else:
            words = f"{lower_limit} up to, not including, {_format_limit(self.below or 0)}"
        return f"{words}; {self.hint}" if self.hint else words


@dataclass(frozen=True)
class FieldInfo:
    """One field of a dataclass of settings.

    Attributes:
        name: name in Python.
        type: type of the value if it is not None; if `is_sequence`, the type of its elements.
        default: default value; `dataclasses.MISSING` where there is none, or a `default_factory`.
        optional: whether None is allowed.
        is_sequence: whether the value is a tuple.
        choices: allowed names; empty if any value of the type is allowed.
        setting: description of the setting.
    """

    name: str
    type: Any
    default: Any
    optional: bool
    is_sequence: bool
    choices: tuple[str, ...]
    setting: Setting


def setting(
    default: Any = MISSING,
    *,
    help: str,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    finite: bool = True,
    hint: str = "",
    metavar: str | None = None,
    from_file: bool = False,
    repeat: bool = False,
    automatic: bool = False,
    on_command_line: bool = True,
    only_draws: bool = False,
    default_factory: Any = MISSING,
    repr: bool = True,
) -> Any:
    """Return a dataclass field that describes a setting; see `Setting` and `dataclasses.field` for the arguments."""
    described = Setting(
        help=help, at_least=at_least, above=above, at_most=at_most, below=below, finite=finite, hint=hint,
        metavar=metavar, from_file=from_file, repeat=repeat,
        automatic=automatic, on_command_line=on_command_line, only_draws=only_draws,
    )  # fmt: skip
    if default_factory is not MISSING:
        return dataclasses.field(default_factory=default_factory, repr=repr, metadata={_METADATA_KEY: described})
    return dataclasses.field(default=default, repr=repr, metadata={_METADATA_KEY: described})


@cache
def fields_of(config: type) -> Mapping[str, FieldInfo]:
    """Return the fields of a dataclass that are described as settings, by name and in order."""
    hints = get_type_hints(config)
    return {
        field.name: _field_info(field, hints[field.name])
        for field in dataclasses.fields(config)
        if _METADATA_KEY in field.metadata
    }


def _field_info(field: "dataclasses.Field[Any]", hint: Any) -> FieldInfo:
    """Return the description of a field from its type hint: a type, `Literal`, tuple, or a union of these and None."""
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    value_types = [member for member in members if member is not type(None)]
    element_types = [get_args(member)[0] for member in value_types if get_origin(member) is tuple]
    value_type = element_types[0] if element_types else value_types[0]
    choices = get_args(value_type) if get_origin(value_type) is Literal else ()
    return FieldInfo(
        name=field.name,
        type=str if choices else get_origin(value_type) or value_type,  # the origin of Mapping[int, float] is Mapping
        default=field.default,
        optional=len(value_types) < len(members),
        is_sequence=bool(element_types),
        choices=choices,
        setting=field.metadata[_METADATA_KEY],
    )


_TYPES_IN_WORDS: Mapping[Any, tuple[type, str, str]] = {
    str: (str, "a name", "names"),
    bool: (bool, "True or False", "True or False"),
    int: (Integral, "a whole number", "whole numbers"),
    float: (Real, "a number", "numbers"),
}
"""By type of a setting: the class that its values must have, and words for one value and for several."""


def pick(config: type[ConfigT], arguments: Mapping[str, Any]) -> ConfigT:
    """Return an instance of a dataclass from those arguments whose name is the name of a field.

    Args:
        config: dataclass.
        arguments: arguments by name, such as `locals()` at the top of a function. Other names are ignored. For a field
            with a `default_factory`, None stands for the default; no field of this kind allows None itself.
    """
    fields = {field.name: field for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    values = {name: arguments[name] for name in fields if name in arguments}
    return config(**{name: value for name, value in values.items() if not _stands_for_default(fields[name], value)})


def _stands_for_default(field: "dataclasses.Field[Any]", value: Any) -> bool:
    return value is None and field.default_factory is not MISSING


def _fields_of_instance(config: object) -> Mapping[str, FieldInfo]:
    config_class: Any = type(config)
    return fields_of(config_class)


def type_checks(config: Any, *, skip: tuple[str, ...] = ()) -> Iterator[Check]:
    """Check that every setting has the type of its field.

    Args:
        config: instance of a dataclass of settings.
        skip: names of settings that the caller checks itself.
    """
    for info in _fields_of_instance(config).values():
        if info.name not in skip:
            yield check_type(info, getattr(config, info.name))


def check_type(info: FieldInfo, value: Any) -> Check:
    """Check that a value has the type of a field."""
    if info.type not in _TYPES_IN_WORDS or (info.optional and value is None):
        return True, ""
    value_class, singular, plural = _TYPES_IN_WORDS[info.type]
    values = value if info.is_sequence and isinstance(value, tuple | list) else (value,)
    # Python counts True and False as integers.
    is_valid = all(
        isinstance(item, value_class) and (value_class is bool or not isinstance(item, bool)) for item in values
    )
    is_valid = is_valid and info.is_sequence == isinstance(value, tuple | list)
    return is_valid, f"`{info.name}` got {value!r}: give {plural if info.is_sequence else singular}"


def check_range(info: FieldInfo, value: Any) -> Check:
    """Check that a value is in the range, or among the choices, of a field; the value must have passed `check_type`."""
    if value is None or not (info.choices or info.type in (int, float)):
        return True, ""
    values = value if info.is_sequence else (value,)
    shown = ",".join(map(str, values)) if info.is_sequence else value
    if info.choices:
        received = shown if info.is_sequence else repr(value)
        return set(values) <= set(info.choices), f"`{info.name}` got {received}: choose from {', '.join(info.choices)}"
    allowed = info.setting.range_in_words(integer=info.type is int)
    return all(map(info.setting.allows, values)), f"`{info.name}` got {shown}: choose {allowed}"


def range_checks(config: Any, *, skip: tuple[str, ...] = ()) -> Iterator[Check]:
    """Check that every setting is in the range, or among the choices, of its field.

    Args:
        config: instance of a dataclass of settings, of the right types.
        skip: names of settings that the caller checks itself.
    """
    for info in _fields_of_instance(config).values():
        if info.name not in skip:
            yield check_range(info, getattr(config, info.name))


def range_checks_of(config: type, settings: Mapping[str, Any]) -> Iterator[Check]:
    """Check settings of a dataclass, which need not be all of its settings; see `range_checks`."""
    for name, info in fields_of(config).items():
        yield check_range(info, settings.get(name))


def is_number(value: Any) -> bool:
    """Return whether a value is a number; True and False are not."""
    return isinstance(value, Real) and not isinstance(value, bool)


def is_integer(value: Any, least: int) -> bool:
    """Return whether a value is a whole number from `least` up; True and False are not."""
    return not isinstance(value, bool) and isinstance(value, Integral) and int(value) >= least


def _format_limit(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"
