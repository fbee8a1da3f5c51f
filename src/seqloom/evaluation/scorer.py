"""The contract of scorers: log-probabilities of existing tokens, window by window.

A stream is a sequence of tokens that the model reads with a separate state; several streams form a batch. A scorer
knows only token ids and streams. Its callers decide which tokens a stream reads, and which of them are scored.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float32, Float64, Int

from seqloom.kernels.batched_decoder import Scores

__all__ = ["Scorer", "TokenScorer", "Window"]


class Window(NamedTuple):
    """The next stretch of tokens in each of several streams.

    Attributes:
        tokens: ids to read; `IGNORED` (-1) after the end of a stream.
        targets: id that follows each token; `IGNORED` where nothing is scored.
        features: features of the ratings and categories of each stream's text, equal in all windows; None if these are
            unknown.
    """

    tokens: Int[np.ndarray, "streams time"]
    targets: Int[np.ndarray, "streams time"]
    features: Float32[np.ndarray, "streams features"] | None = None


class Scorer(Protocol):
    """Computes log-probabilities of tokens. The results of a stream do not depend on the other streams."""

    def log_probs(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float64[np.ndarray, "streams time"]]]:
        """Read windows one after another, the first from the zero state.

        Args:
            windows: windows that have the same number of streams.

        Returns:
            Each window with the log-probabilities of its targets in nats; 0 where nothing is scored.
        """
        ...


class TokenScorer(Scorer, Protocol):
    """Computes log-probabilities, entropies, ranks and logits."""

    def scores(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Scores]]:
        """Yield each window with log-probabilities, entropies and ranks; see `log_probs`."""
        ...

    def logits(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float32[np.ndarray, "streams time vocab"]]]:
        """Yield each window with its logits; 0 where nothing is scored."""
        ...
