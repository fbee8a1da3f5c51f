"""Trainings with a time limit, on a clock that advances with each update."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from tests.hand_clock import HandClock

from seqloom.config.pace import Pace
from seqloom.stopwatch import Stopwatch, TimeBudget
from seqloom.training.checkpoint import load_snapshot, save_snapshot
from seqloom.training.events import Epoch, Event, Paused, Replanned, RolledBack, Started, Step
from seqloom.training.loop import Trainer
from seqloom.training.time_limit import TimeLimit

MakeTrainer = Callable[..., Trainer]


@dataclass
class Timed:
    """A trainer whose updates take time on its clock."""

    trainer: Trainer
    clock: HandClock
    events: list[Event]

    def of_kind(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
def make_timed(make_trainer: MakeTrainer) -> Callable[..., Timed]:
    """A maker of trainers; `duration` gives the seconds of an update by its number, and `pauses` those of pauses."""

    def make(
        duration: Callable[[int], float],
        seconds: float = 10.0,
        *,
        pauses: dict[int, float] | None = None,
        validation: float = 0.0,
        epoch_end: float = 0.0,
        finishing: float = 0.0,
        max_steps: int | None = None,
        **settings: object,
    ) -> Timed:
        clock, events = HandClock(), list[Event]()
        limit = TimeLimit(TimeBudget(Stopwatch(clock), seconds), finishing_seconds=finishing, max_steps=max_steps)

        def validate() -> float:
            clock.advance(validation)
            return 1.0

        settings = {"total_steps": 100, "validate_every": 20, "patience": 0, **settings}
        trainer = make_trainer(events=events, validate=validate, time_limit=limit, **settings)
        update = trainer.train_step.update
        due = dict(pauses or {})

        def timed_update(batch: object, step: int, rate: float) -> float:
            clock.advance(duration(step))
            clock.wall_seconds += due.pop(step, 0.0)
            return update(batch, step, rate)  # type: ignore[arg-type]

        def at_epoch_end(event: Event) -> None:
            if isinstance(event, Epoch):
                clock.advance(epoch_end)

        trainer.train_step.update = timed_update  # type: ignore[method-assign]
        trainer.listeners = [*trainer.listeners, at_epoch_end]
        return Timed(trainer, clock, events)

    return make


MakeTimed = Callable[..., Timed]


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trainer.synced_model().state_dict().items()}


def assert_identical(left: Trainer, right: Trainer) -> None:
    ours, theirs = weights(left), weights(right)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_an_exact_plan_stands(make_timed: MakeTimed) -> None:
    timed = make_timed(lambda step: 0.1)
    timed.trainer.train()
    assert timed.trainer.progress.step == 100
    assert timed.of_kind(Replanned) == []
    assert timed.trainer.pace.revisions == [(0, 100)]


@pytest.mark.parametrize(
    ("name", "duration"),
    [
        ("twice as fast", lambda step: 0.05),
        ("three times as slow", lambda step: 0.3),
        ("slow from the second second on", lambda step: 0.1 if step < 20 else 0.3),
        ("slow near the end", lambda step: 0.1 if step < 80 else 0.3),
        ("slow for a while", lambda step: 0.3 if 20 <= step < 30 else 0.1),
        ("uneven", lambda step: 0.02 if step % 2 else 0.18),
    ],
)
def test_a_training_ends_in_time(make_timed: MakeTimed, name: str, duration: Callable[[int], float]) -> None:
    timed = make_timed(duration)
    timed.trainer.train()
    assert 9.4 <= timed.clock.wall_seconds <= 10.4
    assert timed.trainer.progress.step == timed.trainer.pace.total_steps
    shares = [timed.trainer.pace.share(step) for step in range(timed.trainer.progress.step + 1)]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(timed.of_kind(Replanned)) <= 25


def test_validation_samples_and_the_report_are_part_of_the_time(make_timed: MakeTimed) -> None:
    timed = make_timed(lambda step: 0.1, validation=0.5, epoch_end=0.3, finishing=1.0)
    timed.trainer.train()
    assert timed.clock.wall_seconds == pytest.approx(9.0, abs=0.6)
    assert timed.trainer.progress.seconds == pytest.approx(0.1 * timed.trainer.progress.step)


def test_a_slow_machine_gets_a_longer_report(make_timed: MakeTimed) -> None:
    timed = make_timed(lambda step: 0.1 if step < 20 else 0.3, finishing=1.0)
    timed.trainer.train()
    assert timed.clock.wall_seconds == pytest.approx(7.0, abs=0.5)


def test_an_update_that_takes_longer_than_the_budget_is_the_last(make_timed: MakeTimed) -> None:
    timed = make_timed(lambda step: 60.0)
    timed.trainer.train()
    assert timed.trainer.progress.step == 2


def test_the_number_of_steps_has_a_limit(make_timed: MakeTimed) -> None:
    timed = make_timed(lambda step: 0.01, max_steps=130)
    timed.trainer.train()
    assert timed.trainer.progress.step == 130


@pytest.mark.parametrize("step", [3, 47, 99])
def test_a_pause_counts_neither_as_time_nor_as_speed(make_timed: MakeTimed, step: int) -> None:
    timed, undisturbed = (make_timed(lambda step: 0.1, pauses=pauses) for pauses in ({step: 3600.0}, None))
    for each in (timed, undisturbed):
        each.trainer.train()
    assert timed.trainer.pace.revisions == undisturbed.trainer.pace.revisions
    assert timed.of_kind(Paused) == [Paused(step=step, seconds=pytest.approx(3600.0))]
    assert timed.trainer.progress.paused == pytest.approx(3600.0)
    assert timed.trainer.progress.seconds == pytest.approx(undisturbed.trainer.progress.seconds)
    assert_identical(timed.trainer, undisturbed.trainer)


def test_repeating_the_revisions_gives_the_same_weights(make_timed: MakeTimed, make_trainer: MakeTrainer) -> None:
    timed = make_timed(lambda step: 0.1 if step < 20 else 0.25, dropout=0.2)
    timed.trainer.train()
    pace = timed.trainer.pace
    assert len(pace.revisions) > 1
    settings = {"total_steps": pace.total_steps, "validate_every": 20, "patience": 0, "dropout": 0.2}
    repeated = make_trainer(pace=str(pace), **settings)
    repeated.train()
    assert_identical(timed.trainer, repeated)
    other = make_trainer(**settings)
    other.train()
    with pytest.raises(AssertionError):
        assert_identical(timed.trainer, other)


def test_a_resumed_training_gets_the_time_that_was_left(make_timed: MakeTimed, tmp_path: Path) -> None:
    first = make_timed(lambda step: 0.1 if step < 20 else 0.2)
    first.trainer.train(lambda: first.clock.wall_seconds >= 6.0)
    save_snapshot(tmp_path / "state.safetensors", first.trainer.snapshot())
    snapshot = load_snapshot(tmp_path / "state.safetensors")
    assert snapshot.progress["time_limit"]["seconds_left"] == pytest.approx(4.0, abs=0.2)
    second = make_timed(lambda step: 0.2, seconds=snapshot.progress["time_limit"]["seconds_left"])
    second.trainer.restore(snapshot)
    assert second.trainer.pace.revisions == first.trainer.pace.revisions
    second.trainer.train()
    assert second.clock.wall_seconds == pytest.approx(4.0, abs=0.3)
    assert second.of_kind(Started)[0].seconds_left == pytest.approx(4.0, abs=0.2)


def test_revisions_survive_a_rollback_and_can_be_repeated(make_timed: MakeTimed, make_trainer: MakeTrainer) -> None:
    def spoil(trainer: Trainer) -> None:
        done: list[bool] = []

        def listener(event: Event) -> None:
            if isinstance(event, Step) and event.step == 57 and not done:
                done.append(True)
                tensors = dict(trainer.train_step.state_dict())
                tensors["model.head.bias"].fill_(float("nan"))
                trainer.train_step.load_state_dict(tensors)

        trainer.listeners = [*trainer.listeners, listener]

    timed = make_timed(lambda step: 0.1 if step < 20 else 0.15)
    spoil(timed.trainer)
    timed.trainer.train()
    (back,) = timed.of_kind(RolledBack)
    assert (back.step, back.to_step) == (58, 40)
    assert not any(40 < step < 58 for step, _ in timed.trainer.pace.revisions[2:])
    assert timed.clock.wall_seconds <= 10.6
    repeated = make_trainer(
        pace=str(timed.trainer.pace), total_steps=timed.trainer.pace.total_steps, validate_every=20, patience=0
    )
    spoil(repeated)
    repeated.train()
    assert_identical(timed.trainer, repeated)


def test_a_limit_survives_its_json() -> None:
    clock = HandClock()
    limit = TimeLimit(TimeBudget(Stopwatch(clock), 30.0), finishing_seconds=2.0, max_steps=77, total_seconds=30.0)
    clock.advance(12.0)
    other = HandClock()
    other.advance(5.0)
    restored = TimeLimit.from_json(limit.to_json(), Stopwatch(other))
    stored = {"seconds_left": 18.0, "finishing_seconds": 2.0, "max_steps": 77, "total_seconds": 30.0}
    assert restored.to_json() == limit.to_json() == stored
    older = {name: value for name, value in stored.items() if name != "total_seconds"}
    assert TimeLimit.from_json(older, Stopwatch(other)).total_seconds is None
    assert Pace([(0, 3)]).share(0) == 0
