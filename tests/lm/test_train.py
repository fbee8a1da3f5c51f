import hashlib
import json
import math
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.checked_files import edit_json, read_json, replace_arrays

import seqloom
from seqloom.api import Run
from seqloom.config.options import TrainOptions
from seqloom.errors import CodecError, ConfigError, RunError, SeqloomError, SourceError, TrainingError
from seqloom.lm.evaluate import score_source
from seqloom.lm.plots import draw_plots
from seqloom.lm.train import TrainingObserver, train
from seqloom.runs.layout import RunFolder
from seqloom.stopwatch import Stopwatch, SystemClock
from seqloom.training.checkpoint import load_snapshot
from seqloom.training.events import Event, Listener, Step

SMALL: dict[str, Any] = {"hidden_size": 8, "batch_size": 4, "sequence_length": 8, "threads": 1}


def digest(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Interrupter(TrainingObserver):
    """Press Ctrl-C at one step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def listener(self) -> Callable[[Event], None]:
        import os
        import signal

        def listen(event: Event) -> None:
            if isinstance(event, Step) and event.step == self.step:
                os.kill(os.getpid(), signal.SIGINT)

        return listen


@pytest.fixture(scope="module")
def tiny(text_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three steps, of which tests change copies."""
    return seqloom.train(text_file, run=tmp_path_factory.mktemp("runs") / "tiny", **SMALL, steps=3).path


@pytest.fixture
def copied(tiny: Path, tmp_path: Path) -> Run:
    return seqloom.load(shutil.copytree(tiny, tmp_path / "run"))


def test_a_run_has_all_files(run: Run) -> None:
    files = set(digest(run.path))
    assert {"config.json", "codec.json", "model.safetensors", "state/training.safetensors", "log.jsonl"} <= files
    assert {"metrics.json", "report.md", "plots/loss.png", "plots/temperature.png", "plots/entropy.png"} <= files
    assert not any(name.startswith(".") or name.endswith(".tmp") for name in files)


def test_a_run_has_learned_its_text(run: Run) -> None:
    assert run.evaluate(split="held-out").nats_per_token < 0.5
    assert "the lazy dog" in run.generate("the quick brown", length=60, temperature=0)


def test_the_report_measures_held_out_text(run: Run) -> None:
    metrics = run.folder.read_metrics()
    held_out = metrics["held_out"]["full_context"]
    assert held_out["nats_per_token"] == pytest.approx(run.evaluate(split="held-out").nats_per_token, abs=1e-6)
    assert held_out["tokens"] == 9000 - int(0.9 * 9000)


@pytest.mark.parametrize("level", ["char", "byte", "word"])
def test_evaluation_and_scores_agree(tmp_path: Path, level: str) -> None:
    """Both score all tokens, the first one from the start token; the texts are read in the same streams."""
    source, other = tmp_path / "source.txt", tmp_path / "other.txt"
    source.write_text("the quick brown fox jumps over the lazy dog\n" * 60, encoding="utf-8")
    other.write_text("over the lazy fox\nthe dog jumps\n" * 800, encoding="utf-8")
    run = seqloom.train(source, run=tmp_path / "run", level=level, steps=5, hidden_size=8, threads=1)
    likelihood = run.evaluate(other)
    for scores in (run.score(other.read_text(encoding="utf-8")), *score_source(run, other)):
        log_probs = [score.log_prob for score in scores]
        assert likelihood.tokens == len(log_probs)
        assert likelihood.nats == pytest.approx(-math.fsum(log_probs), rel=1e-6)
    assert likelihood.characters == len(other.read_text(encoding="utf-8"))


@pytest.mark.parametrize("interrupted_at", [7, 20])
def test_a_resumed_training_ends_with_identical_weights(text_file: Path, tmp_path: Path, interrupted_at: int) -> None:
    settings = {**SMALL, "steps": 40, "dropout": 0.2, "validate_every": 8}
    uninterrupted = seqloom.train(text_file, run=tmp_path / "uninterrupted", **settings)
    with pytest.raises(KeyboardInterrupt):
        seqloom.train(text_file, run=tmp_path / "cut", viewer=Interrupter(interrupted_at), **settings)
    assert seqloom.load(tmp_path / "cut").generate(length=5)
    resumed = seqloom.train(run=tmp_path / "cut", resume=True)
    assert digest(uninterrupted.path)["model.safetensors"] == digest(resumed.path)["model.safetensors"]
    left, right = (load_file(r.path / "state/training.safetensors") for r in (uninterrupted, resumed))
    assert all(np.array_equal(left[name], right[name]) for name in left)
    scored = [[line for line in r.folder.read_log() if "validation_loss" in line] for r in (uninterrupted, resumed)]
    assert [line["step"] for line in scored[0]] == [8, 16, 24, 32, 40]
    assert [line["validation_loss"] for line in scored[0]] == [line["validation_loss"] for line in scored[1]]


def test_the_same_seed_trains_the_same_weights(text_file: Path, tmp_path: Path) -> None:
    runs = [
        seqloom.train(text_file, run=tmp_path / str(number), seed=seed, **SMALL, steps=12)
        for number, seed in enumerate((5, 5, 6))
    ]
    same, again, other = (digest(one.path)["model.safetensors"] for one in runs)
    assert same == again
    assert same != other


def test_a_folder_with_a_run_is_not_changed(text_file: Path, tmp_path: Path) -> None:
    run = seqloom.train(text_file, run=tmp_path / "run", **SMALL, steps=5)
    before = digest(run.path)
    with pytest.raises(RunError, match="`resume` to continue it, or `overwrite`"):
        seqloom.train(text_file, run=run.path, **SMALL, steps=5)
    with pytest.raises(SourceError):
        seqloom.train(tmp_path / "missing.txt", run=run.path, overwrite=True, **SMALL, steps=5)
    with pytest.raises(ConfigError):
        seqloom.train(text_file, run=run.path, overwrite=True, core="nonsense", steps=5)
    assert digest(run.path) == before
    seqloom.train(text_file, run=run.path, overwrite=True, **{**SMALL, "hidden_size": 9}, steps=5)
    assert seqloom.load(run.path).config.model.hidden_sizes == (9,)


def test_training_starts_from_another_run_with_new_symbols(run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("THE QUICK BROWN FOX 狐 jumps over the lazy dog. " * 100, encoding="utf-8")
    before = digest(run.path)
    continued = seqloom.train(
        other, run=tmp_path / "continued", from_run=run.path, steps=1, learning_rate=1e-9, threads=1
    )
    assert digest(run.path) == before
    assert len(continued.codec) > len(run.codec)
    assert continued.codec.token_bytes[: len(run.codec)] == run.codec.token_bytes
    assert continued.codec.decode_text(continued.codec.encode_text("狐")) == "狐"
    kept = continued.next_distribution("the quick brown")[: len(run.codec)]
    assert np.allclose(kept / kept.sum(), run.next_distribution("the quick brown"), atol=1e-4)
    taught = seqloom.train(other, run=tmp_path / "taught", from_run=run.path, steps=80, threads=1)
    assert taught.evaluate(other).nats_per_token < 0.6 * continued.evaluate(other).nats_per_token


def test_from_refuses_another_architecture(run: Run, text_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        seqloom.train(
            text_file, run=tmp_path / "r", from_run=run.path, hidden_size=99, core="gru", level="byte", steps=1
        )
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize("level", ["byte", "word", "subword"])
def test_every_level(text_file: Path, tmp_path: Path, level: str) -> None:
    run = seqloom.train(text_file, run=tmp_path / "run", level=level, **SMALL, steps=40)
    assert run.generate("the quick", length=10, seed=1)
    scored = run.evaluate()
    assert scored.characters > 8000
    assert scored.bits_per_char < 3


@pytest.mark.parametrize("core", ["gru", "conv"])
def test_every_core(text_file: Path, tmp_path: Path, core: str) -> None:
    run = seqloom.train(text_file, run=tmp_path / "run", core=core, **SMALL, steps=60)
    assert len(run.generate("the quick", length=20)) == 20
    assert run.evaluate().nats_per_token < 2.5


def test_records_begin_and_end(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("anna\nberta\nclara\ndora\n" * 60, encoding="utf-8")
    run = seqloom.train(names, run=tmp_path / "run", records="line", hidden_size=24, steps=120, threads=1)
    samples = run.samples(count=20, length=30, temperature=0.5)
    assert {sample.finish_reason for sample in samples} == {"end"}
    assert {sample.text for sample in samples} <= {"anna", "berta", "clara", "dora"}


def test_ratings_and_groups_are_kept_with_the_text(tmp_path: Path) -> None:
    table = tmp_path / "reviews.csv"
    rows = [f"place {row % 30},the food was {'good' if row % 2 else 'bad'},{1 + row % 5}" for row in range(300)]
    table.write_text("\n".join(["place,text,stars", *rows]), encoding="utf-8")
    run = seqloom.train(
        table, run=tmp_path / "run", text="text", rating=("stars",), group="place", hold_out=0.2, **SMALL, steps=20
    )
    assert run.config.reading.rating == ("stars",)
    assert run.evaluate(split="held-out").tokens > 0


def test_the_textbook_recipe(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("The Quick Brown Fox jumps over the lazy dog. " * 20, encoding="utf-8")
    run = seqloom.train(text, run=tmp_path / "run", preset="classic", epochs=1)
    assert run.config.model.hidden_sizes == (128,)
    assert (run.config.training.sequence_length, run.config.training.stride, run.config.training.batch_size) == (
        60,
        3,
        128,
    )
    assert (run.config.training.optimizer, run.config.training.patience) == ("rmsprop", 0)
    assert "T" not in [run.codec.decode_text([token]) for token in range(len(run.codec))]
    assert run.info()["generation"] == "window by window"
    windowed, carried = (run.samples("the quick", length=80, stateful=stateful)[0] for stateful in (False, True))
    assert windowed == run.samples("the quick", length=80)[0]
    assert windowed.log_prob != carried.log_prob


def test_samples_of_the_textbook_recipe_continue_one_another(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("The Quick Brown Fox jumps over the lazy dog. " * 20, encoding="utf-8")
    run = seqloom.train(text, run=tmp_path / "run", preset="classic", epochs=2, sequence_length=12)
    files = sorted(run.folder.samples_folder.iterdir())
    assert [file.name for file in files] == ["epoch-0001.txt", "epoch-0002.txt"]
    shown = files[0].read_text(encoding="utf-8")
    assert shown.count("--- temperature") == 4
    prompt = shown.split("--- prompt\n")[1].split("\n\n--- temperature")[0]
    assert len(prompt) == 60


def test_a_budget_in_time_becomes_steps(text_file: Path, tmp_path: Path) -> None:
    notes: list[str] = []

    class Listening(TrainingObserver):
        def note(self, text: str) -> None:
            notes.append(text)

    run = seqloom.train(text_file, run=tmp_path / "run", minutes=0.01, viewer=Listening(), threads=1)
    steps = run.config.training.total_steps
    assert run.info()["trained"]["steps"] <= steps
    assert re.search(rf"(--steps {steps}|--pace 0:.*:{steps})$", "\n".join(notes), re.MULTILINE)
    assert any("will take about" in line for line in notes)


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("no folder", "no run at"),
        ("no config", "config.json is missing"),
        ("half a config", "config.json is damaged"),
        ("newer format", "upgrade seqloom"),
        ("no codec", "codec.json is missing"),
        ("no weights", "has no weights yet"),
        ("killed while it was replaced", "the replaced run is in .*replaced"),
        ("half the weights", "model.safetensors is damaged"),
        ("other weights", "expected"),
        ("unknown setting", "unknown settings in ModelConfig: colour"),
    ],
)
def test_a_damaged_run_is_reported(copied: Run, tmp_path: Path, damage: str, fault: str) -> None:
    path = copied.path
    config = path / "config.json"
    weights = path / "model.safetensors"
    if damage == "no folder":
        path = tmp_path / "elsewhere"
    elif damage == "no config":
        config.unlink()
    elif damage == "half a config":
        config.write_text(config.read_text(encoding="utf-8")[:100], encoding="utf-8")
    elif damage == "newer format":
        edit_json(config, format=99)
    elif damage == "no codec":
        (path / "codec.json").unlink()
    elif damage == "no weights":
        weights.unlink()
    elif damage == "killed while it was replaced":
        (path / "state" / "replaced").mkdir()
        weights.rename(path / "state" / "replaced" / weights.name)
    elif damage == "half the weights":
        weights.write_bytes(weights.read_bytes()[:200])
    elif damage == "other weights":
        arrays = load_file(weights)
        replace_arrays(weights, {**arrays, "head.bias": np.zeros(3, np.float32)})
    else:
        edit_json(config, model={**read_json(config)["model"], "colour": "red"})
    with pytest.raises(RunError, match=fault) as caught:
        seqloom.load(path).generate(length=3)
    assert "\n" not in str(caught.value)


def test_contradictions_are_reported_all_at_once(text_file: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        seqloom.train(text_file, run=tmp_path / "r", minutes=1, epochs=2, hidden_size=(4, 5), layers=3, level="chr")
    assert len(caught.value.faults) == 3
    assert not (tmp_path / "r").exists()


def test_an_unknown_setting_is_refused(text_file: Path, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="sizee"):
        seqloom.train(text_file, run=tmp_path / "r", sizee=3)  # type: ignore[call-arg]


def test_a_corpus_shorter_than_a_window_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "short.txt"
    text.write_text("abcabc", encoding="utf-8")
    with pytest.raises(SourceError, match="fewer than one window"):
        seqloom.train(text, run=tmp_path / "r", sequence_length=60, steps=1)


def test_a_changed_corpus_is_not_resumed(text_file: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.txt"
    own.write_bytes(text_file.read_bytes())
    run = seqloom.train(own, run=tmp_path / "run", **SMALL, steps=3)
    run.folder.report_file.unlink()
    own.write_text("something else " * 100, encoding="utf-8")
    with pytest.raises(RunError, match="has changed"):
        seqloom.train(run=run.path, resume=True)


def test_paths_without_a_run_get_distinct_errors(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is a file, but a run is a folder"):
        seqloom.load(run.folder.report_file)
    with pytest.raises(RunError, match="no run at"):
        seqloom.load(tmp_path)
    with pytest.raises(ConfigError, match="which is a file: name a folder"):
        draw_plots(run, folder=run.folder.report_file)


def test_scoring_skips_unknown_characters_on_request(run: Run) -> None:
    with pytest.raises(CodecError, match="`skip_unknown`"):
        run.score("the ☃ quick")
    assert run.score("the ☃quick", skip_unknown=True) == run.score("the quick")


def test_unknown_characters_are_named(run: Run) -> None:
    with pytest.raises(CodecError, match=r"'☃' \(U\+2603\) at character 5.*`skip_unknown`"):
        run.generate("the ☃ quick")
    assert run.generate("the ☃quick", skip_unknown=True, seed=1) == run.generate("the quick", seed=1)


def test_only_one_process_trains_into_a_folder(text_file: Path, copied: Run) -> None:
    run = copied
    run.folder.report_file.unlink()
    before = digest(run.path)
    with run.folder.locked():
        for settings in ({"resume": True}, {"overwrite": True, "source": text_file, "steps": 3, **SMALL}):
            with pytest.raises(RunError, match="another process is training into"):
                seqloom.train(run=run.path, **settings)
    assert digest(run.path) == before
    seqloom.train(text_file, run=run.path, overwrite=True, **SMALL, steps=3)


def test_files_of_the_user_are_not_changed(text_file: Path, tmp_path: Path) -> None:
    (tmp_path / "plots").mkdir()
    for name in ("report.md", "log.jsonl", "plots/loss.png"):
        (tmp_path / name).write_text("mine", encoding="utf-8")
    before = digest(tmp_path)
    with pytest.raises(RunError, match=r"log.jsonl, report.md, plots/loss.png"):
        seqloom.train(text_file, run=tmp_path, **SMALL, steps=3)
    assert digest(tmp_path) == before


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"forget_bias": float("nan")}, "`forget_bias` got nan"),
        ({"clip": float("inf")}, "`clip` got inf"),
        ({"threads": 100_000}, "`threads` got 100000: choose from 1 to 256"),
    ],
)
def test_numbers_out_of_range_leave_nothing_behind(
    text_file: Path, tmp_path: Path, settings: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ConfigError, match=fault):
        seqloom.train(text_file, run=tmp_path / "run", **{**SMALL, **settings}, steps=3)
    assert not (tmp_path / "run").exists()


def test_a_run_needs_a_folder_of_its_own(text_file: Path) -> None:
    with pytest.raises(RunError, match="empty name"):
        seqloom.train(text_file, run="", **SMALL, steps=3)


@pytest.mark.parametrize(
    ("file", "content", "fault"),
    [
        ("log.jsonl", "[1]\n[2]\n", "log.jsonl is damaged"),
        ("log.jsonl", '{"step": "a", "loss": null}\n', "log.jsonl is damaged"),
        ("metrics.json", '{"held_out": 5}', "metrics.json is damaged"),
        ("config.json", "[" * 100_000, "config.json is damaged"),
    ],
)
def test_damaged_log_metrics_and_config_are_reported(copied: Run, file: str, content: str, fault: str) -> None:
    run = copied
    (run.path / file).write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=fault):
        seqloom.load(run.path).info()


@pytest.mark.parametrize(
    ("name", "value"),
    [("opening", []), ("opening", ["a"]), ("opening", [10**6]), ("level", "zzz"), ("threads", "x"), ("extra", 1)],
)
def test_an_inconsistent_config_is_reported(copied: Run, name: str, value: Any) -> None:
    run = copied
    stored = json.loads(run.folder.config_file.read_text(encoding="utf-8"))
    run.folder.config_file.write_text(json.dumps({**stored, name: value}), encoding="utf-8")
    with pytest.raises(RunError, match=r"config\.json is damaged"):
        seqloom.load(run.path)


def test_nan_weights_are_not_evaluated(copied: Run) -> None:
    run = copied
    arrays = {name: np.full_like(array, np.nan) for name, array in load_file(run.folder.weights_file).items()}
    replace_arrays(run.folder.weights_file, arrays)
    with pytest.raises(RunError, match="holds NaN"):
        seqloom.load(run.path).evaluate()


def test_nan_predictions_are_not_reported_as_scores(copied: Run) -> None:
    run = copied
    arrays = load_file(run.folder.weights_file)
    # All units saturate, so that the sum over them passes what single precision holds.
    arrays["core.layers.0.bias"] = np.full_like(arrays["core.layers.0.bias"], 50)
    arrays["head.weight"] = np.full_like(arrays["head.weight"], 3e38)
    replace_arrays(run.folder.weights_file, arrays)
    loaded = seqloom.load(run.path)
    with np.errstate(over="ignore", invalid="ignore"):
        with pytest.raises(SeqloomError, match="its weights have diverged"):
            loaded.evaluate()
        with pytest.raises(SeqloomError, match="its weights have diverged"):
            loaded.score("the quick")


def test_a_full_disk_is_reported_and_keeps_the_run(copied: Run) -> None:
    run = copied
    before = run.folder.weights_file.read_bytes()
    limited = (
        "import resource, signal, sys; sys.dont_write_bytecode = True; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
        "from seqloom.runs.layout import RunFolder; import torch; "
        "RunFolder(sys.argv[1]).write_weights({'head.weight': torch.zeros(4096)})"
    )
    done = subprocess.run([sys.executable, "-c", limited, str(run.path)], capture_output=True, text=True)
    assert "SeqloomError: cannot write" in done.stderr
    assert "free some space" in done.stderr
    assert run.folder.weights_file.read_bytes() == before
    assert [path for path in run.path.iterdir() if path.name.startswith(".model")] == []


def test_weights_of_a_diverged_training_are_not_saved(text_file: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError):
        seqloom.train(text_file, run=tmp_path / "run", **SMALL, steps=5, learning_rate=1e30)
    assert not (tmp_path / "run" / "model.safetensors").exists()


def test_a_failed_overwrite_restores_the_run(text_file: Path, tmp_path: Path) -> None:
    run = seqloom.train(text_file, run=tmp_path / "run", **SMALL, steps=5)
    before = {path: path.read_bytes() for path in sorted(run.path.rglob("*")) if path.is_file()}
    with pytest.raises(TrainingError, match="exploded"):
        seqloom.train(text_file, run=run.path, overwrite=True, **SMALL, steps=5, learning_rate=1e30, clip=0)
    after = {path: path.read_bytes() for path in sorted(run.path.rglob("*")) if path.is_file()}
    assert after == before


@pytest.mark.parametrize("wrong", [{"steps": "5"}, {"minutes": [1]}, {"threads": "two"}])
def test_settings_of_the_wrong_type(text_file: Path, tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"give a (whole )?number"):
        seqloom.train(text_file, run=tmp_path / "run", **wrong)


def test_loading_none() -> None:
    with pytest.raises(ConfigError, match="name a run folder"):
        seqloom.load(None)  # type: ignore[arg-type]


def test_a_corpus_of_97_characters_is_reported_and_not_sampled_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes: list[str] = []
    # Writing samples seems to take no time, so only the least share of the training between them limits their number.
    monkeypatch.setattr("seqloom.lm.listeners.time", SimpleNamespace(perf_counter=lambda: 0.0))

    class Listening(TrainingObserver):
        def note(self, text: str) -> None:
            notes.append(text)

    source = tmp_path / "short.txt"
    source.write_text(
        "the quick brown fox jumps over the lazy dog and then over the next one, again and again, for ever"
    )
    run = seqloom.train(
        source, run=tmp_path / "run", epochs=100, patience=0, hidden_size=4, viewer=Listening(), threads=1
    )
    assert any(line.startswith("the training text has only 9") and "tokens" in line for line in notes)
    assert 30 <= len(list((run.path / "samples").iterdir())) <= 40


def test_a_training_in_minutes_has_a_largest_number_of_epochs(tmp_path: Path) -> None:
    source = tmp_path / "short.txt"
    source.write_text(
        "the quick brown fox jumps over the lazy dog and then over the next one, again and again, for ever"
    )
    run = seqloom.train(source, run=tmp_path / "run", minutes=0.2, patience=1, hidden_size=4, threads=1)
    training = run.config.training
    steps_per_epoch = 95 // (training.batch_size * training.sequence_length)
    assert 300 * steps_per_epoch <= training.total_steps <= 300 * (steps_per_epoch + 1)
    assert not training.pace


class _ShiftableClock(SystemClock):
    """The clock of the system, plus a shift."""

    shift = 0.0

    def wall(self) -> float:
        return super().wall() + self.shift


def test_a_suspended_computer_shortens_no_training(text_file: Path, tmp_path: Path) -> None:
    clock, steps = _ShiftableClock(), []

    class Suspending(TrainingObserver):
        def listener(self) -> Listener:
            def suspend_after_the_third_step(event: Event) -> None:
                if isinstance(event, Step):
                    steps.append(event.step)
                    clock.shift += 3600.0 if event.step == 3 else 0.0

            return suspend_after_the_third_step

    options = TrainOptions(minutes=0.05, hidden_size=8, patience=0, threads=1)
    run = train(text_file, options, run=tmp_path / "run", viewer=Suspending(), stopwatch=Stopwatch(clock))
    assert run.folder.read_metrics()["paused_seconds"] == pytest.approx(3600, abs=1)
    assert max(steps) > 20
    assert any(line.get("paused_seconds", 0) > 3500 for line in run.folder.read_log())


def test_an_interrupted_training_shows_its_latest_plan(text_file: Path, tmp_path: Path) -> None:
    """The clock runs ten times as fast after the tenth step, so that the plan is revised."""
    clock = _ShiftableClock()

    class Hurrying(Interrupter):
        def listener(self) -> Listener:
            interrupt = super().listener()

            def hurry_and_interrupt(event: Event) -> None:
                clock.shift += 0.2 if isinstance(event, Step) and event.step > 10 else 0.0
                interrupt(event)

            return hurry_and_interrupt

    options = TrainOptions(minutes=1.0, hidden_size=8, patience=0, threads=1)
    with pytest.raises(KeyboardInterrupt):
        train(text_file, options, run=tmp_path / "run", viewer=Hurrying(40), stopwatch=Stopwatch(clock))
    folder = RunFolder(tmp_path / "run")
    stored = load_snapshot(folder.state_file, folder.read_config().run_id).progress["pace"]
    assert len(stored) > 1
    assert folder.read_config().training.make_pace().revisions == [tuple(revision) for revision in stored]
    assert seqloom.load(folder.path).info()["trained"]["total_steps"] == stored[-1][1]
