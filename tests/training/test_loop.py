import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seqloom.errors import RunError, TrainingError
from seqloom.training.checkpoint import load_snapshot, save_snapshot
from seqloom.training.events import Checkpoint, Epoch, Event, Finished, RolledBack, Started, Step, Validated
from seqloom.training.loop import Trainer

MakeTrainer = Callable[..., Trainer]


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trainer.synced_model().state_dict().items()}


def identical(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def change(trainer: Trainer, name: str, by: Callable[[torch.Tensor], object]) -> None:
    tensors = dict(trainer.train_step.state_dict())
    by(tensors[name])
    trainer.train_step.load_state_dict(tensors)


def stop_after(trainer: Trainer, step: int) -> None:
    trainer.train(lambda: trainer.progress.step >= step)


UNINTERRUPTED: dict[tuple[str | None, str], dict[str, torch.Tensor]] = {}
"""Final weights by kernels and core; one training serves several tests."""


@pytest.mark.parametrize("core", ["lstm", "gru", "conv"])
@pytest.mark.parametrize("stopped_at", [1, 13, 21])
def test_an_interrupted_run_ends_with_identical_weights(
    make_trainer: MakeTrainer, tmp_path: Path, kernels: str | None, core: str, stopped_at: int
) -> None:
    dropped = {"dropout": 0.3, "weight_dropout": 0.0 if core == "conv" else 0.2, "core": core}
    if (kernels, core) not in UNINTERRUPTED:
        whole = make_trainer(**dropped)
        whole.train()
        UNINTERRUPTED[kernels, core] = weights(whole)
    first = make_trainer(**dropped)
    stop_after(first, stopped_at)
    save_snapshot(tmp_path / "state.safetensors", first.snapshot())
    second = make_trainer(**dropped)
    second.restore(load_snapshot(tmp_path / "state.safetensors"))
    assert second.progress.step == stopped_at
    second.train()
    assert identical(UNINTERRUPTED[kernels, core], weights(second))
    assert not identical(UNINTERRUPTED[kernels, core], weights(first))


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "rmsprop"])
def test_every_optimiser_resumes_exactly_and_learns(make_trainer: MakeTrainer, tmp_path: Path, optimizer: str) -> None:
    events: list[Event] = []
    whole = make_trainer(optimizer=optimizer, events=events)
    whole.train()
    losses = [event.loss for event in events if isinstance(event, Step)]
    assert losses[-1] < 0.7 * losses[0]
    first = make_trainer(optimizer=optimizer)
    stop_after(first, 11)
    save_snapshot(tmp_path / "state.safetensors", first.snapshot())
    second = make_trainer(optimizer=optimizer)
    second.restore(load_snapshot(tmp_path / "state.safetensors"))
    second.train()
    assert identical(weights(whole), weights(second))


def test_events_come_in_order(make_trainer: MakeTrainer) -> None:
    events: list[Event] = []
    trainer = make_trainer(events=events, validate=lambda: 1.5)
    finished = trainer.train()
    assert isinstance(events[0], Started)
    assert events[-1] == finished == Finished(step=40, reason="done", best_loss=1.5, seconds=trainer.progress.seconds)
    assert [event.step for event in events if isinstance(event, Step)] == list(range(1, 41))
    assert [event.step for event in events if isinstance(event, Validated)] == list(range(5, 41, 5))
    assert [event.best for event in events if isinstance(event, Validated)] == [True] + [False] * 7
    assert [event.step for event in events if isinstance(event, Checkpoint)] == list(range(5, 41, 5))
    per_epoch = events[0].steps_per_epoch
    assert [event.step for event in events if isinstance(event, Epoch)] == list(range(per_epoch, 41, per_epoch))


def test_calibration_leaves_no_trace(make_trainer: MakeTrainer) -> None:
    plain, measured = make_trainer(dropout=0.2), make_trainer(dropout=0.2)
    assert measured.measure_steps(0.05) > 0
    assert measured.progress == plain.progress
    plain.train()
    measured.train()
    assert identical(weights(plain), weights(measured))


def test_early_stop(make_trainer: MakeTrainer) -> None:
    losses = iter([3.0, 2.0, 2.5, 2.4, 2.3, 1.0])
    trainer = make_trainer(validate=lambda: next(losses), patience=3)
    finished = trainer.train()
    assert (finished.reason, finished.step, finished.best_loss) == ("early stop", 25, 2.0)


def test_no_early_stop_after_the_last_step(make_trainer: MakeTrainer) -> None:
    losses = iter([3.0, 2.0, 2.5, 2.4, 2.3])
    finished = make_trainer(validate=lambda: next(losses), patience=3, total_steps=25).train()
    assert (finished.reason, finished.step) == ("done", 25)


def test_a_loss_that_is_no_number_goes_back_with_half_the_rate(make_trainer: MakeTrainer) -> None:
    events: list[Event] = []
    trainer = make_trainer(events=events)
    poisoned = []

    def poison(event: Event) -> None:
        if isinstance(event, Step) and event.step == 17 and not poisoned:
            poisoned.append(weights(trainer))
            change(trainer, "model.head.bias", lambda bias: bias.fill_(math.nan))

    trainer.listeners = [events.append, poison]
    trainer.train()
    back = [event for event in events if isinstance(event, RolledBack)]
    assert [(event.step, event.to_step, event.rate_factor) for event in back] == [(18, 15, 0.5)]
    assert trainer.progress.step == 40
    assert all(torch.isfinite(value).all() for value in weights(trainer).values())
    rates = {event.step: event.learning_rate for event in events if isinstance(event, Step)}
    fresh: list[Event] = []
    make_trainer(events=fresh).train()
    usual = {event.step: event.learning_rate for event in fresh if isinstance(event, Step)}
    assert rates[30] == pytest.approx(0.5 * usual[30])


def test_a_loss_that_climbs_goes_back(make_trainer: MakeTrainer) -> None:
    events: list[Event] = []
    trainer = make_trainer(events=events, total_steps=200, validate_every=50)
    spoiled = []

    def spoil(event: Event) -> None:
        if isinstance(event, Step) and event.step == 60 and not spoiled:
            spoiled.append(True)
            change(trainer, "model.head.weight", lambda weight: weight.mul_(-40))

    trainer.listeners = [events.append, spoil]
    trainer.train()
    back = [event for event in events if isinstance(event, RolledBack)]
    assert back
    assert back[0].to_step == 50
    assert [event.loss for event in events if isinstance(event, Step)][-1] < 1.0


def test_training_gives_up_in_the_end(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer()

    def poison(event: Event) -> None:
        if isinstance(event, Step):
            change(trainer, "model.head.bias", lambda bias: bias.fill_(math.nan))

    trainer.listeners = [poison]
    with pytest.raises(TrainingError, match="smaller `learning_rate`"):
        trainer.train()


@pytest.mark.parametrize("damage", ["missing", "cut", "text"])
def test_a_damaged_state_says_so(make_trainer: MakeTrainer, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "state.safetensors"
    if damage != "missing":
        save_snapshot(path, make_trainer().snapshot())
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-50])
    if damage == "text":
        path.write_text("no state")
    with pytest.raises(RunError, match=r"no training state|is damaged"):
        load_snapshot(path)


def test_windows_begin_from_nothing(make_trainer: MakeTrainer) -> None:
    trainer = make_trainer(carries_state=False)
    trainer.train()
    states = [part for name, part in trainer.snapshot().tensors.items() if name.startswith("state.")]
    assert states
    assert not any(part.any() for part in states)
