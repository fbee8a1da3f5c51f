"""Batches of independent windows in random order, each read from a zero state.

The records of a store are its tokens; a span is a stretch of a document.
"""

import math

import numpy as np

from seqloom.data.batch import IGNORED, Batch
from seqloom.data.batch_conditions import ConditionSource
from seqloom.data.permutation import Permutation
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore

__all__ = ["WindowBatches"]


class WindowBatches:
    """Windows that start at every `stride`-th token of each span.

    Only whole windows are read, so that fewer than `stride` tokens at the end of a span are left out. A span that is no
    longer than a window is one window, padded at its end.

    The order is a new permutation every epoch, which takes no memory (see `Permutation`).

    Args:
        store: tokens.
        spans: spans to read.
        batch_size: number of windows in a batch.
        sequence_length: number of tokens in a window.
        stride: distance between the starts of neighbouring windows.
        last_only: whether only the last position of each window has a target.
        seed: seed of the permutations.
        conditions: conditions of the store's documents, or None.

    Attributes:
        carries_state: always False: the model zeroes its state before each batch.
        num_windows: number of windows.
        steps_per_epoch: number of batches in an epoch; the last batch has the windows that are left.
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
        conditions: ConditionSource | None = None,
    ) -> None:
        self.store, self.batch_size, self.sequence_length, self.stride = store, batch_size, sequence_length, stride
        self.last_only, self.seed, self.conditions = last_only, seed, conditions
        self.spans = spans.select(spans.lengths >= 2)
        num_windows = np.maximum(1, -(-(self.spans.lengths - sequence_length) // stride))
        self._window_stops = np.cumsum(num_windows)  # one past the index of each span's last window
        self.num_windows = int(self._window_stops[-1])
        self.steps_per_epoch = max(1, math.ceil(self.num_windows / batch_size))

    def batch(self, step: int) -> Batch:
        """Return the batch of a training step, counted from 0."""
        epoch, step_of_epoch = divmod(step, self.steps_per_epoch)
        first = step_of_epoch * self.batch_size
        ranks = np.arange(first, min(first + self.batch_size, self.num_windows))
        windows = Permutation(self.num_windows, self.seed, stream=epoch)(ranks)
        span_indices = np.searchsorted(self._window_stops, windows, side="right")
        first_windows = np.where(span_indices > 0, self._window_stops[span_indices - 1], 0)  # of each window's span
        starts = self.spans.starts[span_indices] + (windows - first_windows) * self.stride
        return self._read(span_indices, starts, epoch)

    def _read(self, span_indices: np.ndarray, starts: np.ndarray, epoch: int) -> Batch:
        """Return a batch of windows.

        Args:
            span_indices: index of the span of each window.
            starts: first record of each window.
            epoch: number of the epoch, which decides on the hidden conditions.
        """
        records = starts[:, None] + np.arange(self.sequence_length)
        last_input = self.spans.stops[span_indices][:, None] - 2  # the last record of a span is a target only
        is_padding = records > last_input
        records = np.minimum(records, last_input)
        tokens = self.store.records[records].astype(np.int64)
        targets = self.store.records[records + 1].astype(np.int64)
        targets[is_padding] = IGNORED
        if self.last_only:
            last_position = np.minimum(last_input - starts[:, None], self.sequence_length - 1)
            targets[np.arange(self.sequence_length) != last_position] = IGNORED
        documents = np.broadcast_to(self.spans.documents[span_indices][:, None], tokens.shape)
        conditions = None if self.conditions is None else self.conditions.batch(documents, epoch)
        return Batch(tokens, targets, np.zeros(tokens.shape, bool), conditions)
