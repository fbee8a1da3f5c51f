"""A GAN from a table to texts: complete, interrupted, resumed, and with invalid requests."""

import json
import os
import shlex
import shutil
import signal

import pytest
from tests.checked_files import edit_json, read_json
from tests.hand_clock import HandClock
from tests.rating.test_rated_runs import goodness, write_table

import seqloom
from seqloom import disk
from seqloom.api import train_gan
from seqloom.checksums import json_with_checksum
from seqloom.cli.app import call
from seqloom.cli.command_viewer import interrupted_gan_message
from seqloom.config.gan import GanConfig
from seqloom.config.options import GanOptions
from seqloom.errors import ConfigError, RunError, SourceError
from seqloom.gan import early_timing, request, schedule, session
from seqloom.gan import train as train_module
from seqloom.gan.dataset import UNSEEN_SHARE, load_table
from seqloom.gan.setup import gan_run_config
from seqloom.gan.step_timing import StepSeconds
from seqloom.gan.train import GAN_SETTINGS
from seqloom.lm.observer import TrainingObserver
from seqloom.registry import CODECS
from seqloom.runs.layout import RunFolder
from seqloom.runs.saved_run import SavedRun
from seqloom.stopwatch import Stopwatch
from seqloom.training.events import Step

SETTINGS = {
    "text": "text",
    "rating": "stars",
    "level": "word",
    "hidden_size": 24,
    "threads": 1,
    "steps": 150,
    "pretrain_steps": 30,
    "warmup_steps": 5,
    "adversarial_steps": 8,
    "eval_every": 4,
    "batch_size": 16,
    "max_length": 16,
    "target_kl_nats": 2.0,
}
OWN_SETTINGS = {name: value for name, value in SETTINGS.items() if name in GAN_SETTINGS}
SHORT = {"pretrain_steps": 4, "warmup_steps": 2, "adversarial_steps": 8}
"""For tests of what becomes of a training, not of what it learns."""
BRIEF = {"pretrain_steps": 2, "warmup_steps": 1, "adversarial_steps": 1}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("table") / "rated.csv", 600)


@pytest.fixture(scope="module")
def notes():
    return []


