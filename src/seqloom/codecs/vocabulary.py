"""The ids of codecs that list their tokens: symbols, the 256 bytes that spell the rest, the boundary."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from seqloom.errors import CodecError, ConfigError

__all__ = ["NUM_BYTES", "Vocabulary", "room_for_symbols"]

NUM_BYTES = 256

Token = str | int | None
"""A symbol, a byte (0 to 255), or None for the boundary."""


@dataclass(frozen=True)
class Vocabulary:
    """Tokens in the order of their ids. Ids are only ever appended, so that old ones keep their meaning.

    Attributes:
        tokens: what each id stands for; the 256 bytes stand side by side in order, or not at all.
    """

    tokens: tuple[Token, ...]

    @classmethod
    def of(cls, symbols: Iterable[str], *, spelled: bool, boundary: bool) -> Self:
        """Symbols first, then the bytes if rare text is to be `spelled` in them, then the boundary."""
        return cls((*symbols, *(range(NUM_BYTES) if spelled else ()), *((None,) if boundary else ())))

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """The vocabulary whose `tokens` are `stored`.

        Raises:
            CodecError: they are not distinct symbols, at most one boundary, and all or none of the bytes.
        """
        if not isinstance(stored, list) or not stored:
            raise CodecError("the codec is damaged: its tokens are no list")
        symbols = [token for token in stored if isinstance(token, str)]
        spelled = [token for token in stored if isinstance(token, int) and not isinstance(token, bool)]
        first_byte = stored.index(spelled[0]) if spelled else 0
        if (
            len(symbols) + len(spelled) + min(1, stored.count(None)) != len(stored)
            or len(set(symbols)) != len(symbols)
            or "" in symbols
            or (spelled and stored[first_byte : first_byte + len(spelled)] != list(range(NUM_BYTES)))
        ):
            raise CodecError("the codec is damaged: its tokens are not distinct symbols, bytes and one boundary")
        return cls(tuple(stored))

    def extend(self, symbols: Iterable[str], *, boundary: bool) -> Self:
        """This vocabulary with symbols appended, and a boundary if it is wanted and there was none."""
        new_boundary = (None,) if boundary and self.boundary is None else ()
        return type(self)((*self.tokens, *symbols, *new_boundary))

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of every symbol."""
        return {token: index for index, token in enumerate(self.tokens) if isinstance(token, str)}

    @cached_property
    def boundary(self) -> int | None:
        """The boundary's id, if there is one."""
        return self.tokens.index(None) if None in self.tokens else None

    @cached_property
    def first_byte(self) -> int | None:
        """The id of byte 0, if rare text is spelled in bytes; the other bytes follow it."""
        return next((index for index, token in enumerate(self.tokens) if isinstance(token, int)), None)

    @cached_property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The UTF-8 bytes that each id stands for; the boundary's are empty."""
        return tuple(map(_spelling, self.tokens))


def room_for_symbols(level: str, cap: int, boundary: bool) -> int:
    """How many symbols fit under a cap on all ids, beside the bytes and the boundary.

    Raises:
        ConfigError: there is room for none.
    """
    room = cap - NUM_BYTES - boundary
    if room < 1:
        parts = f"{NUM_BYTES} bytes that spell what is rare{', the boundary' if boundary else ''} and one symbol"
        least = NUM_BYTES + boundary + 1
        raise ConfigError(f"`vocabulary` got {cap}: the level {level} needs {least} or more here ({parts})")
    return room


def _spelling(token: Token) -> bytes:
    if token is None:
        return b""
    return token.encode() if isinstance(token, str) else bytes((token,))
