"""The contract of scorers: log-probabilities of existing tokens, window by window.

A scorer knows token ids and streams only. Its callers decide which stream reads which tokens, and which of them count.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float32, Float64, Int

from seqloom.kernels.batched_decoder import Scores

__all__ = ["Scorer", "TokenScorer", "Window"]


class Window(NamedTuple):
    """Next tokens of several streams.

    Attributes:
        tokens: ids to read; `IGNORED` after the end of a stream.
        targets: ids that follow; `IGNORED` where nothing is scored.
        features: features of the conditions of each stream's text, the same in all windows; None leaves them unknown.
    """

    tokens: Int[np.ndarray, "streams time"]
    targets: Int[np.ndarray, "streams time"]
    features: Float32[np.ndarray, "streams features"] | None = None


class Scorer(Protocol):
    """Scorer of log-probabilities. The results of a stream do not depend on the other streams."""

    def log_probs(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float64[np.ndarray, "streams time"]]]:
        """Read windows one after another, the first from the zero state.

        Args:
            windows: windows with one number of streams.

        Returns:
            Each window with the log-probabilities of its targets in nats; 0 where nothing is scored.
        """
        ...


class TokenScorer(Scorer, Protocol):
    """Scorer of log-probabilities, entropies, ranks and logits."""

    def scores(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Scores]]:
        """Yield each window with log-probabilities, entropies and ranks; see `log_probs`."""
        ...

    def logits(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float32[np.ndarray, "streams time vocab"]]]:
        """Yield each window with its logits; 0 where nothing is scored."""
        ...