@pytest.fixture(scope="module")
def trained(table, notes, tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "gan"
    return train_gan(table, run=run, noise_size=3, note=notes.append, **SETTINGS)


class _StepCounter(TrainingObserver):
    """Observer that collects the steps of the likelihood training."""

    def __init__(self, steps):
        self.steps = steps

    def listener(self):
        return lambda event: self.steps.append(event) if isinstance(event, Step) else None


@pytest.fixture(scope="module")
def uninterrupted(trained, table, tmp_path_factory):
    """A short GAN from the likelihood training of another."""
    run = tmp_path_factory.mktemp("runs") / "uninterrupted"
    return train_gan(table, run=run, from_run=trained.path / "likelihood", noise_size=3, **{**OWN_SETTINGS, **SHORT})


def test_a_gan_is_a_run_that_generates_for_a_rating(trained, notes):
    assert trained.config.model.noise_size == 3
    low, high = (
        goodness([one.text for one in trained.samples(count=60, rating=stars, length=30, seed=1)]) for stars in (1, 5)
    )
    assert high > low + 0.2
    assert trained.generate(rating=3, seed=4) == seqloom.load(trained.path).generate(rating=3, seed=4)
    metrics = json.loads(trained.folder.metrics_file.read_text())
    assert metrics["rounds"] == 8
    assert 0 <= metrics["inside_band"] <= 1
    assert 0 < metrics["distinct_greedy"] <= 1
    assert any("30 steps of VAE pretraining" in line for line in notes)
    assert any("adversarial training, step 8 of 8" in line for line in notes)
    log = trained.folder.read_log()
    assert (trained.folder.plots_folder / "gan.png").exists()
    assert {"rating", "accuracy", "generator", "nats", "noise", "updates", "distinct"} <= set().union(*log)
    grid = (trained.folder.samples_folder / "round-00008.txt").read_text()
    info = trained.info()
    assert info["trained"] == {"steps": 43, "total_steps": 43, "weights": True, "finished": True}
    assert [line[0] for line in grid.splitlines()] == ["1"] * 3 + ["3"] * 3 + ["5"] * 3


def test_it_spells_out_no_words(trained):
    first = trained.codec.vocabulary.first_byte_id
    bias = trained.folder.read_weights()["head.bias"]
    assert bias[first : first + 256].max() < -15
    assert bias[trained.codec.boundary] > -15


def test_an_interrupted_gan_resumes_exactly_without_its_parent(trained, uninterrupted, table, tmp_path):
    notes = []

    def stop(line):
        notes.append(line)
        if "adversarial training, step 4 of" in line:
            os.kill(os.getpid(), signal.SIGINT)

    settings = {**OWN_SETTINGS, **SHORT}
    likelihood = tmp_path / "likelihood"
    shutil.copytree(trained.path / "likelihood", likelihood)
    with pytest.raises(KeyboardInterrupt):
        train_gan(table, run=tmp_path / "began", from_run=likelihood, noise_size=3, note=stop, **settings)
    shutil.rmtree(likelihood)
    (tmp_path / "began").rename(tmp_path / "part")
    resumed = train_gan(run=tmp_path / "part", resume=True)
    assert resumed.folder.weights_file.read_bytes() == uninterrupted.folder.weights_file.read_bytes()
    assert resumed.folder.read_log() == uninterrupted.folder.read_log()
    train_gan(run=tmp_path / "part", resume=True, note=notes.append)
    assert notes[-1].endswith("is finished")
    with pytest.raises(RunError, match="already has a run"):
        train_gan(table, run=tmp_path / "part", from_run=trained.path / "likelihood", **settings)


def test_invalid_requests_are_reported(trained, table, tmp_path):
    run = tmp_path / "none"
    with pytest.raises(ConfigError, match="`rating`: name the column"):
        train_gan(table, run=run, text="text")
    with pytest.raises(ConfigError) as caught:
        train_gan(table, run=run, minutes=0, noise_size=0, loss="wgan", **{**SETTINGS, "batch_size": 1})
    assert len(caught.value.faults) == 4
    with pytest.raises(SourceError, match="too few: about 2,264 are needed for batches of 512"):
        train_gan(table, run=run, from_run=trained.path / "likelihood", batch_size=512, max_length=16)
    with pytest.raises(RunError, match="is already a GAN"):
        train_gan(table, run=run, from_run=trained.path)
    with pytest.raises(RunError, match="no GAN to resume"):
        train_gan(run=run, resume=True)
    with pytest.raises(RunError, match="seqloom gan train --resume"):
        seqloom.train(run=trained.path, resume=True)
    with pytest.raises(RunError, match="is a GAN: use the run that the GAN started from"):
        seqloom.train(table, run=run, from_run=trained.path, text="text", rating=("stars",), steps=2)
    with pytest.raises(RunError, match=r"rated.csv is a file: name another folder"):
        train_gan(table, run=table / "gan", **SETTINGS)
    with pytest.raises(ConfigError, match="leave out `minutes`"):
        train_gan(run=trained.path, resume=True, minutes=3)
    with pytest.raises(ConfigError, match="leave out `noise_size`"):
        train_gan(run=trained.path, resume=True, noise_size=3)
    with pytest.raises(ConfigError) as caught:
        train_gan(table, run=run, from_run=trained.path / "likelihood", text="words", rating=("stars",), steps=4)
    assert caught.value.faults == (
        "`steps` is a setting of the likelihood training, which `from_run` replaces: leave it out",
        f"`text` got 'words', but the table of {trained.path / 'likelihood'} was read with 'text': leave it out",
    )
    assert not (run / "config.json").exists()


def test_a_gan_from_a_run_on_other_texts_resumes_with_its_own_texts(trained, tmp_path):
    other = write_table(tmp_path / "other.csv", 500)
    settings = {**OWN_SETTINGS, **SHORT}

    def stop(line):
        if "adversarial training, step 4 of" in line:
            os.kill(os.getpid(), signal.SIGINT)

    run = tmp_path / "gan"
    with pytest.raises(KeyboardInterrupt):
        train_gan(other, run=run, from_run=trained.path / "likelihood", noise_size=3, note=stop, **settings)
    assert seqloom.load(run).config.sources == (str(other),)
    assert seqloom.load(run).config.corpus_hash != trained.config.corpus_hash
    notes = []
    resumed = train_gan(run=run, resume=True, note=notes.append)
    uninterrupted = train_gan(
        other, run=tmp_path / "uninterrupted", from_run=trained.path / "likelihood", noise_size=3, **settings
    )
    assert resumed.folder.weights_file.read_bytes() == uninterrupted.folder.weights_file.read_bytes()


def test_a_failure_before_training_leaves_nothing(trained, table, tmp_path):
    run = tmp_path / "none"
    with pytest.raises(SourceError, match="nofile"):
        train_gan(tmp_path / "nofile.csv", run=run, **SETTINGS)
    with pytest.raises(SourceError, match="no column 'words'"):
        train_gan(table, run=run, **{**SETTINGS, "text": "words"})
    assert not (run / "asked.json").exists()
    with pytest.raises(ConfigError, match="name a file"):
        train_gan("-", run=run, **SETTINGS)
    with pytest.raises(ConfigError, match="`from_run` and `run` are both"):
        train_gan(table, run=trained.path, from_run=trained.path, overwrite=True)
    run.mkdir()
    (run / "report.md").write_text("a person's own")
    with pytest.raises(RunError, match=r"files that a run would replace \(report.md\)"):
        train_gan(table, run=run, **SETTINGS)
    with pytest.raises(RunError, match="the current folder"):
        train_gan(table, run="", **SETTINGS)


def test_an_unknown_setting_is_named(trained, table, tmp_path):
    with pytest.raises(TypeError, match="has no argument 'colour'"):
        train_gan(table, run=tmp_path / "gan", from_run=trained.path / "likelihood", colour="red")


@pytest.mark.parametrize(("name", "value"), [("max_length", 12), ("batch_size", 20), ("final_temperature", 0.4)])
def test_a_training_state_with_other_settings_is_not_resumed(trained, tmp_path, name, value):
    run = tmp_path / "gan"
    shutil.copytree(trained.path, run)
    (run / "metrics.json").unlink()
    edit_json(run / "gan.json", gan={**read_json(run / "gan.json")["gan"], name: value})
    with pytest.raises(RunError, match="undo the changes"):
        train_gan(run=run, resume=True)


def test_a_run_with_several_prediction_heads_can_be_a_parent(table, tmp_path):
    reading = {"text": "text", "rating": ("stars",), "level": "word"}
    parent = seqloom.train(
        table, run=tmp_path / "ahead", prediction_heads=2, hidden_size=16, steps=5, threads=1, **reading
    )
    run = train_gan(table, run=tmp_path / "gan", from_run=parent.path, **{**OWN_SETTINGS, **BRIEF})
    assert run.config.model.prediction_heads == 1


def test_the_split_does_not_depend_on_the_parent(table, tmp_path):
    how = {"text": "text", "rating": ("stars",), "level": "word", "validation": 0.2}
    parent = seqloom.train(table, run=tmp_path / "other", hidden_size=16, steps=5, threads=1, **how)
    run = train_gan(table, run=tmp_path / "gan", from_run=parent.path, **{**OWN_SETTINGS, **BRIEF})
    assert (parent.config.training.validation, run.config.training.validation) == (0.2, UNSEEN_SHARE)
    assert len(load_table(run, str(table), str).split.validation) == pytest.approx(600 * UNSEEN_SHARE, abs=1)


def test_the_likelihood_training_can_have_epochs(table, tmp_path):
    run = train_gan(table, run=tmp_path / "gan", **{**SETTINGS, **BRIEF, "steps": None, "epochs": 1})
    assert seqloom.load(run.path / "likelihood").config.training.total_steps < 150


def test_ctrl_c_during_the_final_measurements_is_resumable(trained, table, tmp_path, monkeypatch):
    def stop(session_):
        raise KeyboardInterrupt

    settings = {**OWN_SETTINGS, **SHORT}
    run = tmp_path / "gan"
    with monkeypatch.context() as patched:
        patched.setattr(session, "_metrics", stop)
        with pytest.raises(KeyboardInterrupt) as caught:
            train_gan(table, run=run, from_run=trained.path / "likelihood", noise_size=3, **settings)
    assert caught.value.args == (str(run),)
    assert "interrupted and saved; continue with" in interrupted_gan_message(run, saved=bool(caught.value.args))
    assert interrupted_gan_message(tmp_path / "nothing", saved=False) == "interrupted before anything was saved"
    assert train_gan(run=run, resume=True).info()["trained"]["finished"]


def test_the_score_function_starts_from_random_weights(table, tmp_path):
    notes = []
    settings = {**SETTINGS, **SHORT, "steps": None, "pretrain_steps": None, "loss": "score"}
    run = train_gan(table, run=tmp_path / "score", note=notes.append, **settings)
    assert any(line.startswith("plan: 0 steps of VAE pretraining, then 8 steps of adversarial") for line in notes)
    assert not any("nats" in line for line in run.folder.read_log())
    assert run.generate(rating=3, length=10, min_length=3)


def test_texts_with_a_single_rating_are_refused(tmp_path):
    same = tmp_path / "same.csv"
    same.write_text("text,stars\n" + "".join(f"word{n % 7} other{n % 5},4\n" for n in range(200)))
    with pytest.raises(SourceError, match="all texts have the same stars, 4: use texts with several ratings"):
        train_gan(same, run=tmp_path / "run", **SETTINGS)


def test_a_parent_without_ratings_or_with_other_words_is_refused(table, tmp_path):
    plain = seqloom.train(table, run=tmp_path / "plain", text="text", level="word", hidden_size=16, steps=5, threads=1)
    settings = {"batch_size": 16, "max_length": 16}
    with pytest.raises(RunError, match="was not trained with `rating`"):
        train_gan(table, run=tmp_path / "gan", from_run=plain.path, **settings)
    other = tmp_path / "other.csv"
    rows = "".join(f"red{n % 7} blue{n % 5} green{n % 3},{n % 5 + 1}\n" for n in range(400))
    other.write_text("text,stars\n" + rows)
    parent = seqloom.train(
        other, run=tmp_path / "other", text="text", rating=("stars",), level="word", hidden_size=16, steps=5, threads=1
    )
    with pytest.raises(SourceError, match=r"have words outside the vocabulary of"):
        train_gan(table, run=tmp_path / "gan", from_run=parent.path, **{**settings, "max_length": 200})


def test_many_texts_with_unknown_words_give_a_note(tmp_path):
    rows = [f"good food {n % 3}" if n % 5 < 2 else f"good food rare{n % 90}" for n in range(1500)]
    table = tmp_path / "table.csv"
    table.write_text("text,stars\n" + "".join(f"{text},{n % 4 + 1}\n" for n, text in enumerate(rows)))
    notes = []
    settings = {**SETTINGS, **BRIEF, "steps": 5, "vocabulary": 256 + 12}
    train_gan(table, run=tmp_path / "run", note=notes.append, **settings)
    assert any("`level` subword skips none of them" in line for line in notes), notes


def test_texts_that_are_too_long_are_counted_or_split_into_sentences(tmp_path):
    table, notes = tmp_path / "table.csv", []
    sentence = " ".join(["good", "food"] * 4) + "."
    rows = [f"{sentence} {sentence} {sentence},{n % 4 + 1}\n" for n in range(400)]
    table.write_text("text,stars\n" + "".join(rows))
    settings = {**SETTINGS, **BRIEF, "steps": 5}
    with pytest.raises(SourceError, match="or a larger `max_length`, or `sentences`"):
        train_gan(table, run=tmp_path / "run", note=notes.append, **settings)
    assert "400 of 400 texts are too long for `max_length` 16; `sentences` splits texts" in notes[0]
    with pytest.raises(SourceError, match=r"or a larger `max_length`$"):
        train_gan(table, run=tmp_path / "run", note=notes.append, sentences=True, **{**settings, "max_length": 4})
    train_gan(table, run=tmp_path / "run", note=notes.append, sentences=True, **settings)
    assert any(line.startswith("1,1") and "training texts" in line for line in notes)


def test_a_gan_has_no_likelihood(trained, table):
    for measure in (lambda: trained.evaluate(table), lambda: trained.score("good"), trained.evaluate):
        with pytest.raises(
            RunError, match=r"is a GAN, which has no tractable likelihood: .* started from, .*likelihood"
        ):
            measure()


class Stopping(TrainingObserver):
    """Press Ctrl-C at a step of the likelihood training."""

    def listener(self):
        def hear(event):
            if isinstance(event, Step) and event.step == 60:
                os.kill(os.getpid(), signal.SIGINT)

        return hear


def test_an_interrupted_likelihood_training_resumes_exactly(trained, table, tmp_path):
    run = tmp_path / "gan"
    with pytest.raises(KeyboardInterrupt):
        train_gan(table, run=run, noise_size=3, viewer=Stopping(), **SETTINGS)
    assert not (run / "config.json").exists()
    with pytest.raises(RunError, match="use `resume` to continue it"):
        train_gan(table, run=run, noise_size=3, **SETTINGS)
    with pytest.raises(RunError, match="seqloom gan train --resume"):
        seqloom.load(run)
    resumed = train_gan(run=run, resume=True)
    assert resumed.folder.weights_file.read_bytes() == trained.folder.weights_file.read_bytes()
    assert not (run / "asked.json").exists()
    (run / "asked.json").write_text("{}")
    with pytest.raises(RunError, match=r"asked\.json is damaged"):
        train_gan(run=run, resume=True)


def test_a_dataset_that_is_too_small_changes_nothing(trained, tmp_path):
    run = tmp_path / "gan"
    shutil.copytree(trained.path, run)
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    few = write_table(tmp_path / "few.csv", 100)
    with pytest.raises(SourceError, match="too few: about 336 are needed"):
        train_gan(few, run=run, overwrite=True, **SETTINGS)
    with pytest.raises(SourceError, match="too few"):
        train_gan(write_table(tmp_path / "many.csv", 500), run=run, overwrite=True, **{**SETTINGS, "max_length": 3})
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"adversarial_steps": 1.5}, "`adversarial_steps` got 1.5: give a whole number"),
        ({"batch_size": True}, "`batch_size` got True: give a whole number"),
        ({"temperature": "1"}, "`temperature` got '1': give a number"),
        ({"accuracy_band": "ab"}, "`accuracy_band` got 'ab': give numbers"),
        ({"loss": 3}, "`loss` got 3: give a name"),
        ({"seed": 1.5}, "`seed` got 1.5: give a whole number"),
        ({"noise_size": 1.5}, "`noise_size` got 1.5: give a whole number"),
        ({"rating": 3}, "`rating` got (3,): give names"),
        ({"hidden_size": "big"}, "`hidden_size` got ('big',): give whole numbers"),
        ({"target_kl_nats": float("nan")}, "`target_kl_nats` got nan: choose a number from 0 up"),
        ({"max_length": 10**6}, "`max_length` got 1000000: choose from 2 to 256"),
        (
            {"pack_size": 9},
            "`pack_size` is 9 and `batch_size` is 16: choose a `pack_size` from 1 to half of `batch_size`",
        ),
        ({"core": "conv"}, "`core` got conv: a GAN needs lstm or gru"),
        ({"embedding": 0}, "`embedding` got 0: a GAN needs an embedding; choose 1 or more"),
        ({"validation": 0.2}, "`validation` is always 0.05 for a GAN: leave it out"),
        ({"level": "wrd"}, f"unknown level 'wrd': choose from {', '.join(CODECS)}; did you mean 'word'?"),
        ({"minutes": "1"}, "`minutes` got '1': give a number"),
    ],
)
def test_invalid_settings_are_refused(table, tmp_path, settings, fault):
    with pytest.raises(ConfigError) as caught:
        train_gan(table, run=tmp_path / "gan", **{**SETTINGS, **settings})
    assert caught.value.faults == (fault,)
    assert not (tmp_path / "gan").exists()


