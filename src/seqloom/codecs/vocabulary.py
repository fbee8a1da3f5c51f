"""Vocabularies that list their tokens: symbols, the 256 bytes that encode all other text, the boundary.

A symbol is a character or a word; the boundary is the token between documents.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from seqloom.errors import CodecError, ConfigError

__all__ = ["NUM_BYTES", "Vocabulary", "symbol_capacity"]

NUM_BYTES = 256
"""Number of ids that encode all other text: one per byte value."""

Token = str | int | None
"""A symbol, a byte (0 to 255), or None for the boundary."""


@dataclass(frozen=True)
class Vocabulary:
    """Tokens in the order of their ids. Ids are only ever appended, so that old ids keep their meaning.

    Attributes:
        tokens: the token of each id; the 256 bytes are adjacent and in order, or absent.
    """

    tokens: tuple[Token, ...]

    @classmethod
    def build(cls, symbols: Iterable[str], *, byte_fallback: bool, has_boundary: bool) -> Self:
        """Return a vocabulary of symbols, then the bytes if `byte_fallback`, then the boundary if `has_boundary`."""
        return cls((*symbols, *(range(NUM_BYTES) if byte_fallback else ()), *((None,) if has_boundary else ())))

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the vocabulary whose `tokens` are `stored`.

        Raises:
            CodecError: `stored` is not a list of distinct symbols, at most one boundary, and all or none of the bytes.
        """
        if not isinstance(stored, list) or not stored:
            raise CodecError("the codec is damaged: its tokens are not a list")
        symbols = [token for token in stored if isinstance(token, str)]
        byte_values = [token for token in stored if isinstance(token, int) and not isinstance(token, bool)]
        first_byte = stored.index(byte_values[0]) if byte_values else 0
        if (
            len(symbols) + len(byte_values) + min(1, stored.count(None)) != len(stored)
            or len(set(symbols)) != len(symbols)
            or "" in symbols
            or (byte_values and stored[first_byte : first_byte + len(byte_values)] != list(range(NUM_BYTES)))
        ):
            raise CodecError("the codec is damaged: its tokens are not distinct symbols, bytes and one boundary")
        return cls(tuple(stored))

    def extend(self, symbols: Iterable[str], *, has_boundary: bool) -> Self:
        """Return this vocabulary with symbols appended, and a boundary if `has_boundary` and there is none yet."""
        new_boundary = (None,) if has_boundary and self.boundary is None else ()
        return type(self)((*self.tokens, *symbols, *new_boundary))

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of every symbol."""
        return {token: index for index, token in enumerate(self.tokens) if isinstance(token, str)}

    @cached_property
    def boundary(self) -> int | None:
        """The id of the boundary, or None."""
        return self.tokens.index(None) if None in self.tokens else None

    @cached_property
    def first_byte_id(self) -> int | None:
        """The id of byte 0, which the ids of the other bytes follow; None for a vocabulary without bytes."""
        return next((index for index, token in enumerate(self.tokens) if isinstance(token, int)), None)

    @cached_property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The UTF-8 bytes of each id; the boundary has none."""
        return tuple(map(_spelling, self.tokens))


def symbol_capacity(level: str, *, cap: int, has_boundary: bool) -> int:
    """Return the number of symbols that a vocabulary can hold in addition to the bytes and the boundary.

    Args:
        level: name of the codec in messages.
        cap: largest number of ids in all.
        has_boundary: whether the vocabulary has a boundary.

    Raises:
        ConfigError: no symbol fits.
    """
    capacity = cap - NUM_BYTES - has_boundary
    if capacity < 1:
        needed = f"{NUM_BYTES} bytes for rare text{', the boundary' if has_boundary else ''} and one symbol"
        smallest = NUM_BYTES + has_boundary + 1
        raise ConfigError(f"`vocabulary` got {cap}: the level {level} needs {smallest} or more here ({needed})")
    return capacity


def _spelling(token: Token) -> bytes:
    """Return the bytes that a token encodes."""
    if token is None:
        return b""
    return token.encode() if isinstance(token, str) else bytes((token,))
