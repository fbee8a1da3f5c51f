"""Batches for truncated backpropagation through time: lanes that read on from one window to the next."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from seqloom.data.batch import IGNORED, Batch
from seqloom.data.batch_conditions import ConditionSource
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore

__all__ = ["ContiguousBatches"]


class _Epoch(NamedTuple):
    """One reading of all spans: which one comes when, where each begins in the stream, and where lane 0 starts."""

    order: Int[np.ndarray, " spans"]
    begins: Int[np.ndarray, " spans"]
    total: int
    rotation: int


class ContiguousBatches:
    """A stream of all spans, cut into lanes of equal length, each read window by window.

    Every epoch shuffles the spans, turns the stream by a random distance and starts the lanes afresh. A span begins
    with a reset. So that resets of different lanes fall together, spans are padded to a multiple of `alignment`, an
    eighth or less of the mean span for all but the shortest. `batch(step)` depends on nothing but its arguments.

    Args:
        store: the tokens.
        spans: what to read.
        lanes: sequences side by side.
        window: tokens a lane reads in a batch.
        seed: of the shuffles and rotations.
        ratings: of the store's documents; None where they have none.
        shares: how often each of the store's documents is read, in proportion; None reads all as often.

    Attributes:
        steps_per_epoch: batches that read everything about once.
    """

    carries_state = True

    def __init__(
        self,
        store: TokenStore,
        spans: Spans,
        *,
        batch_size: int,
        sequence_length: int,
        seed: int,
        ratings: ConditionSource | None = None,
        shares: Float[np.ndarray, " documents"] | None = None,
    ) -> None:
        self.store, self.lanes, self.window, self.seed = store, batch_size, sequence_length, seed
        self.spans = spans.chosen(spans.lengths >= 2)
        self.ratings = ratings
        of_span = None if shares is None else shares[self.spans.documents]
        self._shares = None if of_span is None else of_span / of_span.sum()
        pairs = self.spans.lengths - 1
        alignment = _alignment(float(pairs.mean()), sequence_length) if len(pairs) > 1 else 1
        self._pairs = pairs
        self._padded = -(-pairs // alignment) * alignment
        self._total = int(self._padded.sum())
        self.steps_per_epoch = max(1, self._total // (batch_size * sequence_length))
        self._latest: tuple[int, _Epoch] | None = None

    def batch(self, step: int) -> Batch:
        """The batch of training step `step`, counted from 0."""
        epoch, turn = divmod(step, self.steps_per_epoch)
        reading = self._reading(epoch)
        starts = reading.rotation + np.arange(self.lanes)[:, None] * (reading.total // self.lanes) + turn * self.window
        at = (starts + np.arange(self.window)) % reading.total
        place = np.searchsorted(reading.begins, at, side="right") - 1
        within = at - reading.begins[place]
        span = reading.order[place]
        last_pair = self._pairs[span] - 1
        records = self.spans.starts[span] + np.minimum(within, last_pair)
        tokens = self.store.records[records].astype(np.int64)
        targets = self.store.records[records + 1].astype(np.int64)
        targets[within > last_pair] = IGNORED
        resets = within == 0
        if turn == 0:
            resets[:, 0] = True
        rated = None if self.ratings is None else self.ratings.of(self.spans.documents[span], epoch)
        return Batch(tokens, targets, resets, rated)

    def _reading(self, epoch: int) -> _Epoch:
        if self._latest is None or self._latest[0] != epoch:
            random = np.random.Generator(np.random.Philox(key=[self.seed, epoch]))
            count, shares = len(self.spans), self._shares
            order = random.permutation(count) if shares is None else random.choice(count, count, p=shares)
            padded = self._padded[order]
            total = int(padded.sum())
            self._latest = epoch, _Epoch(order, np.cumsum(padded) - padded, total, int(random.integers(total)))
        return self._latest[1]


def _alignment(mean_pairs: float, window: int) -> int:
    """A power of two near a quarter of the mean span, no longer than a window: padding costs an eighth at most."""
    return int(min(2 ** max(0, round(np.log2(mean_pairs / 4))), window))