def killed(name, function):
    """Call a function in a forked process, which is killed when it renames a file to a name, or removes such a file."""

    def kill(operation, call, *arguments):
        if operation in ("rename", "unlink") and os.path.basename(arguments[-1]) == name:
            os._exit(137)
        return call(*arguments)

    child = os.fork()
    if not child:
        try:
            disk.perform = kill
            function()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 137


@pytest.mark.parametrize("name", ["gan.json", "config.json", "model.safetensors", "gan.safetensors", "asked.json"])
def test_a_gan_from_a_run_resumes_wherever_it_was_killed(trained, uninterrupted, table, tmp_path, name):
    run, settings = tmp_path / "gan", {**OWN_SETTINGS, **SHORT}

    def start():
        train_gan(table, run=run, from_run=trained.path / "likelihood", noise_size=3, **settings)

    if name == "asked.json":  # it is first renamed, when the request is stored, and removed after the first save
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                request, "write_checked_json", lambda path, value: path.write_bytes(json_with_checksum(value))
            )
            killed(name, start)
    else:
        killed(name, start)
    assert (run / "asked.json").exists()
    resumed = train_gan(run=run, resume=True)
    assert resumed.folder.weights_file.read_bytes() == uninterrupted.folder.weights_file.read_bytes()
    assert not (run / "asked.json").exists()


