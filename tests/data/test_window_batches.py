import numpy as np
import pytest

from seqloom.data.batch import IGNORED
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore
from seqloom.data.window_batches import WindowBatches


def make_store(lengths: list[int]) -> TokenStore:
    records = np.concatenate([np.arange(n, dtype=np.uint32) + 1000 * d for d, n in enumerate(lengths)])
    return TokenStore(
        records=records,
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        conditions={},
        categories={},
        groups=None,
        num_units=len(records),
        skipped={},
    )


def make_batches(lengths: list[int], *, last_only: bool = False, window: int = 6, stride: int = 3) -> WindowBatches:
    store = make_store(lengths)
    return WindowBatches(
        store,
        Spans.whole_documents(store),
        batch_size=5,
        sequence_length=window,
        stride=stride,
        last_only=last_only,
        seed=2,
    )


def test_the_textbooks_number_of_windows() -> None:
    store = TokenStore(
        records=np.zeros(600_901, np.uint8),
        offsets=np.array([0, 600_901]),
        conditions={},
        categories={},
        groups=None,
        num_units=600_901,
        skipped={},
    )
    batches = WindowBatches(
        store, Spans.whole_documents(store), batch_size=128, sequence_length=60, stride=3, last_only=True, seed=0
    )
    assert batches.num_windows == 200_281


def test_an_epoch_reads_every_window_once() -> None:
    batches = make_batches([100])
    expected = set(range(0, 100 - 6, 3))
    assert batches.num_windows == len(expected)
    for epoch in range(3):
        read = [
            int(start)
            for step in range(epoch * batches.steps_per_epoch, (epoch + 1) * batches.steps_per_epoch)
            for start in batches.batch(step).tokens[:, 0]
        ]
        assert set(read) == expected
        assert len(read) == len(expected)


def test_epochs_have_orders_of_their_own() -> None:
    batches = make_batches([1000])
    first = batches.batch(0).tokens[:, 0]
    later = batches.batch(batches.steps_per_epoch).tokens[:, 0]
    assert not np.array_equal(first, later)


def test_targets_follow_their_tokens() -> None:
    batch = make_batches([100]).batch(1)
    assert np.array_equal(batch.targets, batch.tokens + 1)
    assert not batch.resets.any()


def test_only_a_windows_end_is_learned_where_asked() -> None:
    batch = make_batches([100], last_only=True).batch(1)
    assert (batch.targets[:, :-1] == IGNORED).all()
    assert np.array_equal(batch.targets[:, -1], batch.tokens[:, -1] + 1)


@pytest.mark.parametrize("last_only", [False, True])
def test_a_short_document_gives_one_padded_window(last_only: bool) -> None:
    batches = make_batches([4, 30], last_only=last_only)
    assert batches.num_windows == 1 + 8
    rows = [
        (tokens, targets)
        for step in range(batches.steps_per_epoch)
        for tokens, targets in zip(batches.batch(step).tokens, batches.batch(step).targets, strict=True)
        if tokens[0] == 0
    ]
    tokens, targets = rows[0]
    assert tokens[:3].tolist() == [0, 1, 2]
    assert targets.tolist() == [IGNORED if last_only else 1, IGNORED if last_only else 2, 3, *[IGNORED] * 3]


def test_no_window_runs_from_one_document_into_the_next() -> None:
    batches = make_batches([20, 25, 9])
    for step in range(batches.steps_per_epoch):
        batch = batches.batch(step)
        learned = batch.targets != IGNORED
        assert (np.where(learned, batch.targets // 1000 == batch.tokens // 1000, True)).all()
