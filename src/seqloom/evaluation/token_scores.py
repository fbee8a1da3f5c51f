"""How surprising each token of a text is to a model."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer

from seqloom.data.batch import IGNORED
from seqloom.evaluation.scorer import TokenScorer
from seqloom.evaluation.scoring_windows import LANES, LEAST_LANE, Piece, full_pieces, windows
from seqloom.sampling.transforms import non_finite_error

__all__ = ["TokenScore", "document_scores", "token_scores"]

_AT_ONCE = LANES * LEAST_LANE
"""Tokens that are scored before the first of them is given."""


@dataclass(frozen=True)
class TokenScore:
    """One token in its context.

    Attributes:
        token: its id.
        log_prob: nats; 0 or less.
        rank: how many tokens were likelier; 0 is the likeliest.
        entropy: nats of the distribution it was drawn from.
    """

    token: int
    log_prob: float
    rank: int
    entropy: float


def token_scores(scorer: TokenScorer, tokens: Integer[np.ndarray, " time"]) -> Iterator[TokenScore]:
    """Score every token but the first, each after all that come before it (Gehrmann et al. 2019).

    A long text is read in lanes; see `full_pieces`.

    Args:
        scorer: predicts.
        tokens: ids, the first of which is only read.
    """
    for first in range(1, len(tokens), _AT_ONCE):
        for scores in _by_piece(scorer, tokens, full_pieces(0, min(first + _AT_ONCE, len(tokens)), first)):
            yield from scores


def document_scores(
    scorer: TokenScorer, documents: Iterable[Integer[np.ndarray, " time"]]
) -> Iterator[Iterator[TokenScore]]:
    """The `token_scores` of each document, in order; short documents are read side by side."""
    waiting: list[Integer[np.ndarray, " time"]] = []
    for document in documents:
        if len(document) > LEAST_LANE:
            yield from _side_by_side(scorer, waiting)
            yield token_scores(scorer, document)
            waiting = []
            continue
        waiting.append(document)
        if len(waiting) == LANES:
            yield from _side_by_side(scorer, waiting)
            waiting = []
    yield from _side_by_side(scorer, waiting)


def _side_by_side(scorer: TokenScorer, documents: list[Integer[np.ndarray, " time"]]) -> Iterator[Iterator[TokenScore]]:
    if not documents:
        return
    stops = np.cumsum([len(document) for document in documents]).tolist()
    pieces = [
        Piece(stop - len(document), stop, stop - len(document) + 1)
        for document, stop in zip(documents, stops, strict=True)
    ]
    yield from map(iter, _by_piece(scorer, np.concatenate(documents), pieces))


def _by_piece(
    scorer: TokenScorer, records: Integer[np.ndarray, " records"], pieces: list[Piece]
) -> Iterator[list[TokenScore]]:
    """The scores of each piece, all of which are read at once.

    Raises:
        SeqloomError: the model's output holds NaN or infinity.
    """
    found = list(scorer.scores(windows(records, pieces)))
    if not found:
        yield from ([] for _ in pieces)
        return
    targets = np.concatenate([window.targets for window, _ in found], axis=1)
    log_probs, entropies, ranks = (np.concatenate(parts, axis=1) for parts in zip(*(s for _, s in found), strict=True))
    if not np.isfinite(log_probs).all():
        raise non_finite_error()
    for lane, asked in enumerate(targets != IGNORED):
        columns = (part[lane, asked].tolist() for part in (targets, log_probs, ranks, entropies))
        yield [TokenScore(*row) for row in zip(*columns, strict=True)]