@pytest.mark.parametrize("name", ["log.jsonl", "training.safetensors"])
def test_a_gan_resumes_if_its_likelihood_training_was_killed_before_its_first_state(table, tmp_path, name):
    run, settings = tmp_path / "gan", {**SETTINGS, **BRIEF, "steps": 5}
    killed(name, lambda: train_gan(table, run=run, **settings))
    assert not (run / "likelihood" / "state" / name).exists()
    with pytest.raises(RunError, match="seqloom gan train --resume"):
        seqloom.load(run)
    assert train_gan(run=run, resume=True).info()["trained"]["finished"]


def test_a_gan_is_replaced_together_with_its_likelihood_training(trained, table, tmp_path):
    run, settings = tmp_path / "gan", {**SETTINGS, **BRIEF, "steps": 5}
    shutil.copytree(trained.path, run)
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    killed("gan.safetensors", lambda: train_gan(table, run=run, overwrite=True, **settings))
    notes = []
    assert seqloom.load(run).generate(rating=3, seed=4) == trained.generate(rating=3, seed=4)
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before
    killed("gan.safetensors", lambda: train_gan(table, run=run, overwrite=True, **settings))
    train_gan(run=run, resume=True, note=notes.append)
    assert notes[0].startswith(f"a training that would have replaced {run} ended before its first save")
    assert notes[-1] == f"{run} is finished"
    replaced = train_gan(table, run=run, overwrite=True, **settings)
    assert json.loads((run / "gan.json").read_text())["parent"] == "./likelihood"
    assert seqloom.load(run / "likelihood").info()["trained"]["steps"] == 5
    assert replaced.info()["trained"]["total_steps"] == 4
    stale = {file.name for file, content in before.items() if file.exists() and file.read_bytes() == content}
    assert {name for name in stale if not name.endswith(".png")} <= {"codec.json", "training.lock"}  # plots are blank


