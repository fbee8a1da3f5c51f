"""Log-probabilities of the tokens of a text, and of the likeliest tokens in their places."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int, Integer

from seqloom.evaluation.scorer import TokenScorer
from seqloom.evaluation.scoring_windows import Piece, windows
from seqloom.sampling.transforms import log_softmax, non_finite_error

__all__ = ["TopTokens", "top_tokens"]


class TopTokens(NamedTuple):
    """Log-probabilities at each position of a text, in nats.

    Attributes:
        log_probs: log-probability of the token that follows.
        tokens: the likeliest ids, the likeliest first.
        top_log_probs: log-probabilities of `tokens`: where the token that follows is one of them, the same number.
    """

    log_probs: Float64[np.ndarray, " time"]
    tokens: Int[np.ndarray, "time top"]
    top_log_probs: Float64[np.ndarray, "time top"]


def top_tokens(
    scorer: TokenScorer,
    ids: Integer[np.ndarray, " tokens"],
    num_top: int,
    features: Float32[np.ndarray, " features"] | None = None,
) -> TopTokens:
    """Return the log-probabilities of all tokens but the first, each in the context of all tokens before it.

    Args:
        scorer: scorer of the model.
        ids: ids, at least one; the model reads the first one from its zero state.
        num_top: number of likeliest tokens at each position.
        features: features of the ratings and categories of the text; None if these are unknown.

    Raises:
        SeqloomError: the model's output contains NaN or infinity.
    """
    empty = np.zeros((0, num_top))
    parts = [TopTokens(np.zeros(0), empty.astype(np.int64), empty)]
    if len(ids) > 1:
        piece = Piece(0, len(ids), first_scored=1)
        rows = None if features is None else features[None]
        for window, logits in scorer.logits(windows(ids, [piece], rows)):
            parts.append(_top_of(logits[0], window.targets[0], num_top))
    return TopTokens(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _top_of(logits: Float32[np.ndarray, "time vocab"], targets: Int[np.ndarray, " time"], num_top: int) -> TopTokens:
    if not np.isfinite(logits).all():
        raise non_finite_error()
    log_probs = np.stack([log_softmax(row) for row in logits])
    num_kept = min(num_top, log_probs.shape[1])
    order = np.argsort(-log_probs, axis=1, kind="stable")[:, :num_kept]
    return TopTokens(
        np.take_along_axis(log_probs, targets[:, None], 1)[:, 0], order, np.take_along_axis(log_probs, order, 1)
    )
