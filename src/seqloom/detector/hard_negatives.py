"""Texts of small models of runs of words, made of the real texts: good English at every place, and about nothing.

A detector that learns from one generator alone knows how that one fails; decoys show it another way.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import regex

__all__ = ["make_decoys"]

_PIECE = regex.compile(r"\S+\s*")
_ORDERS = 3
"""Words that the next one depends on, at most."""

_LIKELY = (1.0, 1.0, 0.5)
"""Of the Dirichlet distribution that gives each decoy its shares of the orders."""

_LEAST, _TRIES = 5, 3


def make_decoys(texts: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
    """Write decoys.

    Args:
        texts: real ones.
        count: of decoys; fewer come back where the texts are too alike or too short to be mixed.
        random: of all draws.

    Returns:
        Texts with lengths like those of the real ones, none of which is among them.
    """
    split = [_PIECE.findall(text) for text in texts]
    known = {"".join(pieces).strip() for pieces in split}
    follows: list[dict[tuple[str, ...], list[str]]] = [defaultdict(list) for _ in range(_ORDERS)]
    for pieces in split:
        words = [""] * _ORDERS + [piece.strip() for piece in pieces]
        for place, piece in enumerate([*pieces, ""], start=_ORDERS):
            for order, table in enumerate(follows, start=1):
                table[tuple(words[place - order : place])].append(piece)
    made: list[str] = []
    for _ in range(_TRIES * count):
        if len(made) == count:
            break
        longest = max(_LEAST, len(split[random.integers(len(split))]))
        pieces = _written(follows, longest, random)
        text = "".join(pieces).strip()
        if len(pieces) >= _LEAST and text not in known:
            made.append(text)
    return made


def _written(
    follows: Sequence[dict[tuple[str, ...], list[str]]], longest: int, random: np.random.Generator
) -> list[str]:
    """Words, each with the white space after it; each depends on so many before it as is drawn, and as are known."""
    shares = random.dirichlet(_LIKELY).cumsum()
    words, pieces = [""] * _ORDERS, list[str]()
    while len(pieces) < longest:
        order = int(np.searchsorted(shares[:-1], random.random())) + 1
        while not (some := follows[order - 1].get(tuple(words[-order:]))):
            order -= 1
        piece = some[random.integers(len(some))]
        if not piece:
            break
        pieces.append(piece)
        words.append(piece.strip())
    return pieces
