"""What all settings share: checks that list every fault at once, and the way to JSON and back."""

import dataclasses
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Self

from seqloom.errors import ConfigError

__all__ = ["Check", "JsonSerializable", "check_type", "validate"]

Check = tuple[bool, str]


def validate(*rules: Check) -> None:
    """Raise one `ConfigError` that lists every rule that does not hold.

    Args:
        rules: whether it holds, and what to say where it does not.
    """
    faults = [said for held, said in rules if not held]
    if faults:
        raise ConfigError(*faults)


_KINDS: Mapping[type, tuple[type, str, str]] = {
    str: (str, "a name", "names"),
    bool: (bool, "True or False", "True or False"),
    int: (Integral, "a whole number", "whole numbers"),
    float: (Real, "a number", "numbers"),
}
"""Of a default: what a value must be, and what to call one and several."""


def check_type(name: str, value: Any, usual: Any) -> Check:
    """Whether a setting is of the kind of its default: None is that of a name, and no default that of a number."""
    several = isinstance(usual, tuple)
    single = (usual or ("",))[0] if several else usual
    kind, one, more = _KINDS[int if single is dataclasses.MISSING else str if single is None else type(single)]
    values = value if several and isinstance(value, tuple | list) else [value]
    held = all(isinstance(each, kind) and (kind is bool or not isinstance(each, bool)) for each in values)
    held = held and several == isinstance(value, tuple | list)
    return held, f"--{name.replace('_', '-')} got {value!r}: give {more if several else one}"


class JsonSerializable:
    """A dataclass that goes to JSON and comes back."""

    def to_json(self) -> dict[str, Any]:
        """The fields in JSON's types."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The settings that `to_json` described.

        Raises:
            ConfigError: a field is missing, unknown or out of range.
        """
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(stored) - known)
        if unknown:
            raise ConfigError(f"unknown settings in {cls.__name__}: {', '.join(unknown)}")
        try:
            return cls(**{name: tuple(v) if isinstance(v, list) else v for name, v in stored.items()})
        except TypeError as error:
            raise ConfigError(f"the settings of {cls.__name__} are incomplete: {error}") from None
