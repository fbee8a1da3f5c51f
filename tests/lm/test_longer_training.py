"""Training that is continued with a larger budget, and calls that repeat the flags of a run."""

import math
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file
from tests.lm.test_train import SMALL, Interrupter, digest

import seqloom
from seqloom.api import Run
from seqloom.errors import ConfigError
from seqloom.lm.observer import TrainingObserver
from seqloom.training.checkpoint import load_snapshot
from seqloom.training.events import Event, Step


class Notes(TrainingObserver):
    """Keep all notes, and the learning rate of each step."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.rates: dict[int, float] = {}

    def note(self, line: str) -> None:
        self.notes.append(line)

    def listener(self) -> Any:
        def listen(event: Event) -> None:
            if isinstance(event, Step):
                self.rates[event.step] = event.learning_rate

        return listen


def state(run: Run) -> dict[str, Any]:
    return dict(load_snapshot(run.path / "state/training.safetensors", run.folder.run_id).progress)


@pytest.fixture
def trained(text_file: Path, tmp_path: Path) -> Run:
    return seqloom.train(text_file, run=tmp_path / "run", steps=40, validate_every=15, warmup=4, **SMALL)


def test_a_finished_run_is_trained_longer(trained: Run) -> None:
    viewer = Notes()
    longer = seqloom.train(run=trained.path, resume=True, steps=100, viewer=viewer)
    assert list(viewer.rates) == list(range(41, 101))
    assert "training goes on after step 40, with 40 % of the new budget used" in viewer.notes
    assert state(longer)["step"] == longer.folder.read_metrics()["steps"] == 100
    assert state(longer)["pace"] == [[0, 40], [40, 100, 0.4]]
    assert longer.config.training.total_steps == 100
    assert seqloom.load(longer.path).config.training.pace == "0:40,40:100@0.4"
    peak, low = 0.5 * (1 + math.cos(0.43 * math.pi)), viewer.rates[100]
    rates = [viewer.rates[step] / longer.config.training.learning_rate for step in range(41, 46)]
    assert rates[:4] == sorted(rates[:4])  # four steps of warm-up, and then down
    assert rates[4] < rates[3]
    assert rates[3] == pytest.approx(peak * 0.97 + 0.03, abs=0.01)
    assert low < viewer.rates[60] < viewer.rates[45]


@pytest.mark.parametrize("interrupted_at", [None, 23, 31])
def test_the_pace_of_a_longer_training_gives_the_same_weights(
    text_file: Path, tmp_path: Path, interrupted_at: int | None
) -> None:
    settings: dict[str, Any] = {"validate_every": 15, "warmup": 4, "patience": 0, **SMALL}
    if interrupted_at is None:
        seqloom.train(text_file, run=tmp_path / "run", steps=40, **settings)
    else:
        with pytest.raises(KeyboardInterrupt):
            seqloom.train(text_file, run=tmp_path / "run", steps=40, viewer=Interrupter(interrupted_at), **settings)
    longer = seqloom.train(run=tmp_path / "run", resume=True, steps=90)
    pace = longer.config.training.pace
    assert pace == f"0:40,{interrupted_at or 40}:90@{round((interrupted_at or 40) / 90, 6):g}"
    repeated = seqloom.train(text_file, run=tmp_path / "repeated", pace=pace, **settings)
    assert digest(longer.path)["model.safetensors"] == digest(repeated.path)["model.safetensors"]
    left, right = (load_file(run.path / "state/training.safetensors") for run in (longer, repeated))
    assert all((left[name] == right[name]).all() for name in left)


def test_an_interrupted_longer_training_goes_on(trained: Run, text_file: Path, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        seqloom.train(run=trained.path, resume=True, steps=100, viewer=Interrupter(60))
    viewer = Notes()
    resumed = seqloom.train(text_file, run=trained.path, resume=True, steps=100, viewer=viewer)
    assert list(viewer.rates) == list(range(61, 101))
    settings: dict[str, Any] = {"validate_every": 15, "warmup": 4, **SMALL}
    whole = seqloom.train(text_file, run=tmp_path / "whole", pace=resumed.config.training.pace, **settings)
    assert digest(resumed.path)["model.safetensors"] == digest(whole.path)["model.safetensors"]


def test_a_longer_training_that_was_killed_at_its_start_goes_on(trained: Run, monkeypatch) -> None:
    def fail(*arguments: Any, **settings: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("seqloom.training.loop.Trainer.train", fail)
        with pytest.raises(MemoryError):
            seqloom.train(run=trained.path, resume=True, steps=100)
    assert state(trained)["step"] == 40
    viewer = Notes()
    seqloom.train(run=trained.path, resume=True, viewer=viewer)
    assert list(viewer.rates) == list(range(41, 101))


def test_an_early_stop_is_trained_longer(text_file: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"validate_every": 2, "patience": 2, "learning_rate": 0.3, "schedule": "constant"}
    run = seqloom.train(text_file, run=tmp_path / "run", steps=400, **settings, **SMALL)
    stopped = state(run)["step"]
    assert stopped < 400
    assert run.folder.read_metrics()["reason"] == "early stop"
    viewer = Notes()
    seqloom.train(run=run.path, resume=True, viewer=viewer)
    assert not viewer.rates  # finished
    seqloom.train(run=run.path, resume=True, steps=500, viewer=viewer)
    assert len(viewer.rates) >= 4  # validations without a new best are counted afresh


@pytest.mark.parametrize("budget", [{"steps": 40}, {}])
def test_the_same_budget_says_that_the_run_is_finished(trained: Run, text_file: Path, budget: dict[str, Any]) -> None:
    before, viewer = digest(trained.path), Notes()
    seqloom.train(text_file, run=trained.path, resume=True, viewer=viewer, **budget, **SMALL)
    (line,) = [line for line in viewer.notes if "finished" in line]
    assert line == (
        f"{trained.path} is finished after 40 steps; to train it longer, give a larger budget, such as `steps` 80"
    )
    assert digest(trained.path) == before


def test_minutes_are_those_of_the_whole_training(text_file: Path, tmp_path: Path) -> None:
    run = seqloom.train(text_file, run=tmp_path / "run", minutes=0.02, **SMALL)
    first = state(run)
    assert first["time_limit"]["total_seconds"] == pytest.approx(1.2)
    viewer = Notes()
    seqloom.train(run=run.path, resume=True, minutes=0.02, viewer=viewer)
    assert any("such as `minutes` 0.04" in line for line in viewer.notes)
    longer = seqloom.train(run=run.path, resume=True, minutes=0.06)
    second = state(longer)
    assert second["time_limit"]["total_seconds"] == pytest.approx(3.6)
    assert second["step"] > first["step"]
    restart = next(revision for revision in second["pace"] if len(revision) == 3)
    assert (restart[0], restart[2]) == (first["step"], pytest.approx(1 / 3, abs=1e-5))
    by_steps = seqloom.train(run=run.path, resume=True, steps=second["step"] + 5)
    assert state(by_steps)["time_limit"] is None
    by_time = seqloom.train(run=run.path, resume=True, minutes=0.5 + state(by_steps)["seconds"] / 60, steps=None)
    assert state(by_time)["step"] > second["step"] + 5


def test_epochs_are_those_of_the_whole_training(text_file: Path, tmp_path: Path) -> None:
    run = seqloom.train(text_file, run=tmp_path / "run", epochs=1, **SMALL)
    steps = state(run)["step"]
    longer = seqloom.train(run=run.path, resume=True, epochs=2)
    assert state(longer)["step"] == pytest.approx(2 * steps, abs=1)
    viewer = Notes()
    seqloom.train(run=run.path, resume=True, epochs=2, viewer=viewer)
    assert not viewer.rates


SMALLER = [
    ({"steps": 30}, "`steps` 30 is the budget of the whole training, and .* already has 40 steps: choose more"),
    ({"epochs": 0.001}, "`epochs` 0.001 is the budget of the whole training"),
    ({"minutes": 1e-6}, "`minutes` 1e-06 is the budget of the whole training"),
    ({"pace": "0:50"}, "`pace` describes a training from its start"),
    ({"steps": 50, "minutes": 1}, "contradict each other"),
]


@pytest.mark.parametrize(("budget", "message"), SMALLER)
def test_a_smaller_budget_is_refused(trained: Run, budget: dict[str, Any], message: str) -> None:
    before = digest(trained.path)
    with pytest.raises(ConfigError, match=message):
        seqloom.train(run=trained.path, resume=True, **budget)
    assert digest(trained.path) == before


def test_settings_that_differ_are_named_with_both_values(trained: Run, tmp_path: Path) -> None:
    before = digest(trained.path)
    with pytest.raises(ConfigError) as caught:
        seqloom.train(
            run=trained.path,
            resume=True,
            steps=60,
            hidden_size=16,
            batch_size=4,
            learning_rate=0.5,
            level="word",
            lowercase=True,
            from_run=tmp_path / "other",
            overwrite=True,
        )
    faults = caught.value.faults
    (size,) = [fault for fault in faults if "hidden_size" in fault]
    assert size.startswith(f"`hidden_size` got 16, and {trained.path} was trained with 8: leave it out, or start ")
    named = {fault.split("`")[1] for fault in faults}
    assert named >= {"hidden_size", "learning_rate", "level", "lowercase", "from_run", "overwrite"}
    assert "batch_size" not in named
    assert digest(trained.path) == before


def test_another_preset_is_named(trained: Run) -> None:
    with pytest.raises(ConfigError, match=r"`preset` got reviews, and .* was trained with None"):
        seqloom.train(run=trained.path, resume=True, preset="reviews")


def test_the_settings_of_a_preset_and_a_parent_agree(text_file: Path, tmp_path: Path) -> None:
    parent = seqloom.train(text_file, run=tmp_path / "parent", steps=3, **SMALL)
    run = seqloom.train(text_file, run=tmp_path / "run", from_run=parent.path, steps=4, threads=1)
    longer = seqloom.train(text_file, run=run.path, from_run=parent.path, steps=6, threads=1, resume=True)
    assert state(longer)["step"] == 6
    with pytest.raises(ConfigError, match="was started from"):
        seqloom.train(run=run.path, from_run=tmp_path / "none", resume=True)
    with pytest.raises(ConfigError, match="was started without another run"):
        seqloom.train(run=parent.path, from_run=tmp_path / "none", resume=True)


def test_the_curve_of_a_continued_training_begins_at_its_start(text_file: Path, tmp_path: Path) -> None:
    class Beginning(TrainingObserver):
        losses: Any = ()

        def begin(self, config: Any, units_per_token: float, units: str, earlier_losses: Any = ()) -> None:
            self.losses = earlier_losses

    new, resumed = Beginning(), Beginning()
    run = seqloom.train(text_file, run=tmp_path / "run", steps=27, viewer=new, **SMALL)
    seqloom.train(run=run.path, resume=True, steps=40, viewer=resumed)
    assert new.losses == []
    logged = [line["loss"] for line in run.folder.read_log() if "loss" in line and line["step"] <= 27]
    assert resumed.losses == [logged[0]] * 10 + [logged[1]] * 10 + [logged[2]] * 7
