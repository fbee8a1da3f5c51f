import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqloom.data.split import Spans, split_store
from seqloom.data.store import TokenStore
from seqloom.errors import SourceError


def make_store(lengths: list[int], groups: list[int] | None = None) -> TokenStore:
    return TokenStore(
        records=np.zeros(sum(lengths), np.uint8),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        conditions={},
        categories={},
        groups=None if groups is None else np.array(groups),
        num_units=sum(lengths),
        skipped={},
    )


def covered(*parts: Spans) -> list[int]:
    return sorted(
        position
        for part in parts
        for start, stop in zip(part.starts, part.stops, strict=True)
        for position in range(int(start), int(stop))
    )


def test_running_text_is_cut_at_its_last_tenth() -> None:
    split = split_store(make_store([600_893]), hold_out=0.1, validation=0.0)
    assert split.train.stops.tolist() == [540_804]
    assert split.held_out.starts.tolist() == [540_804]
    assert len(split.validation) == 0


def test_validation_is_slices_from_all_over_the_rest() -> None:
    split = split_store(make_store([100_000]), hold_out=0.1, validation=0.1)
    assert split.held_out.starts.tolist() == [90_000]
    assert len(split.validation) == 8
    assert set(split.validation.lengths.tolist()) == {9_000 // 8}
    assert np.ptp(np.diff(split.validation.starts)) <= 1
    assert (int(split.validation.starts[0]), int(split.train.stops[-1])) == (5_062, 90_000)


def test_a_short_text_gives_one_slice() -> None:
    split = split_store(make_store([10_000]), hold_out=0.0, validation=0.1)
    assert (split.validation.starts.tolist(), split.validation.stops.tolist()) == ([4_500], [5_500])
    assert split.train.stops.tolist() == [4_500, 10_000]


def test_validation_documents_come_from_all_over() -> None:
    split = split_store(make_store([10] * 1000), hold_out=0.1, validation=0.05)
    assert np.histogram(split.validation.documents, bins=9, range=(0, 900))[0].min() >= 3


@given(
    lengths=st.lists(st.integers(2, 50), min_size=1, max_size=60),
    hold_out=st.floats(0, 0.5),
    validation=st.floats(0, 0.5),
)
def test_the_parts_are_disjoint_and_cover_everything(lengths: list[int], hold_out: float, validation: float) -> None:
    try:
        split = split_store(make_store(lengths), hold_out=hold_out, validation=validation)
    except SourceError:
        assert sum(lengths) < 10
        return
    assert covered(split.train, split.validation, split.held_out) == list(range(sum(lengths)))


@given(groups=st.lists(st.integers(0, 30), min_size=40, max_size=80))
def test_groups_stay_whole(groups: list[int]) -> None:
    if len(set(groups)) < 3:
        return
    split = split_store(make_store([10] * len(groups), groups), hold_out=0.2, validation=0.1)
    labels = np.array(groups)
    sides = [set(labels[part.documents].tolist()) for part in (split.train, split.validation, split.held_out)]
    assert not sides[0] & sides[1]
    assert not sides[0] & sides[2]
    assert not sides[1] & sides[2]


def test_documents_stay_whole_where_there_are_many() -> None:
    split = split_store(make_store([10] * 100), hold_out=0.1, validation=0.1)
    assert (split.train.num_records, split.validation.num_records, split.held_out.num_records) == (810, 90, 100)
    assert (split.held_out.lengths == 10).all()


def test_nothing_left_to_train_on_is_refused() -> None:
    with pytest.raises(SourceError, match="leave nothing to train on"):
        split_store(make_store([2]), hold_out=0.9, validation=0.0)


def test_the_share_that_is_too_large_is_named() -> None:
    with pytest.raises(SourceError, match="a smaller `validation`"):
        split_store(make_store([72]), hold_out=0.0, validation=0.99)
    with pytest.raises(SourceError, match="a smaller `hold_out`"):
        split_store(make_store([2]), hold_out=0.9, validation=0.0)
