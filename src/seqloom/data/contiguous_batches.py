"""Batches for truncated backpropagation through time: sequences that continue from one batch to the next.

The records of a store are its tokens; a span is a stretch of a document.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from seqloom.data.batch import IGNORED, Batch
from seqloom.data.batch_conditions import ConditionSource
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore

__all__ = ["ContiguousBatches"]


class _Epoch(NamedTuple):
    """One pass through all spans, which are joined into one stream.

    Attributes:
        number: number of the epoch.
        order: indices of the spans in reading order.
        starts: position in the stream at which each span starts, in reading order.
        length: length of the stream.
        rotation: position in the stream at which the first sequence starts.
    """

    number: int
    order: Int[np.ndarray, " spans"]
    starts: Int[np.ndarray, " spans"]
    length: int
    rotation: int


class ContiguousBatches:
    """A stream of all spans, cut into sequences of equal length, which are read side by side.

        stream:     | span 3 | span 1      | span 2  | span 4    |
        sequence 0: |--------------------|
        sequence 1:                       |--------------------|

    A batch holds the next `sequence_length` tokens of each sequence. Every epoch shuffles the spans, rotates the stream
    by a random distance and starts all sequences again. Each span begins with a reset of the model's state. The length
    of each span is padded to a multiple of an alignment, so that two sequences can have their resets at the same
    positions of a batch. A model in PyTorch reads all sequences from one reset to the next at once, and is faster with
    fewer positions. The padding is about an eighth of the mean span (see `_alignment`). The result of `batch` depends
    only on the step and the arguments of the constructor.

    Args:
        store: tokens.
        spans: spans to read.
        batch_size: number of sequences.
        sequence_length: tokens of each sequence in a batch.
        seed: seed of the shuffles and rotations.
        conditions: conditions of the store's documents, or None.
        weights: sampling weight of each of the store's documents, by which an epoch draws spans with replacement; None
            reads each span once in an epoch.

    Attributes:
        carries_state: always True: each sequence continues with the state in which the last batch left the model.
        steps_per_epoch: number of batches that read all spans about once.
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
        num_pairs = self.spans.lengths - 1  # pairs of a token and its target, the next token
        alignment = _alignment(float(num_pairs.mean()), sequence_length) if len(num_pairs) > 1 else 1
        self._num_pairs = num_pairs
        self._padded_lengths = -(-num_pairs // alignment) * alignment  # rounded up
        self.steps_per_epoch = max(1, int(self._padded_lengths.sum()) // (batch_size * sequence_length))
        self._cached_epoch: _Epoch | None = None

    def batch(self, step: int) -> Batch:
        """Return the batch of a training step, counted from 0."""
        epoch_number, step_of_epoch = divmod(step, self.steps_per_epoch)
        epoch = self._epoch(epoch_number)
        starts = epoch.rotation + np.arange(self.batch_size)[:, None] * (epoch.length // self.batch_size)
        starts = starts + step_of_epoch * self.sequence_length
        positions = (starts + np.arange(self.sequence_length)) % epoch.length
        index_in_order = np.searchsorted(epoch.starts, positions, side="right") - 1
        offsets_in_span = positions - epoch.starts[index_in_order]
        span_indices = epoch.order[index_in_order]
        last_offsets = self._num_pairs[span_indices] - 1
        records = self.spans.starts[span_indices] + np.minimum(offsets_in_span, last_offsets)
        tokens = self.store.records[records].astype(np.int64)
        targets = self.store.records[records + 1].astype(np.int64)
        targets[offsets_in_span > last_offsets] = IGNORED  # padding
        resets = offsets_in_span == 0
        if step_of_epoch == 0:
            resets[:, 0] = True
        documents = self.spans.documents[span_indices]
        conditions = None if self.conditions is None else self.conditions.batch(documents, epoch_number)
        return Batch(tokens, targets, resets, conditions)

    def _epoch(self, number: int) -> _Epoch:
        if self._cached_epoch is None or self._cached_epoch.number != number:
            random = np.random.Generator(np.random.Philox(key=[self.seed, number]))
            num_spans = len(self.spans)
            if self._probabilities is None:
                order = random.permutation(num_spans)
            else:
                order = random.choice(num_spans, num_spans, p=self._probabilities)
            lengths = self._padded_lengths[order]
            length = int(lengths.sum())
            self._cached_epoch = _Epoch(
                number=number,
                order=order,
                starts=np.cumsum(lengths) - lengths,
                length=length,
                rotation=int(random.integers(length)),
            )
        return self._cached_epoch


def _alignment(mean_pairs: float, sequence_length: int) -> int:
    """Return a power of two near a quarter of the mean span, at most `sequence_length`.

    Padding a span to a multiple of this number adds half of the number on average: an eighth of the mean span.
    """
    return int(min(2 ** max(0, round(np.log2(mean_pairs / 4))), sequence_length))
