"""Settings that have an effect only together with another one, and the rule that refuses them alone."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from seqloom.config.base import Check

__all__ = ["SWITCHES", "checks_of_dependent_settings"]

SWITCHES = {
    "dry_base": "dry_multiplier",
    "dry_allowed_length": "dry_multiplier",
    "dry_breaker": "dry_multiplier",
    "xtc_threshold": "xtc_probability",
    "mirostat_eta": "mirostat_tau",
    "dynatemp_exponent": "dynatemp_range",
}
"""Setting that switches the method on, 0 being off, by the name of a setting of the method."""


def checks_of_dependent_settings(config: Any) -> Iterator[Check]:
    """Yield the rule for each setting of a method that can be off.

    Args:
        config: settings, a dataclass with the fields in `SWITCHES`.
    """
    for field in fields(config):
        if (switch := SWITCHES.get(field.name)) is not None:
            yield (
                getattr(config, field.name) == field.default or getattr(config, switch) != 0,
                f"`{field.name}` has no effect without `{switch}`: leave it out, or set `{switch}`",
            )
