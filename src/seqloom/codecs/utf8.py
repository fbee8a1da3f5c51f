"""Text without a UTF-8 encoding: it contains lone surrogates (halves of a surrogate pair).

They come from broken JSON, and from command-line arguments that are not UTF-8.
"""

from collections.abc import Iterable, Iterator

from seqloom.codecs.unknown_symbols import UnknownSymbol, describe_unknown
from seqloom.errors import CodecError

__all__ = ["check_surrogates", "lone_surrogates"]


def lone_surrogates(text: str) -> list[UnknownSymbol]:
    """Return the lone surrogates of `text`."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return [(position, symbol) for position, symbol in enumerate(text) if "\ud800" <= symbol <= "\udfff"]
    return []


def check_surrogates(chunks: Iterable[str]) -> Iterator[str]:
    """Yield the chunks unchanged.

    Raises:
        CodecError: a chunk has a lone surrogate; the message says where in the whole text.
    """
    start = 0
    for chunk in chunks:
        unknown = lone_surrogates(chunk)
        if unknown:
            raise CodecError(describe_unknown([(start + position, symbol) for position, symbol in unknown]))
        yield chunk
        start += len(chunk)
