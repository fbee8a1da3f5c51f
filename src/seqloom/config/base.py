"""Check settings, reporting every fault at once, and convert them to JSON and back."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

from seqloom.errors import ConfigError

__all__ = ["Check", "JsonSerializable", "validate"]

Check = tuple[bool, str]
"""A checked rule: whether it is met, and the error message that is shown if it is not."""


def validate(*checks: Check) -> None:
    """Raise one `ConfigError` with the messages of all failed checks."""
    faults = [message for is_met, message in checks if not is_met]
    if faults:
        raise ConfigError(*faults)


class JsonSerializable:
    """Base class of dataclasses that convert to JSON and back."""

    def to_json(self) -> dict[str, Any]:
        """Return the fields in JSON's types."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the settings from the result of `to_json`.

        Raises:
            ConfigError: a field is missing, unknown or out of range.
        """
        known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        unknown = sorted(set(stored) - known)
        if unknown:
            raise ConfigError(f"unknown settings in {cls.__name__}: {', '.join(unknown)}")
        try:
            # JSON stores a tuple as a list.
            return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in stored.items()})
        except TypeError as error:
            raise ConfigError(f"the settings of {cls.__name__} are incomplete: {error}") from None
