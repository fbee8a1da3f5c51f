"""Batches for truncated backpropagation through time: sequences that continue from one batch to the next."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from seqloom.data.batch import IGNORED, Batch
from seqloom.data.batch_conditions import ConditionSource
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore

__all__ = ["ContiguousBatches"]


class _Epoch(NamedTuple):
    """One reading of all spans.

    Attributes:
        order: index of each span in reading order.
        starts: position of each of these spans in the stream.
        length: length of the stream.
        rotation: position of the first sequence in the stream.
    """

    order: Int[np.ndarray, " spans"]
    starts: Int[np.ndarray, " spans"]
    length: int
    rotation: int


class ContiguousBatches:
    """A stream of all spans, cut into sequences of equal length, which are read side by side.

    Every epoch shuffles the spans, rotates the stream by a random distance and starts all sequences again. Each span
    begins with a reset. Spans are padded to a multiple of `alignment`, so that resets of different sequences coincide;
    the padding is an eighth or less of the mean span, except for very short spans. `batch(step)` depends on its
    argument and the constructor's alone.

    Args:
        store: tokens.
        spans: spans to read.
        batch_size: sequences side by side.
        sequence_length: tokens of each sequence in a batch.
        seed: seed of the shuffles and rotations.
        conditions: conditions of the store's documents, or None.
        weights: sampling weight of each of the store's documents; None reads each document once an epoch.

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
        conditions: ConditionSource | None = None,
        weights: Float[np.ndarray, " documents"] | None = None,
    ) -> None:
        self.store, self.batch_size, self.sequence_length, self.seed = store, batch_size, sequence_length, seed
        self.spans = spans.select(spans.lengths >= 2)
        self.conditions = conditions
        span_weights = None if weights is None else weights[self.spans.documents]
        self._probabilities = None if span_weights is None else span_weights / span_weights.sum()
        num_pairs = self.spans.lengths - 1
        alignment = _alignment(float(num_pairs.mean()), sequence_length) if len(num_pairs) > 1 else 1
        self._num_pairs = num_pairs
        self._padded = -(-num_pairs // alignment) * alignment
        self.steps_per_epoch = max(1, int(self._padded.sum()) // (batch_size * sequence_length))
        self._cached_epoch: tuple[int, _Epoch] | None = None

    def batch(self, step: int) -> Batch:
        """Return the batch of a training step, counted from 0."""
        number, step_of_epoch = divmod(step, self.steps_per_epoch)
        epoch = self._epoch(number)
        starts = epoch.rotation + np.arange(self.batch_size)[:, None] * (epoch.length // self.batch_size)
        starts = starts + step_of_epoch * self.sequence_length
        positions = (starts + np.arange(self.sequence_length)) % epoch.length
        place = np.searchsorted(epoch.starts, positions, side="right") - 1
        offset = positions - epoch.starts[place]
        span = epoch.order[place]
        last_pair = self._num_pairs[span] - 1
        records = self.spans.starts[span] + np.minimum(offset, last_pair)
        tokens = self.store.records[records].astype(np.int64)
        targets = self.store.records[records + 1].astype(np.int64)
        targets[offset > last_pair] = IGNORED
        resets = offset == 0
        if step_of_epoch == 0:
            resets[:, 0] = True
        documents = self.spans.documents[span]
        conditions = None if self.conditions is None else self.conditions.batch(documents, number)
        return Batch(tokens, targets, resets, conditions)

    def _epoch(self, number: int) -> _Epoch:
        if self._cached_epoch is None or self._cached_epoch[0] != number:
            random = np.random.Generator(np.random.Philox(key=[self.seed, number]))
            num_spans, weights = len(self.spans), self._probabilities
            order = random.permutation(num_spans) if weights is None else random.choice(num_spans, num_spans, p=weights)
            padded = self._padded[order]
            length = int(padded.sum())
            epoch = _Epoch(order, np.cumsum(padded) - padded, length, int(random.integers(length)))
            self._cached_epoch = number, epoch
        return self._cached_epoch[1]


def _alignment(mean_pairs: float, sequence_length: int) -> int:
    """Return a power of two near a quarter of the mean span, at most a sequence: padding costs an eighth at most."""
    return int(min(2 ** max(0, round(np.log2(mean_pairs / 4))), sequence_length))
