"""Batches for truncated backpropagation through time: lanes that read on from one window to the next."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from seqloom.data.batch import IGNORED, Batch
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore

__all__ = ["LaneBatches"]


class _Epoch(NamedTuple):
    """One reading of all spans: which one comes when, where each begins in the stream, and where lane 0 starts."""

    order: Int[np.ndarray, " spans"]
    begins: Int[np.ndarray, " spans"]
    rotation: int


class LaneBatches:
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

    Attributes:
        steps_per_epoch: batches that read everything about once.
    """

    carries_state = True

    def __init__(self, store: TokenStore, spans: Spans, *, lanes: int, window: int, seed: int) -> None:
        self.store, self.lanes, self.window, self.seed = store, lanes, window, seed
        self.spans = spans.chosen(spans.lengths >= 2)
        pairs = self.spans.lengths - 1
        alignment = _alignment(float(pairs.mean()), window) if len(pairs) > 1 else 1
        self._pairs = pairs
        self._padded = -(-pairs // alignment) * alignment
        self._total = int(self._padded.sum())
        self.steps_per_epoch = max(1, self._total // (lanes * window))
        self._lane_length = self._total // lanes
        self._latest: tuple[int, _Epoch] | None = None

    def batch(self, step: int) -> Batch:
        """The batch of training step `step`, counted from 0."""
        epoch, turn = divmod(step, self.steps_per_epoch)
        reading = self._reading(epoch)
        starts = reading.rotation + np.arange(self.lanes)[:, None] * self._lane_length + turn * self.window
        at = (starts + np.arange(self.window)) % self._total
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
        documents = self.spans.documents[span]
        conditions = {name: values[documents] for name, values in self.store.conditions.items()}
        return Batch(tokens, targets, resets, conditions)

    def _reading(self, epoch: int) -> _Epoch:
        if self._latest is None or self._latest[0] != epoch:
            random = np.random.Generator(np.random.Philox(key=[self.seed, epoch]))
            order = random.permutation(len(self.spans))
            padded = self._padded[order]
            self._latest = epoch, _Epoch(order, np.cumsum(padded) - padded, int(random.integers(self._total)))
        return self._latest[1]


def _alignment(mean_pairs: float, window: int) -> int:
    """A power of two near a quarter of the mean span, no longer than a window: padding costs an eighth at most."""
    return int(min(2 ** max(0, round(np.log2(mean_pairs / 4))), window))
