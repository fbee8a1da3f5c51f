"""The base of all bodies of requests, and what several of them have."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict

__all__ = ["Rating", "RequestBody", "check_size"]

_MAX_ENTRIES = 1000


class RequestBody(BaseModel):
    """Body of a request: unknown fields and values of another JSON type are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


def check_size(value: Any) -> Any:
    """Refuse a dictionary that is too large before its values are read."""
    if isinstance(value, dict) and len(value) > _MAX_ENTRIES:
        raise ValueError(f"{len(value):,} entries are too many: give up to {_MAX_ENTRIES:,}")
    return value


Rating = float | str | Annotated[dict[str, float | str], BeforeValidator(check_size)]
"""A requested rating or category, or several of them by column."""