def test_a_gan_reveals_no_folder(trained, table, tmp_path, monkeypatch):
    monkeypatch.chdir(table.parent)
    run = train_gan(table.name, run="gan", **{**SETTINGS, **BRIEF, "steps": 5})
    stored = {name: (run.path / name).read_text() for name in ("config.json", "gan.json", "likelihood/config.json")}
    assert not any(str(table.parent) in text for text in stored.values())
    assert json.loads(stored["gan.json"])["source"] == f"../{table.name}"
    assert json.loads(stored["likelihood/config.json"])["sources"] == [f"../../{table.name}"]
    (run.path / "metrics.json").unlink()
    weights = run.folder.weights_file.read_bytes()
    monkeypatch.chdir(tmp_path)
    train_gan(run=table.parent / "gan", resume=True)
    assert (table.parent / "gan" / "model.safetensors").read_bytes() == weights


def test_a_gan_killed_before_its_first_checkpoint_restarts_from_its_parent(uninterrupted, tmp_path):
    run = tmp_path / "ended"
    shutil.copytree(uninterrupted.path, run)
    for name in ("model.safetensors", "metrics.json", "log.jsonl", "state/gan.safetensors"):
        (run / name).unlink()
    (run / "state" / "replaced").mkdir()
    again = train_gan(run=run, resume=True)
    assert not again.folder.backup_folder.exists()
    assert again.folder.weights_file.read_bytes() == uninterrupted.folder.weights_file.read_bytes()


