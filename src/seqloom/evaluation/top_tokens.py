"""Log-probabilities of the tokens of a text, and of the likeliest tokens in their places."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int, Integer

from seqloom.evaluation.scorer import TokenScorer, Window
from seqloom.evaluation.scoring_windows import Piece, windows
from seqloom.kernels.decoder import Decoder
from seqloom.sampling.transforms import log_softmax, non_finite_error

__all__ = ["DecodedText", "GrowingText", "TopTokens", "top_tokens"]


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


class GrowingText:
    """The log-probabilities of a text that grows: each call of `read` goes on from the model's state.

    Args:
        scorer: scorer of the model.
        first: id that the model reads from its zero state.
        num_top: number of likeliest tokens at each position.
        features: features of the ratings and categories of the text; None if these are unknown.
    """

    def __init__(
        self, scorer: TokenScorer, first: int, num_top: int, features: Float32[np.ndarray, " features"] | None = None
    ) -> None:
        self._last, self._num_top = first, num_top
        self._features = None if features is None else features[None]
        self._window: Window | None = None
        self._results = scorer.logits(self._windows())

    def read(self, ids: Integer[np.ndarray, " tokens"]) -> TopTokens:
        """Return the log-probabilities of the ids that follow, at least one.

        Raises:
            SeqloomError: the model's output contains NaN or infinity.
        """
        targets = np.asarray(ids, np.int64)
        inputs = np.concatenate([[self._last], targets[:-1]])
        self._window = Window(inputs[None], targets[None], self._features)
        self._last = int(targets[-1])
        _, logits = next(self._results)
        return _top_of(logits[0], targets, self._num_top)

    def _windows(self) -> Iterator[Window]:
        """Yield each window when the scorer asks for it."""
        while self._window is not None:
            yield self._window


class DecodedText:
    """The log-probabilities of a text that grows, from the decoder that generates it.

    They differ from those of `GrowingText` if the decoder reads the last window again for each token.

    Args:
        decoder: decoder that predicts the tokens.
        ids: ids before the text, at least one.
        num_top: number of likeliest tokens at each position.
    """

    def __init__(self, decoder: Decoder, ids: Sequence[int], num_top: int) -> None:
        self._decoder, self._num_top = decoder, num_top
        self._logits, self._state = decoder.read(ids, decoder.initial_state())

    def read(self, ids: Integer[np.ndarray, " tokens"]) -> TopTokens:
        """Return the log-probabilities of the ids that follow, at least one.

        Raises:
            SeqloomError: the model's output contains NaN or infinity.
        """
        logits = []
        for token in ids.tolist():
            logits.append(self._logits)
            self._logits, self._state = self._decoder.step(token, self._state)
        return _top_of(np.stack(logits), np.asarray(ids, np.int64), self._num_top)


def _top_of(logits: Float32[np.ndarray, "time vocab"], targets: Int[np.ndarray, " time"], num_top: int) -> TopTokens:
    if not np.isfinite(logits).all():
        raise non_finite_error()
    log_probs = np.stack([log_softmax(row) for row in logits])
    num_kept = min(num_top, log_probs.shape[1])
    order = np.argsort(-log_probs, axis=1, kind="stable")[:, :num_kept]
    return TopTokens(
        np.take_along_axis(log_probs, targets[:, None], 1)[:, 0], order, np.take_along_axis(log_probs, order, 1)
    )
