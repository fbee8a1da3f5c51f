"""Find the place where a UTF-16 text has lost a byte, after which every character is read from the wrong two bytes."""

from collections.abc import Iterable

__all__ = ["misaligned_from"]

_WINDOW_BYTES = 512
_MIN_ZEROS = 8
"""Length of the parts of a text whose zero bytes are counted, and smallest number of zero bytes that tell anything."""

_MIN_MAJORITY = 0.9
"""Smallest share of the zero bytes of a part that lie at even positions only, or at odd positions only."""


def misaligned_from(blocks: Iterable[bytes]) -> int | None:
    """Return the position near which a byte is missing or added; None if there is no such place.

    The zero bytes of UTF-16 are the high halves of ASCII characters, so that they lie all at even positions or all at
    odd ones. Behind a lost byte it is the other way round, up to the end.

    Args:
        blocks: bytes of the text.
    """
    first_parity, shifted_at, position = None, None, 0
    for window in _windows(blocks):
        num_odd, num_zeros = window[1::2].count(0), window.count(0)
        odd_share = num_odd / max(1, num_zeros)
        if num_zeros >= _MIN_ZEROS and max(odd_share, 1 - odd_share) >= _MIN_MAJORITY:
            parity = odd_share > 0.5
            if first_parity is None:
                first_parity = parity
            if parity == first_parity:
                shifted_at = None
            elif shifted_at is None:
                shifted_at = position
        position += len(window)
    return shifted_at


def _windows(blocks: Iterable[bytes]) -> Iterable[bytes]:
    """Yield the same bytes in parts of `_WINDOW_BYTES`."""
    rest = b""
    for block in blocks:
        rest += block
        whole = len(rest) - len(rest) % _WINDOW_BYTES
        yield from (rest[start : start + _WINDOW_BYTES] for start in range(0, whole, _WINDOW_BYTES))
        rest = rest[whole:]
    if rest:
        yield rest