def test_a_gan_in_minutes_keeps_to_its_time_and_can_be_repeated(trained, table, tmp_path, monkeypatch):
    monkeypatch.setattr(train_module, "_FINISHING_SECONDS", 0.5)
    monkeypatch.setattr(schedule, "_MIN_STEPS", {"pretrain_steps": 1, "adversarial_steps": 1})
    notes: list[str] = []
    settings = {name: value for name, value in OWN_SETTINGS.items() if not name.endswith("_steps")}
    first = train_gan(
        table,
        run=tmp_path / "gan",
        from_run=trained.path / "likelihood",
        noise_size=3,
        minutes=0.12,
        note=notes.append,
        **settings,
    )
    gan = json.loads((first.path / "gan.json").read_text())["gan"]
    steps = [gan[f"{stage}_steps"] for stage in ("pretrain", "warmup", "adversarial")]
    assert first.config.training.total_steps == sum(steps)
    assert first.folder.read_metrics()["rounds"] == gan["adversarial_steps"]
    (line,) = [line for line in notes if line.startswith("to repeat this training: ")]
    assert call(shlex.split(line.removeprefix("to repeat this training: seqloom "))) == 0
    second = seqloom.load(tmp_path / "gan-repeated")
    assert (first.path / "model.safetensors").read_bytes() == (second.path / "model.safetensors").read_bytes()


