"""Symbols outside a vocabulary: their description in errors, and their removal."""

from collections.abc import Iterable, Mapping, Sequence

__all__ = ["UnknownSymbol", "describe_unknown", "remove_unknown"]

UnknownSymbol = tuple[int, str]
"""A symbol outside the vocabulary: its position in a text (in characters, from 0), and the symbol itself."""


def remove_unknown(text: str, unknown: Iterable[UnknownSymbol]) -> str:
    """Return a text without its unknown symbols."""
    positions = {position for position, _ in unknown}
    if not positions:
        return text
    return "".join(symbol for position, symbol in enumerate(text) if position not in positions)


def describe_unknown(unknown: Sequence[UnknownSymbol], *, skippable: bool = False, max_shown: int = 8) -> str:
    """Return one line with the symbols, the first position of each (counted from 1) and a remedy.

    Args:
        unknown: unknown symbols of a text.
        skippable: whether the line offers `skip_unknown` as the remedy.
        max_shown: largest number of different symbols in the line.
    """
    first_positions: dict[str, int] = {}
    for position, symbol in unknown:
        first_positions.setdefault(symbol, position)
    shown = ", ".join(
        f"{symbol!r}{f' (U+{ord(symbol):04X})' if len(symbol) == 1 else ''} at character {position + 1}"
        for symbol, position in list(first_positions.items())[:max_shown]
    )
    num_more = len(first_positions) - max_shown
    more = f" and {num_more} more" if num_more > 0 else ""
    remedy = "leave them out with `skip_unknown`" if skippable else "remove them from the text"
    return f"not in the vocabulary: {shown}{more}; {remedy}, or train on text that has them"


def format_symbols(symbols: Mapping[str, int], max_shown: int = 8) -> str:
    """Return the total and the most frequent unknown symbols, in words."""
    total = sum(symbols.values())
    shown = ", ".join(f"{symbol!r} ({count:,})" for symbol, count in list(symbols.items())[:max_shown])
    more = f" and {len(symbols) - max_shown:,} more" if len(symbols) > max_shown else ""
    return f"{total:,} character{'s' if total != 1 else ''} outside the vocabulary: {shown}{more}"
