"""What UTF-8 cannot spell: half of a surrogate pair, as in broken JSON and in undecodable arguments."""

from collections.abc import Iterable, Iterator

from seqloom.codecs.base import Unknown, describe_unknown
from seqloom.errors import CodecError

__all__ = ["spellable", "unspellable"]


def unspellable(text: str) -> list[Unknown]:
    """Where lone surrogates stand in `text`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return [(at, symbol) for at, symbol in enumerate(text) if "\ud800" <= symbol <= "\udfff"]
    return []


def spellable(chunks: Iterable[str]) -> Iterator[str]:
    """Pass the chunks on.

    Raises:
        CodecError: one of them holds a lone surrogate; says where in the whole text.
    """
    position = 0
    for chunk in chunks:
        unknown = unspellable(chunk)
        if unknown:
            raise CodecError(describe_unknown([(position + at, symbol) for at, symbol in unknown]))
        yield chunk
        position += len(chunk)
