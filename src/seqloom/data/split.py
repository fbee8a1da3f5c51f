"""Disjoint parts of a store: training, validation and held-out text.

A token store is the encoded corpus. A record of the store is one token; the documents lie one after another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Int

from seqloom.data.store import TokenStore
from seqloom.errors import SourceError

__all__ = ["Spans", "Split", "split_store"]

_MIN_DOCUMENTS = 20
"""With fewer documents and no groups, documents are cut, so that the shares are exact."""

_MIN_ORIGINALS = 2
"""Smallest number of documents of which there can be altered copies: a document and its copies stay together."""

_MAX_SLICES = 8
"""Largest number of slices of validation text."""

_MIN_SLICE_RECORDS = 1024
"""Shortest slice; a small amount of validation text makes fewer slices, or a single shorter one."""


@dataclass(frozen=True)
class Spans:
    """Stretches of a store's records, each inside one document.

    Attributes:
        starts: first record of each span.
        stops: one past the last record of each span.
        documents: document of each span.
    """

    starts: Int[np.ndarray, " spans"]
    stops: Int[np.ndarray, " spans"]
    documents: Int[np.ndarray, " spans"]

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def lengths(self) -> Int[np.ndarray, " spans"]:
        """Number of records in each span."""
        lengths: Int[np.ndarray, " spans"] = self.stops - self.starts
        return lengths

    @property
    def num_records(self) -> int:
        """Number of records, which are tokens, in all spans."""
        return int(self.lengths.sum())

    def without_copies(self, store: TokenStore) -> Self:
        """Return the spans of documents that are no altered copies of others."""
        return self if store.copies is None else self.select(~np.asarray(store.copies)[self.documents])

    def select(self, mask: Bool[np.ndarray, " spans"]) -> Self:
        """Return the spans where `mask` is True."""
        return type(self)(self.starts[mask], self.stops[mask], self.documents[mask])

    def first(self, max_records: int) -> Self:
        """Return the first spans, with at most `max_records` records together; the last span is cut if necessary."""
        records_before = self.lengths.cumsum() - self.lengths
        stops = (self.starts + (max_records - records_before)).clip(max=self.stops)
        cut = type(self)(self.starts, stops, self.documents)
        return cut.select(cut.lengths > 0)

    @classmethod
    def whole_documents(cls, store: TokenStore) -> Self:
        """Return one span for every document of a store."""
        offsets = np.asarray(store.offsets, np.int64)
        return cls(offsets[:-1], offsets[1:], np.arange(store.num_documents))


@dataclass(frozen=True)
class Split:
    """Disjoint parts of one store.

    Attributes:
        train: spans to train on.
        validation: spans whose loss decides when training stops.
        held_out: spans that decide nothing, and only measure the finished model.
    """

    train: Spans
    validation: Spans
    held_out: Spans


def split_store(store: TokenStore, *, hold_out: float, validation: float, max_validation: int = 100_000) -> Split:
    """Hold out the end of the text, and take slices from all over the rest for validation.

    If the store has groups, all documents of a group go to the same part. Without groups, each document goes to one
    part as a whole, unless there are so few documents that the shares would be far off: then documents are cut.
    Validation text comes from all over the text, because a single slice would represent one stretch only. In
    particular, if documents are cut, the text just before the held-out end remains for training. That text is often the
    most useful for predicting the end. Altered copies of documents are only in the training part.

    Args:
        store: tokens to divide.
        hold_out: held-out share of all tokens.
        validation: validation share of the rest.
        max_validation: approximate upper limit of validation tokens.

    Raises:
        SourceError: no training text is left.
    """
    all_spans = Spans.whole_documents(store)
    num_held_out = int(hold_out * all_spans.num_records)
    is_divided = hold_out > 0 or validation > 0
    if store.copies is not None and is_divided and store.num_documents - store.num_copies < _MIN_ORIGINALS:
        raise SourceError(
            "one document and its altered copies cannot be divided: use more documents, or leave out `transpose`, "
            "`vary_tempo`, `stretch` or `turn`"
        )
    labels = _group_labels(all_spans, store.groups)
    if labels is None:
        rest, held_out = _cut_slices(all_spans, _end_slice(all_spans.num_records, num_held_out))
    else:
        rest, held_out = _take_labels(all_spans, labels, order_labels=_latest_first, num_wanted=num_held_out)
    num_validation = min(int(validation * rest.num_records), max_validation)
    if labels is None:
        train, validation_spans = _cut_slices(rest, _spread_slices(rest.num_records, num_validation))
    else:
        train, validation_spans = _take_labels(
            rest, labels[rest.documents], order_labels=_spread, num_wanted=num_validation
        )
    if train.num_records < 2:
        share = "validation" if num_validation > num_held_out else "hold_out"
        raise SourceError(
            f"{all_spans.num_records} tokens leave nothing to train on: use more text or a smaller `{share}`"
        )
    return Split(train, validation_spans.without_copies(store), held_out.without_copies(store))


def _group_labels(spans: Spans, groups: np.ndarray | None) -> Int[np.ndarray, " documents"] | None:
    """Return a label for each document: its group or, without groups, its index; None if documents may be cut.

    Documents with the same label must go to the same part.
    """
    if groups is not None:
        return groups
    return spans.documents if len(spans) >= _MIN_DOCUMENTS else None


def _end_slice(num_records: int, num_last: int) -> Int[np.ndarray, "1 2"]:
    """Return the slice of the last `num_last` records, as its start and stop."""
    return np.array([[num_records - num_last, num_records]])


def _spread_slices(num_records: int, num_wanted: int) -> Int[np.ndarray, "slices 2"]:
    """Return slices of equal length with about `num_wanted` records in all, as their starts and stops.

    The text is divided into equal parts, with a slice in the middle of each.
    """
    num_slices = max(1, min(_MAX_SLICES, num_wanted // _MIN_SLICE_RECORDS))
    middles = (np.arange(num_slices) + 0.5) * num_records / num_slices
    starts = (middles - num_wanted / num_slices / 2).astype(np.int64)
    return np.stack([starts, starts + num_wanted // num_slices], axis=1)


def _cut_slices(spans: Spans, slices: Int[np.ndarray, "slices 2"]) -> tuple[Spans, Spans]:
    """Cut spans at the edges of slices; return the pieces outside and the pieces inside the slices.

    Slices, and all positions below, refer to the records of all spans, joined without gaps and counted from 0.
    """
    slices = slices[slices[:, 0] < slices[:, 1]]
    span_stops = np.cumsum(spans.lengths)
    span_starts = span_stops - spans.lengths
    cuts = np.unique(np.concatenate([span_starts, span_stops, slices.ravel()]))
    starts, stops = cuts[:-1], cuts[1:]
    span_indices = np.searchsorted(span_stops, starts, side="right")
    shifts = spans.starts[span_indices] - span_starts[span_indices]  # from positions back to records of the store
    pieces = Spans(starts + shifts, stops + shifts, spans.documents[span_indices])
    num_opened = np.searchsorted(slices[:, 0], starts, side="right")
    num_closed = np.searchsorted(slices[:, 1], starts, side="right")
    return pieces.select(num_opened == num_closed), pieces.select(num_opened > num_closed)


def _take_labels(
    spans: Spans, labels: np.ndarray, *, order_labels: Callable[[np.ndarray], np.ndarray], num_wanted: int
) -> tuple[Spans, Spans]:
    """Take the spans of one label after another until they hold `num_wanted` records.

    Return the spans that are left and the spans that were taken.

    Args:
        spans: spans to choose from.
        labels: label of each span.
        order_labels: function that receives the index of each label's first span, and returns the indices of the labels
            in the order in which to take them.
        num_wanted: number of records to take; at least one label is left over.
    """
    if num_wanted == 0:
        return spans, spans.select(np.zeros(len(spans), bool))
    distinct, first_seen, label_index = np.unique(labels, return_index=True, return_inverse=True)
    order = order_labels(first_seen)
    cumulative = np.cumsum(np.bincount(label_index, weights=spans.lengths)[order])
    num_taken = min(int(np.searchsorted(cumulative, num_wanted)) + 1, len(distinct) - 1)
    is_taken = np.zeros(len(distinct), bool)
    is_taken[order[:num_taken]] = True
    return spans.select(~is_taken[label_index]), spans.select(is_taken[label_index])


def _latest_first(first_seen: np.ndarray) -> Int[np.ndarray, " labels"]:
    return np.argsort(first_seen)[::-1]


def _spread(first_seen: np.ndarray) -> Int[np.ndarray, " labels"]:
    """Return an order of the labels such that the first n of them, for any n, are spread over the whole text.

    The labels are sorted by multiples of the golden ratio's fractional part, modulo 1.
    """
    ranks = np.argsort(np.argsort(first_seen))
    return np.argsort((ranks + 0.5) * 0.6180339887498949 % 1)
