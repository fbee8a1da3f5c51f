"""Which part of a store is trained on, which one chooses, and which one is never looked at before the end."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Int

from seqloom.data.store import TokenStore
from seqloom.errors import SourceError

__all__ = ["Spans", "Split", "split_store"]

_FEW = 20
"""With fewer documents than this, and no groups, cuts go through documents, so that the shares come out right."""

_MOST_SLICES = 8
_LEAST_SLICE = 1024


@dataclass(frozen=True)
class Spans:
    """Stretches of a store's records, each inside one document.

    Attributes:
        starts: first record of each.
        stops: one past its last record.
        documents: which document it lies in.
    """

    starts: Int[np.ndarray, " spans"]
    stops: Int[np.ndarray, " spans"]
    documents: Int[np.ndarray, " spans"]

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def lengths(self) -> Int[np.ndarray, " spans"]:
        """Records in each."""
        lengths: Int[np.ndarray, " spans"] = self.stops - self.starts
        return lengths

    @property
    def num_records(self) -> int:
        """Records in all."""
        return int(self.lengths.sum())

    def chosen(self, which: Bool[np.ndarray, " spans"]) -> Self:
        """The spans where `which` is True."""
        return type(self)(self.starts[which], self.stops[which], self.documents[which])

    @classmethod
    def whole(cls, store: TokenStore) -> Self:
        """Every document of a store."""
        offsets = np.asarray(store.offsets, np.int64)
        return cls(offsets[:-1], offsets[1:], np.arange(store.num_documents))


@dataclass(frozen=True)
class Split:
    """Disjoint parts of one store."""

    train: Spans
    validation: Spans
    held_out: Spans


def split_store(store: TokenStore, *, hold_out: float, validation: float, most_validation: int = 100_000) -> Split:
    """Set the end of the text aside, and slices from all over the rest for validation.

    Whole documents are set aside, and whole groups where there are groups, unless there are so few that the shares
    could not be met: then a document is cut. Validation is spread because one slice would speak for one place only, and
    because the text just before the held-out end is often what a model needs most to know it.

    Args:
        store: the tokens.
        hold_out: share of all tokens that is set aside.
        validation: share of the rest that validates.
        most_validation: validation takes about so many tokens at most.

    Raises:
        SourceError: nothing is left to train on.
    """
    everything = Spans.whole(store)
    num_last = int(hold_out * everything.num_records)
    labels = _labels(everything, store.groups)
    if labels is None:
        rest, held_out = _carved(everything, _end(everything.num_records, num_last))
    else:
        rest, held_out = _by_label(everything, labels, _latest_first, num_last)
    wanted = min(int(validation * rest.num_records), most_validation)
    if labels is None:
        train, chosen = _carved(rest, _slices(rest.num_records, wanted))
    else:
        train, chosen = _by_label(rest, labels[rest.documents], _spread, wanted)
    if train.num_records < 2:
        raise SourceError(
            f"{everything.num_records} tokens leave nothing to train on: use more text or a smaller `hold_out`"
        )
    return Split(train, chosen, held_out)


def _labels(spans: Spans, groups: np.ndarray | None) -> Int[np.ndarray, " documents"] | None:
    """What stays whole: the group of each document, or the document itself; None where a cut goes anywhere."""
    if groups is not None:
        return groups
    return spans.documents if len(spans) >= _FEW else None


def _end(num_records: int, num_last: int) -> Int[np.ndarray, "1 2"]:
    return np.array([[num_records - num_last, num_records]])


def _slices(num_records: int, wanted: int) -> Int[np.ndarray, "slices 2"]:
    """Equal slices, one in the middle of each equal part of the text; as many as are not too short."""
    count = max(1, min(_MOST_SLICES, wanted // _LEAST_SLICE))
    middles = (np.arange(count) + 0.5) * num_records / count
    starts = (middles - wanted / count / 2).astype(np.int64)
    return np.stack([starts, starts + wanted // count], axis=1)


def _carved(spans: Spans, slices: Int[np.ndarray, "slices 2"]) -> tuple[Spans, Spans]:
    """The spans without, and within, slices that are given in records from the first span's first."""
    slices = slices[slices[:, 0] < slices[:, 1]]
    ends = np.cumsum(spans.lengths)
    begins = ends - spans.lengths
    cuts = np.unique(np.concatenate([begins, ends, slices.ravel()]))
    first, last = cuts[:-1], cuts[1:]
    span = np.searchsorted(ends, first, side="right")
    moved = spans.starts[span] - begins[span]
    pieces = Spans(first + moved, last + moved, spans.documents[span])
    opened = np.searchsorted(slices[:, 0], first, side="right")
    closed = np.searchsorted(slices[:, 1], first, side="right")
    return pieces.chosen(opened == closed), pieces.chosen(opened > closed)


def _by_label(
    spans: Spans, labels: np.ndarray, ordered: Callable[[np.ndarray], np.ndarray], wanted: int
) -> tuple[Spans, Spans]:
    """The spans without, and with, whole labels in an order, until `wanted` records are reached; never all of them."""
    if wanted == 0:
        return spans, spans.chosen(np.zeros(len(spans), bool))
    names, first_seen, of_label = np.unique(labels, return_index=True, return_inverse=True)
    order = ordered(first_seen)
    reached = np.cumsum(np.bincount(of_label, weights=spans.lengths)[order])
    num_labels = min(int(np.searchsorted(reached, wanted)) + 1, len(names) - 1)
    taken = np.zeros(len(names), bool)
    taken[order[:num_labels]] = True
    return spans.chosen(~taken[of_label]), spans.chosen(taken[of_label])


def _latest_first(first_seen: np.ndarray) -> Int[np.ndarray, " labels"]:
    return np.argsort(first_seen)[::-1]


def _spread(first_seen: np.ndarray) -> Int[np.ndarray, " labels"]:
    """An order whose first few, however many, come from all over: multiples of the golden ratio, modulo 1."""
    ranks = np.argsort(np.argsort(first_seen))
    return np.argsort((ranks + 0.5) * 0.6180339887498949 % 1)
