"""Division of a text into pieces that are each read from the zero state, in streams of one batch."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Integer

from seqloom.data.batch import IGNORED
from seqloom.evaluation.scorer import Window

__all__ = ["MAX_STREAMS", "MIN_STREAM_TOKENS", "WARM_UP", "Piece", "full_pieces", "length_groups", "windows"]

WARM_UP = 1024
"""Number of unscored context tokens at the start of the second and later streams of a long text."""

MIN_STREAM_TOKENS = 4 * WARM_UP
"""Minimum number of scored tokens per stream of a long text, so that little is read twice."""

MAX_STREAMS = 32
"""Maximum number of streams of a long text."""

_TIME = 256


@dataclass(frozen=True)
class Piece:
    """Records `start` to `stop` of a document, read from the zero state; targets from record `scored` on count."""

    start: int
    stop: int
    scored: int
    document: int = 0


def full_pieces(start: int, stop: int, scored: int, document: int = 0) -> list[Piece]:
    """Return the pieces that score the targets `scored` to `stop`, each after all tokens from `start` on.

    From `2 * MIN_STREAM_TOKENS` targets on there are several streams. Each but the first reads `WARM_UP` tokens of
    context, so that its state approximates that of the full context.
    """
    num_streams = min(MAX_STREAMS, max(1, (stop - scored) // MIN_STREAM_TOKENS))
    cuts = np.linspace(scored, stop, num_streams + 1).astype(int).tolist()
    return [Piece(max(start, first - 1 - WARM_UP), last, first, document) for first, last in itertools.pairwise(cuts)]


def length_groups(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Yield groups of pieces with similar lengths, so that there is little padding."""
    ordered = sorted(pieces, key=lambda piece: piece.start - piece.stop)
    size = 4 * MAX_STREAMS if ordered and ordered[0].stop - ordered[0].start <= 4 * _TIME else MAX_STREAMS
    for first in range(0, len(ordered), size):
        yield ordered[first : first + size]


def windows(
    records: Integer[np.ndarray, " records"],
    pieces: Sequence[Piece],
    features: Float32[np.ndarray, "documents features"] | None = None,
) -> Iterator[Window]:
    """Yield windows over all pieces, one stream per piece.

    Args:
        records: ids of all documents.
        pieces: pieces to read.
        features: features of each document's conditions; None leaves them unknown.
    """
    piece_features = None if features is None else features[[piece.document for piece in pieces]]
    starts = np.array([piece.start for piece in pieces])[:, None]
    stops = np.array([piece.stop for piece in pieces])[:, None]
    scored = np.array([piece.scored for piece in pieces])[:, None]
    longest = int((stops - starts).max()) - 1
    for offset in range(0, longest, _TIME):
        positions = starts + np.arange(offset, min(offset + _TIME, longest))
        tokens = records[np.minimum(positions, stops - 1)].astype(np.int64)
        targets = records[np.minimum(positions + 1, stops - 1)].astype(np.int64)
        tokens[positions + 1 >= stops] = IGNORED
        targets[(positions + 1 >= stops) | (positions + 1 < scored)] = IGNORED
        yield Window(tokens, targets, piece_features)
