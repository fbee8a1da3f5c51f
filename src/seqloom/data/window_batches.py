"""Batches of windows in random order, each read from a zero state: the textbook way."""

import math

import numpy as np

from seqloom.data.batch import IGNORED, Batch
from seqloom.data.batch_conditions import ConditionSource
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore

__all__ = ["WindowBatches"]


class WindowBatches:
    """Windows that start at every `stride`-th token of each span.

    A span no longer than a window gives one window, padded at its end. The order is a new permutation every epoch, made
    by arithmetic (`i -> a i + b mod n`), so that it takes no memory however long the text is.

    Args:
        store: the tokens.
        spans: what to read.
        size: windows in a batch.
        window: tokens in a window.
        stride: distance between the starts of neighbouring windows.
        last_only: learn from each window's last position alone.
        seed: of the permutations.
        ratings: of the store's documents; None where they have none.

    Attributes:
        num_windows: windows in all.
        steps_per_epoch: batches an epoch; the last one is filled up from the epoch's start.
    """

    carries_state = False

    def __init__(
        self,
        store: TokenStore,
        spans: Spans,
        *,
        batch_size: int,
        sequence_length: int,
        stride: int,
        last_only: bool,
        seed: int,
        ratings: ConditionSource | None = None,
    ) -> None:
        self.store, self.size, self.window, self.stride = store, batch_size, sequence_length, stride
        self.last_only, self.seed, self.ratings = last_only, seed, ratings
        self.spans = spans.chosen(spans.lengths >= 2)
        counts = np.maximum(1, -(-(self.spans.lengths - sequence_length) // stride))
        self._ends = np.cumsum(counts)
        self.num_windows = int(self._ends[-1])
        self.steps_per_epoch = max(1, math.ceil(self.num_windows / batch_size))

    def batch(self, step: int) -> Batch:
        """The batch of training step `step`, counted from 0."""
        epoch, turn = divmod(step, self.steps_per_epoch)
        places = (turn * self.size + np.arange(self.size)) % self.num_windows
        multiplier, shift = self._permutation(epoch)
        window = np.array([(multiplier * int(place) + shift) % self.num_windows for place in places])
        span = np.searchsorted(self._ends, window, side="right")
        first = np.where(span > 0, self._ends[span - 1], 0)
        starts = self.spans.starts[span] + (window - first) * self.stride
        return self._at(span, starts, epoch)

    def _at(self, span: np.ndarray, starts: np.ndarray, epoch: int) -> Batch:
        records = starts[:, None] + np.arange(self.window)
        last = self.spans.stops[span][:, None] - 2
        beyond = records > last
        records = np.minimum(records, last)
        tokens = self.store.records[records].astype(np.int64)
        targets = self.store.records[records + 1].astype(np.int64)
        targets[beyond] = IGNORED
        if self.last_only:
            final = np.minimum(last - starts[:, None], self.window - 1)
            targets[np.arange(self.window) != final] = IGNORED
        documents = np.broadcast_to(self.spans.documents[span][:, None], tokens.shape)
        rated = None if self.ratings is None else self.ratings.of(documents, epoch)
        return Batch(tokens, targets, np.zeros(tokens.shape, bool), rated)

    def _permutation(self, epoch: int) -> tuple[int, int]:
        random = np.random.Generator(np.random.Philox(key=[self.seed, epoch]))
        while True:
            multiplier = int(random.integers(1, self.num_windows + 1))
            if math.gcd(multiplier, self.num_windows) == 1:
                return multiplier, int(random.integers(self.num_windows))
