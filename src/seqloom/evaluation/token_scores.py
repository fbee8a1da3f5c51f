"""Log-probability, rank and entropy of each token of a text.

A piece is a stretch of tokens that the model reads from the zero state, the state of a model that has read nothing yet.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer

from seqloom.data.batch import IGNORED
from seqloom.evaluation.scorer import TokenScorer
from seqloom.evaluation.scoring_windows import MAX_STREAMS, MIN_STREAM_TOKENS, Piece, full_pieces, windows
from seqloom.sampling.transforms import non_finite_error

__all__ = ["TokenScore", "document_scores", "token_scores"]


@dataclass(frozen=True)
class TokenScore:
    """Scores of one token in its context.

    Attributes:
        token: id.
        log_prob: log-probability in nats, 0 or less.
        rank: number of tokens that were more likely.
        entropy: entropy of the predicted distribution in nats.
    """

    token: int
    log_prob: float
    rank: int
    entropy: float


def token_scores(scorer: TokenScorer, tokens: Integer[np.ndarray, " time"]) -> Iterator[TokenScore]:
    """Score every token but the first, each in the context of all earlier tokens (Gehrmann et al. 2019).

    A long text is read in several parallel streams, where the context is limited; see `full_pieces`.

    Args:
        scorer: scorer of the model.
        tokens: ids; the first is read but not scored.
    """
    # The first token takes the place of the start token, so that a text is divided as in `full_likelihood`.
    for pieces in full_pieces(0, len(tokens) - 1, start_token=int(tokens[0])) if len(tokens) > 1 else ():
        for scores in _scores_by_piece(scorer, tokens[1:], pieces):
            yield from scores


def document_scores(
    scorer: TokenScorer, documents: Iterable[Integer[np.ndarray, " time"]]
) -> Iterator[Iterator[TokenScore]]:
    """Yield the scores of each document's tokens, in order (see `token_scores`); short documents share a batch."""
    pending: list[Integer[np.ndarray, " time"]] = []
    for document in documents:
        if len(document) > MIN_STREAM_TOKENS:
            yield from _score_batch(scorer, pending)
            yield token_scores(scorer, document)
            pending = []
            continue
        pending.append(document)
        if len(pending) == MAX_STREAMS:
            yield from _score_batch(scorer, pending)
            pending = []
    yield from _score_batch(scorer, pending)


def _score_batch(scorer: TokenScorer, documents: list[Integer[np.ndarray, " time"]]) -> Iterator[Iterator[TokenScore]]:
    """Yield the scores of short documents, each of which is read as one piece."""
    if not documents:
        return
    stops = np.cumsum([len(document) for document in documents]).tolist()
    pieces = [
        Piece(start=stop - len(document), stop=stop, first_scored=stop - len(document) + 1)
        for document, stop in zip(documents, stops, strict=True)
    ]
    yield from map(iter, _scores_by_piece(scorer, np.concatenate(documents), pieces))


def _scores_by_piece(
    scorer: TokenScorer, tokens: Integer[np.ndarray, " time"], pieces: list[Piece]
) -> Iterator[list[TokenScore]]:
    """Yield the scores of each piece; all pieces are read in one batch.

    Raises:
        SeqloomError: the model's output contains NaN or infinity.
    """
    results = list(scorer.scores(windows(tokens, pieces)))
    if not results:
        yield from ([] for _ in pieces)
        return
    targets = np.concatenate([window.targets for window, _ in results], axis=1)
    log_probs, entropies, ranks = (
        np.concatenate(parts, axis=1) for parts in zip(*(scores for _, scores in results), strict=True)
    )
    if not np.isfinite(log_probs).all():
        raise non_finite_error()
    for stream, is_scored in enumerate(targets != IGNORED):
        fields = (array[stream, is_scored].tolist() for array in (targets, log_probs, ranks, entropies))
        yield [TokenScore(*values) for values in zip(*fields, strict=True)]  # in the order of its attributes
