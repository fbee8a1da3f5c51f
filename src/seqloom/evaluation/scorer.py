"""The contract of scorers: log-probabilities of existing tokens, window by window.

A scorer knows token ids and lanes only. Protocols decide which tokens are read in which lane, and which of them count.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from jaxtyping import Float32, Float64, Int

from seqloom.kernels.batched_decoder import Scores

__all__ = ["Scorer", "TokenScorer", "Window"]


class Window(NamedTuple):
    """What lanes read next.

    Attributes:
        tokens: what is read; `IGNORED` where a lane has ended.
        targets: what comes next; `IGNORED` where nothing is asked.
        features: of the ratings of each lane's text, the same in all windows; None where they are left unknown.
    """

    tokens: Int[np.ndarray, "lanes time"]
    targets: Int[np.ndarray, "lanes time"]
    features: Float32[np.ndarray, "lanes features"] | None = None


class Scorer(Protocol):
    """Says how likely each token was. What it says of a lane does not depend on the others."""

    def log_probs(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float64[np.ndarray, "lanes time"]]]:
        """Read windows one after another, the first from a zero state.

        Args:
            windows: of as many lanes each.

        Returns:
            Each window with the log-probabilities of its targets; 0 where nothing was asked.
        """
        ...


class TokenScorer(Scorer, Protocol):
    """Says the rest about each token too."""

    def scores(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Scores]]:
        """What `log_probs` gives, with entropies and ranks."""
        ...

    def logits(self, windows: Iterable[Window]) -> Iterator[tuple[Window, Float32[np.ndarray, "lanes time vocab"]]]:
        """Each window with all that was predicted, up to a constant; 0 where nothing was asked."""
        ...
