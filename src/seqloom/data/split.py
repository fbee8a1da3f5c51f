"""Disjoint parts of a store: training, validation and held-out text."""

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

_MAX_SLICES = 8
_MIN_SLICE_RECORDS = 1024


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
        """Number of records in all spans."""
        return int(self.lengths.sum())

    def select(self, mask: Bool[np.ndarray, " spans"]) -> Self:
        """Return the spans where `mask` is True."""
        return type(self)(self.starts[mask], self.stops[mask], self.documents[mask])

    @classmethod
    def whole(cls, store: TokenStore) -> Self:
        """Return one span for every document of a store."""
        offsets = np.asarray(store.offsets, np.int64)
        return cls(offsets[:-1], offsets[1:], np.arange(store.num_documents))


@dataclass(frozen=True)
class Split:
    """Disjoint parts of one store."""

    train: Spans
    validation: Spans
    held_out: Spans


def split_store(store: TokenStore, *, hold_out: float, validation: float, max_validation: int = 100_000) -> Split:
    """Hold out the end of the text, and take slices from all over the rest for validation.

    Whole documents, or whole groups where there are groups, go to one part, unless there are so few that the shares
    would be far off: then documents are cut. Validation text is spread, because one slice would represent one place
    only, and because the text just before the held-out end is often the most useful for predicting it.

    Args:
        store: tokens.
        hold_out: held-out share of all tokens.
        validation: validation share of the rest.
        max_validation: approximate upper limit of validation tokens.

    Raises:
        SourceError: no training text is left.
    """
    all_spans = Spans.whole(store)
    num_held_out = int(hold_out * all_spans.num_records)
    labels = _indivisible_labels(all_spans, store.groups)
    if labels is None:
        rest, held_out = _cut_slices(all_spans, _end_slice(all_spans.num_records, num_held_out))
    else:
        rest, held_out = _take_labels(all_spans, labels, _latest_first, num_held_out)
    num_validation = min(int(validation * rest.num_records), max_validation)
    if labels is None:
        train, chosen = _cut_slices(rest, _spread_slices(rest.num_records, num_validation))
    else:
        train, chosen = _take_labels(rest, labels[rest.documents], _spread, num_validation)
    if train.num_records < 2:
        raise SourceError(
            f"{all_spans.num_records} tokens leave nothing to train on: use more text or a smaller `hold_out`"
        )
    return Split(train, chosen, held_out)


def _indivisible_labels(spans: Spans, groups: np.ndarray | None) -> Int[np.ndarray, " documents"] | None:
    """Return the group of each document, or the document itself; None where documents may be cut."""
    if groups is not None:
        return groups
    return spans.documents if len(spans) >= _MIN_DOCUMENTS else None


def _end_slice(num_records: int, num_last: int) -> Int[np.ndarray, "1 2"]:
    return np.array([[num_records - num_last, num_records]])


def _spread_slices(num_records: int, num_wanted: int) -> Int[np.ndarray, "slices 2"]:
    """Return equal slices, one in the middle of each equal part of the text; as many as are not too short."""
    count = max(1, min(_MAX_SLICES, num_wanted // _MIN_SLICE_RECORDS))
    middles = (np.arange(count) + 0.5) * num_records / count
    starts = (middles - num_wanted / count / 2).astype(np.int64)
    return np.stack([starts, starts + num_wanted // count], axis=1)


def _cut_slices(spans: Spans, slices: Int[np.ndarray, "slices 2"]) -> tuple[Spans, Spans]:
    """Return the spans outside and inside slices, which count records from the first span's first record."""
    slices = slices[slices[:, 0] < slices[:, 1]]
    ends = np.cumsum(spans.lengths)
    begins = ends - spans.lengths
    cuts = np.unique(np.concatenate([begins, ends, slices.ravel()]))
    first, last = cuts[:-1], cuts[1:]
    span = np.searchsorted(ends, first, side="right")
    shift = spans.starts[span] - begins[span]
    pieces = Spans(first + shift, last + shift, spans.documents[span])
    num_opened = np.searchsorted(slices[:, 0], first, side="right")
    num_closed = np.searchsorted(slices[:, 1], first, side="right")
    return pieces.select(num_opened == num_closed), pieces.select(num_opened > num_closed)


def _take_labels(
    spans: Spans, labels: np.ndarray, ordered: Callable[[np.ndarray], np.ndarray], num_wanted: int
) -> tuple[Spans, Spans]:
    """Return the spans without and with the first labels in order that hold `num_wanted` records, never all."""
    if num_wanted == 0:
        return spans, spans.select(np.zeros(len(spans), bool))
    distinct, first_seen, label = np.unique(labels, return_index=True, return_inverse=True)
    order = ordered(first_seen)
    cumulative = np.cumsum(np.bincount(label, weights=spans.lengths)[order])
    num_labels = min(int(np.searchsorted(cumulative, num_wanted)) + 1, len(distinct) - 1)
    is_taken = np.zeros(len(distinct), bool)
    is_taken[order[:num_labels]] = True
    return spans.select(~is_taken[label]), spans.select(is_taken[label])


def _latest_first(first_seen: np.ndarray) -> Int[np.ndarray, " labels"]:
    return np.argsort(first_seen)[::-1]


def _spread(first_seen: np.ndarray) -> Int[np.ndarray, " labels"]:
    """Return an order whose first few labels, at any number, are spread: multiples of the golden ratio, modulo 1."""
    ranks = np.argsort(np.argsort(first_seen))
    return np.argsort((ranks + 0.5) * 0.6180339887498949 % 1)
