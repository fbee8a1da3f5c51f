"""How a text is dealt to lanes: stretches that are each read from a zero state, and what of them counts."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Integer

from seqloom.data.batch import IGNORED
from seqloom.evaluation.scorer import Window

__all__ = ["LANES", "LEAST_LANE", "WARM_UP", "Piece", "full_pieces", "groups", "windows"]

WARM_UP = 1024
"""Tokens of context that are read again, unscored, before a long text's second and later lanes."""

LEAST_LANE = 4 * WARM_UP
"""Tokens that a lane of a long text scores at least, so that little is read twice."""

LANES = 32
"""Lanes of a long text at most."""

_TIME = 256


@dataclass(frozen=True)
class Piece:
    """Records `start` to `stop` of a document are read from a zero state; targets from record `scored` on count."""

    start: int
    stop: int
    scored: int
    document: int = 0


def full_pieces(start: int, stop: int, scored: int, document: int = 0) -> list[Piece]:
    """Targets `scored` to `stop`, each with all that came before it from `start` on.

    Where they are more than `2 * LEAST_LANE`, they are read in several lanes; each but the first reads the `WARM_UP`
    tokens before it first, so that its state is that of the full context but for what lies further back.
    """
    lanes = min(LANES, max(1, (stop - scored) // LEAST_LANE))
    cuts = np.linspace(scored, stop, lanes + 1).astype(int).tolist()
    return [Piece(max(start, first - 1 - WARM_UP), last, first, document) for first, last in itertools.pairwise(cuts)]


def groups(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Pieces of like length together, so that little is padded."""
    ordered = sorted(pieces, key=lambda piece: piece.start - piece.stop)
    lanes = 4 * LANES if ordered and ordered[0].stop - ordered[0].start <= 4 * _TIME else LANES
    for first in range(0, len(ordered), lanes):
        yield ordered[first : first + lanes]


def windows(
    records: Integer[np.ndarray, " records"],
    pieces: Sequence[Piece],
    features: Float32[np.ndarray, "documents features"] | None = None,
) -> Iterator[Window]:
    """Some tokens of every piece at a time, a lane a piece.

    Args:
        records: of all documents.
        pieces: to read.
        features: of each document's ratings; None leaves them unknown.
    """
    rated = None if features is None else features[[piece.document for piece in pieces]]
    starts = np.array([piece.start for piece in pieces])[:, None]
    stops = np.array([piece.stop for piece in pieces])[:, None]
    scored = np.array([piece.scored for piece in pieces])[:, None]
    longest = int((stops - starts).max()) - 1
    for offset in range(0, longest, _TIME):
        places = starts + np.arange(offset, min(offset + _TIME, longest))
        tokens = records[np.minimum(places, stops - 1)].astype(np.int64)
        targets = records[np.minimum(places + 1, stops - 1)].astype(np.int64)
        tokens[places + 1 >= stops] = IGNORED
        targets[(places + 1 >= stops) | (places + 1 < scored)] = IGNORED
        yield Window(tokens, targets, rated)