def test_too_short_a_time_is_refused_before_the_likelihood_training(table, tmp_path, monkeypatch):
    monkeypatch.setattr(early_timing, "measure_step_seconds", lambda trainer: StepSeconds(10.0, 10.0, 100.0))
    settings = {name: value for name, value in SETTINGS.items() if not name.endswith("steps")}
    steps = []
    with pytest.raises(ConfigError, match="too little to learn anything: give"):
        train_gan(table, run=tmp_path / "gan", minutes=5, viewer=_StepCounter(steps), **settings)
    assert not steps
    assert not RunFolder(tmp_path / "gan").written_files()


def test_the_early_timing_changes_no_weights(trained, table, tmp_path, monkeypatch):
    monkeypatch.setattr(schedule, "_MAX_EPOCHS", 0.05)
    settings = {**{name: value for name, value in SETTINGS.items() if name != "adversarial_steps"}, "pretrain_steps": 1}
    run = train_gan(table, run=tmp_path / "gan", noise_size=3, minutes=100, **settings)
    weights = [(path / "likelihood" / "model.safetensors").read_bytes() for path in (run.path, trained.path)]
    assert weights[0] == weights[1]


def test_a_pause_in_the_likelihood_training_uses_no_time(trained, table, tmp_path, monkeypatch):
    clock, times_left = HandClock(), []

    def train_likelihood(folder, request, note, viewer, stopwatch, check, *, resume):
        clock.advance(500.0, 0.0)
        stopwatch.lap()
        clock.advance(20.0)
        return SavedRun(trained.path / "likelihood")

    def start(folder, request, parent, budget, step_seconds, progress):
        times_left.append(budget.left())

    monkeypatch.setattr(train_module, "train_likelihood", train_likelihood)
    monkeypatch.setattr(train_module, "_start", start)
    options = GanOptions(text="text", rating="stars", minutes=2, batch_size=16, max_length=16)
    train_module.train_gan(table, options, run=tmp_path / "gan", stopwatch=Stopwatch(clock))
    assert times_left == [pytest.approx(120 - train_module._FINISHING_SECONDS - 20)]


def test_a_pace_excludes_other_budgets(trained, table, tmp_path):
    parent = trained.path / "likelihood"
    with pytest.raises(ConfigError, match="`pace` sets the numbers of steps, and so does `pretrain_steps`, `minutes`"):
        train_gan(table, run=tmp_path / "gan", from_run=parent, pace="0:3/0:2/0:1", pretrain_steps=3, minutes=1)
    with pytest.raises(ConfigError, match="give the three parts"):
        train_gan(table, run=tmp_path / "gan", from_run=parent, pace="0:3")
    assert not (tmp_path / "gan").exists()


def test_a_parent_with_revised_steps_starts_a_gan(trained, tmp_path):
    parent = tmp_path / "parent"
    shutil.copytree(trained.path / "likelihood", parent)
    training = read_json(parent / "config.json")["training"]
    training["pace"] = f"0:{2 * training['total_steps']},10:{training['total_steps']}"
    edit_json(parent / "config.json", training=training, repeat_command="seqloom train rated.csv")
    gan_config = gan_run_config(SavedRun(parent), 3, GanConfig(pretrain_steps=3, warmup_steps=2, adversarial_steps=1))
    assert gan_config.training.total_steps == 6
    assert gan_config.training.make_pace().revisions == [(0, 6)]
    assert gan_config.repeat_command == ""
