"""Division of a text into pieces that are each read from the zero state, in streams of one batch.

A record is one token id in a text, or in a store of texts. A stream is a sequence of tokens that the model reads with a
separate state; the streams of a batch are read in parallel, window by window. The zero state is the state of a model
that has read nothing yet. A target is a token that the model predicts.
"""

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
"""Minimum number of scored tokens per stream of a long text, so that the repeated context is a small part."""

MAX_STREAMS = 32
"""Maximum number of streams of a long text."""

_WINDOW_TOKENS = 256
"""Tokens of each stream that are read at once."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a document that is read from the zero state, and scored from one of its records on.

    Attributes:
        start: first record.
        stop: one past the last record.
        first_scored: first record that is scored; the records before it are only context.
        document: index of the document.
    """

    start: int
    stop: int
    first_scored: int
    document: int = 0


def full_pieces(start: int, stop: int, first_scored: int, document: int = 0) -> list[Piece]:
    """Return the pieces that score the records from `first_scored` up to `stop`, after all tokens from `start` on.

    A text of at least `2 * MIN_STREAM_TOKENS` targets is read in several streams. Each stream but the first starts with
    `WARM_UP` tokens of context, so that its state approximates that of the full context.
    """
    num_streams = min(MAX_STREAMS, max(1, (stop - first_scored) // MIN_STREAM_TOKENS))
    cuts = np.linspace(first_scored, stop, num_streams + 1).astype(int).tolist()
    return [
        Piece(start=max(start, first - 1 - WARM_UP), stop=next_first, first_scored=first, document=document)
        for first, next_first in itertools.pairwise(cuts)
    ]


def length_groups(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Yield groups of pieces with similar lengths, so that there is little padding."""
    ordered = sorted(pieces, key=lambda piece: piece.start - piece.stop)  # the longest first
    group_size = (
        4 * MAX_STREAMS if ordered and ordered[0].stop - ordered[0].start <= 4 * _WINDOW_TOKENS else MAX_STREAMS
    )
    for first in range(0, len(ordered), group_size):
        yield ordered[first : first + group_size]


def windows(
    records: Integer[np.ndarray, " records"],
    pieces: Sequence[Piece],
    features: Float32[np.ndarray, "documents features"] | None = None,
) -> Iterator[Window]:
    """Yield windows over all pieces, one stream per piece.

    Args:
        records: ids of all documents.
        pieces: pieces to read.
        features: features of the ratings and categories of each document; None if these are unknown.
    """
    piece_features = None if features is None else features[[piece.document for piece in pieces]]
    starts = np.array([piece.start for piece in pieces])[:, None]
    stops = np.array([piece.stop for piece in pieces])[:, None]
    first_scored = np.array([piece.first_scored for piece in pieces])[:, None]
    longest = int((stops - starts).max()) - 1  # inputs: the last record is only a target
    for offset in range(0, longest, _WINDOW_TOKENS):
        positions = starts + np.arange(offset, min(offset + _WINDOW_TOKENS, longest))
        # Positions after the end of a piece read its last record at first, and become `IGNORED` below.
        tokens = records[np.minimum(positions, stops - 1)].astype(np.int64)
        targets = records[np.minimum(positions + 1, stops - 1)].astype(np.int64)
        tokens[positions + 1 >= stops] = IGNORED
        targets[(positions + 1 >= stops) | (positions + 1 < first_scored)] = IGNORED
        yield Window(tokens, targets, piece_features)
