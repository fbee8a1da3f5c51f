"""Which part of a store is trained on, which one chooses, and which one is never looked at before the end."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Bool, Int

from seqloom.data.store import TokenStore
from seqloom.errors import SourceError

__all__ = ["Spans", "Split", "split_store"]

_FEW = 20
"""With fewer documents (or groups) than this the cut goes through a document, so that the shares come out right."""


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
    """Disjoint parts of one store, in this order within it where there are no groups."""

    train: Spans
    validation: Spans
    held_out: Spans


def split_store(store: TokenStore, *, hold_out: float, validation: float, most_validation: int = 100_000) -> Split:
    """Set the end of the text aside, then the end of the rest for validation.

    Whole documents are set aside, and whole groups where there are groups, unless there are so few that the shares
    could not be met: then a document is cut.

    Args:
        store: the tokens.
        hold_out: share of all tokens that is set aside.
        validation: share of the rest that validates.
        most_validation: validation takes no more tokens than this, or than one document where documents stay whole.

    Raises:
        SourceError: nothing is left to train on.
    """
    everything = Spans.whole(store)
    rest, held_out = _cut(everything, store.groups, int(hold_out * everything.num_records))
    wanted = min(int(validation * rest.num_records), most_validation)
    train, chosen = _cut(rest, store.groups, wanted)
    if train.num_records < 2:
        raise SourceError(
            f"{everything.num_records} tokens leave nothing to train on: use more text or a smaller --hold-out"
        )
    return Split(train, chosen, held_out)


def _cut(spans: Spans, groups: np.ndarray | None, num_last: int) -> tuple[Spans, Spans]:
    """All but the last records, and the last records: about `num_last` of them."""
    if num_last == 0:
        return spans, spans.chosen(np.zeros(len(spans), bool))
    labels = spans.documents if groups is None else groups[spans.documents]
    if len(np.unique(labels)) < _FEW and groups is None:
        return _cut_inside(spans, spans.num_records - num_last)
    last = _last_labels(labels, spans.lengths, num_last)
    return spans.chosen(~last), spans.chosen(last)


def _cut_inside(spans: Spans, num_first: int) -> tuple[Spans, Spans]:
    before = np.cumsum(spans.lengths) - spans.lengths
    cuts = np.clip(spans.starts + num_first - before, spans.starts, spans.stops)
    first = Spans(spans.starts, cuts, spans.documents)
    last = Spans(cuts, spans.stops, spans.documents)
    return first.chosen(first.lengths > 0), last.chosen(last.lengths > 0)


def _last_labels(labels: np.ndarray, lengths: np.ndarray, num_last: int) -> Bool[np.ndarray, " spans"]:
    """True for the spans of the labels that appear last, whole labels, until `num_last` records are reached."""
    names, first_seen, of_label = np.unique(labels, return_index=True, return_inverse=True)
    sizes = np.bincount(of_label, weights=lengths)
    order = np.argsort(first_seen)[::-1]
    reached = np.cumsum(sizes[order])
    num_labels = min(int(np.searchsorted(reached, num_last)) + 1, len(names) - 1)
    chosen = np.zeros(len(names), bool)
    chosen[order[:num_labels]] = True
    return chosen[of_label]
