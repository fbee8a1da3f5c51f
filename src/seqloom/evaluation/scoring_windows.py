"""Division of a text into pieces that are each read from the zero state, in streams of one batch.

A stream is a sequence of tokens that the model reads with a separate state; the streams of a batch are read in
parallel, window by window. The zero state is the state of a model that has read nothing yet. A target is a token that
the model predicts.
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
"""Number of unscored targets at the start of a stream that begins in the middle of a text."""

MIN_STREAM_TOKENS = 4 * WARM_UP
"""Minimum number of scored tokens per stream of a long text; the unscored ones add at most a quarter to them."""

MAX_STREAMS = 32
"""Maximum number of streams of a long text."""

_MAX_STREAM_TOKENS = 4 * MIN_STREAM_TOKENS
"""Maximum number of scored tokens per stream; after those of all streams, a long text goes on with new streams."""

_WINDOW_TOKENS = 256
"""Tokens of each stream that are read at once."""


@dataclass(frozen=True)
class Piece:
    """A stretch of a document that is read from the zero state, and scored from one of its tokens on.

    All positions count the tokens of all documents.

    Attributes:
        start: position of the first token.
        stop: one past the position of the last token.
        first_scored: position of the first token that is scored; the tokens before it are only context.
        document: index of the document.
        start_token: token that is read before the first one; None for none.
    """

    start: int
    stop: int
    first_scored: int
    document: int = 0
    start_token: int | None = None

    @property
    def num_tokens(self) -> int:
        """Number of tokens, with the one that is read before them."""
        return self.stop - self.start + (self.start_token is not None)


def full_pieces(start: int, stop: int, document: int = 0, start_token: int | None = None) -> Iterator[list[Piece]]:
    """Yield the pieces that score a stretch of a document, each token in the context of those before it.

    With `start_token`, all tokens are scored, the first one after `start_token`; without, all but the first one. At
    least `2 * MIN_STREAM_TOKENS` targets are divided into several pieces, and those of a long text into several lists,
    one after another. A piece begins at `start`, or `WARM_UP` unscored targets before its scored ones if that is later.
    By then, its state approximates that of the full context.

    Args:
        start: position of the first token.
        stop: one past the position of the last token.
        document: index of the document.
        start_token: token that stands before the first one; None for none.
    """
    most_tokens = MAX_STREAMS * _MAX_STREAM_TOKENS
    for first in range(start + (start_token is None), stop, most_tokens):
        num_targets = min(most_tokens, stop - first)
        num_streams = min(MAX_STREAMS, max(1, num_targets // MIN_STREAM_TOKENS))
        cuts = np.linspace(first, first + num_targets, num_streams + 1).astype(int).tolist()
        yield [
            Piece(
                start=(piece_start := max(start, first_scored - 1 - WARM_UP)),
                stop=next_first,
                first_scored=first_scored,
                document=document,
                start_token=start_token if piece_start == start else None,
            )
            for first_scored, next_first in itertools.pairwise(cuts)
        ]


def length_groups(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Yield groups of pieces with similar lengths, so that there is little padding."""
    ordered = sorted(pieces, key=lambda piece: -piece.num_tokens)  # the longest first
    # Short pieces form larger batches.
    group_size = 4 * MAX_STREAMS if ordered and ordered[0].num_tokens <= 4 * _WINDOW_TOKENS else MAX_STREAMS
    for first in range(0, len(ordered), group_size):
        yield ordered[first : first + group_size]


def windows(
    ids: Integer[np.ndarray, " tokens"],
    pieces: Sequence[Piece],
    features: Float32[np.ndarray, "documents features"] | None = None,
) -> Iterator[Window]:
    """Yield windows over all pieces, one stream per piece.

    Args:
        ids: token ids of all documents, one after another.
        pieces: pieces to read.
        features: features of the ratings and categories of each document; None if these are unknown.
    """
    piece_features = None if features is None else features[[piece.document for piece in pieces]]
    starts = np.array([piece.start for piece in pieces])[:, None]
    start_tokens = np.array([-1 if piece.start_token is None else piece.start_token for piece in pieces])[:, None]
    first_inputs = starts - (start_tokens >= 0)
    stops = np.array([piece.stop for piece in pieces])[:, None]
    first_scored = np.array([piece.first_scored for piece in pieces])[:, None]
    num_inputs = int((stops - first_inputs).max()) - 1  # of the longest piece, whose last token is only a target
    for offset in range(0, num_inputs, _WINDOW_TOKENS):
        positions = first_inputs + np.arange(offset, min(offset + _WINDOW_TOKENS, num_inputs))
        # Positions after the end of a piece get its last token at first, and become `IGNORED` below.
        tokens = ids[np.clip(positions, starts, stops - 1)].astype(np.int64)
        targets = ids[np.minimum(positions + 1, stops - 1)].astype(np.int64)
        tokens = np.where(positions < starts, start_tokens, tokens)
        tokens[positions + 1 >= stops] = IGNORED
        targets[(positions + 1 >= stops) | (positions + 1 < first_scored)] = IGNORED
        yield Window(tokens, targets, piece_features)
