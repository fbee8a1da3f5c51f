import numpy as np
import pytest

from seqloom.data.batch import IGNORED
from seqloom.data.batch_conditions import ConditionSource
from seqloom.data.conditions import fit_conditions
from seqloom.data.contiguous_batches import ContiguousBatches
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore


def make_store(lengths: list[int], **conditions: list[float]) -> TokenStore:
    """Documents whose tokens say where they stand: document d holds d * 1000, d * 1000 + 1, ..."""
    records = np.concatenate([np.arange(n, dtype=np.uint32) + 1000 * d for d, n in enumerate(lengths)])
    return TokenStore(
        records=records,
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        conditions={name: np.array(values) for name, values in conditions.items()},
        categories={},
        groups=None,
        num_units=len(records),
        skipped={},
    )


def make_batches(store: TokenStore, lanes: int, window: int, seed: int = 3) -> ContiguousBatches:
    return ContiguousBatches(store, Spans.whole_documents(store), batch_size=lanes, sequence_length=window, seed=seed)


def test_targets_follow_their_tokens() -> None:
    batches = make_batches(make_store([997]), lanes=4, window=10)
    for step in range(2 * batches.steps_per_epoch):
        batch = batches.batch(step)
        assert batch.tokens.shape == batch.targets.shape == (4, 10)
        assert np.array_equal(batch.targets, batch.tokens + 1)


def test_a_lane_goes_on_where_its_last_window_ended() -> None:
    batches = make_batches(make_store([997]), lanes=4, window=10)
    for step in range(batches.steps_per_epoch - 1):
        now, then = batches.batch(step), batches.batch(step + 1)
        carried = ~then.resets[:, 0]
        assert np.array_equal(then.tokens[carried, 0], now.targets[carried, -1])


def test_an_epoch_reads_nearly_everything_once() -> None:
    batches = make_batches(make_store([997]), lanes=4, window=10)
    for epoch in range(3):
        steps = range(epoch * batches.steps_per_epoch, (epoch + 1) * batches.steps_per_epoch)
        read = np.concatenate([batches.batch(step).tokens.ravel() for step in steps])
        assert len(np.unique(read)) == len(read)
        assert len(read) > 996 - 4 * 10


def test_epochs_begin_at_different_places() -> None:
    batches = make_batches(make_store([997]), lanes=2, window=10)
    firsts = {int(batches.batch(epoch * batches.steps_per_epoch).tokens[0, 0]) for epoch in range(8)}
    assert len(firsts) > 4


def test_lanes_begin_an_epoch_afresh_and_nowhere_else_but_where_the_text_begins() -> None:
    batches = make_batches(make_store([997]), lanes=4, window=10)
    assert batches.batch(0).resets[:, 0].all()
    for step in range(1, batches.steps_per_epoch):
        batch = batches.batch(step)
        assert np.array_equal(batch.resets, batch.tokens == 0)


def test_every_document_begins_with_a_reset_and_is_read_whole() -> None:
    lengths = [int(n) for n in np.random.Generator(np.random.Philox(1)).integers(2, 60, 50)]
    batches = make_batches(make_store(lengths), lanes=1, window=16)
    read: set[int] = set()
    for step in range(batches.steps_per_epoch):
        batch = batches.batch(step)
        learned = batch.targets != IGNORED
        begins = (batch.tokens % 1000 == 0) & learned
        assert np.array_equal(begins & ~batch.resets, np.zeros_like(begins))
        assert np.array_equal(batch.targets[learned], batch.tokens[learned] + 1)
        read |= {int(token) for token in batch.tokens[learned]}
    wanted = sum(n - 1 for n in lengths)
    assert wanted - len(read) <= 16 + 60


def test_documents_are_shuffled_anew_each_epoch() -> None:
    batches = make_batches(make_store([20] * 30), lanes=1, window=19)
    orders = [
        tuple(int(batches.batch(epoch * batches.steps_per_epoch + step).tokens[0, 0]) // 1000 for step in range(20))
        for epoch in range(3)
    ]
    assert len(set(orders)) == 3


def test_ratings_stand_at_every_position() -> None:
    store = make_store([30, 40, 50], stars=[1.0, 3.0, np.nan])
    conditions = fit_conditions(store)
    ratings = ConditionSource(conditions, conditions.values_of(store))
    batch = ContiguousBatches(
        store, Spans.whole_documents(store), batch_size=2, sequence_length=8, seed=3, conditions=ratings
    ).batch(2)
    assert batch.conditions is not None
    expected = conditions.features(conditions.values_of(store))[batch.tokens // 1000]
    assert np.array_equal(batch.conditions.features[batch.conditions.index], expected)


def test_shares_say_how_often_a_document_is_read() -> None:
    store, shares = make_store([20] * 40), np.array([9.0] + [1.0] * 39)
    batches = ContiguousBatches(
        store, Spans.whole_documents(store), batch_size=4, sequence_length=10, seed=3, weights=shares
    )
    read = np.concatenate([batches.batch(step).tokens.ravel() for step in range(40 * batches.steps_per_epoch)])
    assert 0.14 < np.mean(read < 1000) < 0.24  # of 9 / 48


@pytest.mark.parametrize("lengths", [[997], [13, 40, 7, 100, 5, 60]])
def test_a_batch_depends_on_its_step_alone(lengths: list[int]) -> None:
    forward = make_batches(make_store(lengths), lanes=2, window=8)
    steps = list(range(3 * forward.steps_per_epoch))
    straight = [forward.batch(step) for step in steps]
    backward = make_batches(make_store(lengths), lanes=2, window=8)
    for step in reversed(steps):
        batch = backward.batch(step)
        assert np.array_equal(batch.tokens, straight[step].tokens)
        assert np.array_equal(batch.targets, straight[step].targets)
        assert np.array_equal(batch.resets, straight[step].resets)
