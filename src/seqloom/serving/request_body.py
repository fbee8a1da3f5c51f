"""The base of all bodies of requests."""

from pydantic import BaseModel, ConfigDict

__all__ = ["RequestBody"]


class RequestBody(BaseModel):
    """Body of a request: unknown fields and values of another JSON type are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)
