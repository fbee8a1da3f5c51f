import errno
import json
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.checked_files import edit_json

from seqloom.cli import train_commands
from seqloom.lm import session
from seqloom.lm import train as train_module
from seqloom.registry import CODECS, CORES
from seqloom.stopwatch import Stopwatch
from seqloom.training.events import Step

SMALL = ("--steps", 10, "--hidden-size", 8, "--threads", 1)


@pytest.fixture
def asked(monkeypatch):
    """What the library's `train` is called with, in place of training."""
    seen = {}

    def train(source, options, **others):
        seen.update({"source": source} if source else {}, **options.chosen(), **others)

    monkeypatch.setattr(train_module, "train", train)
    return seen


def test_only_what_was_given_is_passed_on(command, asked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).touch()
    words = "train a.txt b.txt --hidden-size 32,16 --betas 0.9,0.95 --no-tied --text t --rating stars --rating fun"
    assert command(*words.split(), "--from", "old").code == 0
    viewer, stopwatch = asked.pop("viewer"), asked.pop("stopwatch")
    assert isinstance(viewer, train_module.TrainingObserver)
    assert isinstance(stopwatch, Stopwatch)
    assert asked == {
        "source": ("a.txt", "b.txt"),
        "hidden_size": (32, 16),
        "betas": (0.9, 0.95),
        "tied": False,
        "text": "t",
        "rating": ("stars", "fun"),
        "from_run": Path("old"),
        "run": Path("runs/a"),
        "resume": False,
        "overwrite": False,
        "verify": False,
    }


@pytest.mark.parametrize(
    ("source", "folder"),
    [
        ("/data/War and Peace.txt", "WarandPeace"),
        ("-", "run"),
        ("texts/*.txt", "run"),
        ("nietzsche", "nietzsche"),
        (None, "python-docs"),
        (["a/b.txt", "c.txt"], "b"),
    ],
)
def test_a_run_without_a_name_goes_where_its_source_says(source, folder):
    assert train_module.default_folder(source) == Path("runs") / folder


def test_resume_needs_no_source_and_training_does(command, asked):
    assert command("train", "--resume", "--run", "r").code == 0
    assert asked["resume"]
    assert "source" not in asked
    done = command("train", "--run", "r")
    assert done.code == 2
    assert done.faults == ["no source: name a file, a folder, a glob, - or a corpus of 'seqloom corpora list'"]


def write_inputs(folder: Path) -> None:
    (folder / "empty.txt").touch()
    (folder / "binary.dat").write_bytes(random.Random(0).randbytes(4000))
    (folder / "short.txt").write_text("hello hello")
    (folder / "same.txt").write_text("a" * 4000)
    (folder / "words.csv").write_text("text,stars\n" + "good food,five\n" * 300)


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["nothing.txt"], "no source 'nothing.txt': give a file"),
        (["empty.txt"], "empty.txt is empty: choose"),
        (["binary.dat"], "binary.dat is not text:"),
        (
            ["short.txt", "--sequence-length", 50],
            "11 training tokens are fewer than one window of 50: use more text",
        ),
        (["same.txt"], "a vocabulary of 1 leaves nothing to predict: use text"),
        (["words.csv"], "words.csv is a table: name the column that holds the text with --text (text, stars)"),
        (["words.csv", "--text", "body"], "words.csv has no column 'body': choose from text, stars"),
        (["words.csv", "--text", "text", "--rating", "stars"], "the column 'stars' does not hold numbers"),
        (["words.csv", "--rating", "stars"], "--rating names a column of a table, so --text must name the column"),
        (["fox.txt", "--preset", "clasic"], "unknown preset 'clasic': choose from classic, reviews; did you mean"),
        (["fox.txt", "--core", "lstn"], f"unknown core 'lstn': choose from {', '.join(CORES)}; did you mean 'lstm'?"),
        (["fox.txt", "--level", "chars"], f"unknown level 'chars': choose from {', '.join(CODECS)}; did you"),
        (["fox.txt", "--run", "fox.txt"], "--run got fox.txt, but"),
        (["fox.txt", "--seed", 2**63], f"--seed got {2**63}: choose a number below 2**63"),
        (["fox.txt", "--betas", "1,0.9"], "--betas got 1.0,0.9: choose from 0 up to, not including, 1"),
        (["fox.txt", "--encoding", "klingon"], "klingon"),
        (["fox.txt", "--vocabulary", 1], "--vocabulary got 1: the level char needs"),
        (
            ["fox.txt", "--batch-size", 4000, "--sequence-length", 400],
            "--batch-size 4000 with --sequence-length 400 need 1,600,000 training tokens",
        ),
    ],
)
def test_what_a_person_must_change_is_one_line_and_exit_2(command, text_file, tmp_path, monkeypatch, words, fault):
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path)
    where = () if "--run" in words else ("--run", "new")
    done = command("train", *words, *where, *SMALL)
    assert done.code == 2
    assert len(done.faults) == 1
    assert fault in done.faults[0]
    assert "Traceback" not in done.err
    assert not (tmp_path / "new").exists()


def test_a_misspelt_source_is_told_before_torch_is_imported(text_file):
    code = (
        "import sys; from seqloom.cli.app import call;"
        "print(call(['train', sys.argv[1], 'python-docs', 'novl']), 'torch' in sys.modules)"
    )
    words = [sys.executable, "-c", code, text_file.with_name("fxo.txt")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout == "2 False\n"
    first, second = done.stderr.splitlines()
    assert "fxo.txt': give a file" in first
    assert first.endswith(f"did you mean {text_file}?")
    assert "no source 'novl'" in second


def test_all_contradictions_are_said_at_once(command, text_file, tmp_path):
    words = "--minutes 1 --steps 5 --epochs 0 --records x --core nonsense --dropout 2 --hold-out -1 --loss last"
    done = command("train", text_file, "--run", tmp_path / "new", *words.split())
    assert done.code == 2
    flags = ("--minutes and --epochs and --steps", "--epochs", "--records", "core", "--dropout", "--hold-out", "--loss")
    assert len(done.faults) == len(flags)
    assert all(any(flag in fault for fault in done.faults) for flag in flags)


def test_infinite_and_absent_budgets_are_refused(command, text_file, tmp_path):
    for minutes in ("inf", "nan", "0", "-1"):
        done = command("train", text_file, "--run", tmp_path / "new", "--minutes", minutes)
        assert done.code == 2
        assert len(done.faults) == 1
        assert "--minutes got" in done.faults[0]


def test_a_run_is_not_replaced_unasked(command, run, text_file, unchanged):
    done = command("train", text_file, "--run", run, *SMALL)
    assert done.code == 2
    assert done.faults == [f"{run} already has a run: use --resume to continue it, or --overwrite to replace it"]
    assert unchanged(run)


def test_a_run_survives_an_overwrite_that_cannot_begin(command, run, tmp_path, unchanged):
    assert command("train", tmp_path / "gone.txt", "--run", run, "--overwrite", *SMALL).code == 2
    assert unchanged(run)


def test_overwriting_takes_away_nothing_of_the_persons(command, run, text_file):
    for own in ("samples/mine.txt", "plots/mine.svg", "notes.md", "state/mine"):
        (run / own).parent.mkdir(exist_ok=True)
        (run / own).write_text("mine")
    assert command("train", text_file, "--run", run, "--overwrite", *SMALL).code == 0
    for own in ("samples/mine.txt", "plots/mine.svg", "notes.md", "state/mine"):
        assert (run / own).read_text() == "mine"
    assert json.loads((run / "config.json").read_text())["model"]["hidden_sizes"] == [8]


def test_resume_refuses_other_settings_and_sources(command, run, text_file, unchanged):
    done = command("train", "--resume", "--run", run, "--learning-rate", 1, "--overwrite", "--hidden-size", 99)
    assert done.code == 2
    assert [fault.split()[0] for fault in done.faults] == ["--learning-rate", "--hidden-size", "--overwrite"]
    assert all("got 99, and" in fault and "was trained with" in fault for fault in done.faults[1:2])
    done = command("train", text_file, "--resume", "--run", run)
    assert done.code == 2
    assert "leave the source out" in done.faults[0]
    assert unchanged(run)


def test_resume_without_a_run_or_a_state(command, run, tmp_path):
    assert command("train", "--resume", "--run", tmp_path / "none").faults[0].startswith("no run at")
    (run / "state" / "training.safetensors").unlink()
    done = command("train", "--resume", "--run", run)
    assert done.code == 2
    assert "no training state" in done.faults[0]


@pytest.fixture
def unreported(run):
    """A run whose report is still to be written."""
    (run / "report.md").unlink()
    return run


def test_a_changed_text_is_not_resumed_on(command, unreported, trained, digest):
    source = trained.parent / "fox.txt"
    text, before = source.read_bytes(), digest(unreported)
    try:
        source.write_text("another text. " * 500)
        done = command("train", "--resume", "--run", unreported)
    finally:
        source.write_bytes(text)
    assert done.code == 2
    assert "has changed since" in done.faults[0]
    assert digest(unreported) == before


def test_a_finished_run_says_so(command, run, unchanged):
    done = command("train", "--resume", "--run", run)
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        "preparing ...\n"
        f"{run} is finished after 30 steps; to train it longer, give a larger budget, such as --steps 60\n"
    )
    assert unchanged(run)


def test_training_says_what_comes_after_it(command, text_file, tmp_path):
    done = command("train", text_file, "--run", tmp_path / "new", *SMALL)
    lines = done.err.splitlines()
    ended = next(number for number, line in enumerate(lines) if line.startswith("done:"))
    assert lines[ended + 1 : ended + 5] == [
        "writing samples ...",
        "measuring the model ...",
        "searching for copies of the corpus ...",
        "drawing plots ...",
    ]


@pytest.fixture
def planned(command, monkeypatch):
    """The config that a command would train with, and the command that it says would repeat it."""

    def plan(*words):
        configs = []
        with monkeypatch.context() as patch:
            patch.setattr(train_module, "_train_in_folder", lambda session, **_: configs.append(session.config))
            done = command(*words)
        (line,) = [line for line in done.err.splitlines() if line.startswith("to repeat this training: ")]
        program, *repeated = shlex.split(line.removeprefix("to repeat this training: "))
        assert program == "seqloom"
        return configs[0], repeated

    return plan


@pytest.mark.parametrize(
    "words",
    [
        "--epochs 0.2 --hold-out 0.2 --seed 3",
        "--pace 0:9,3:7 --hidden-size 8",
        "--steps 4 --preset classic --hidden-size 8 --sequence-length 12 --no-lowercase --stride 7 --dropout 0.1",
        "--epochs 0.1 --core conv --hidden-size 6 --layers 2 --kernel-width 2 --level word --vocabulary 300",
        "--steps 3 --hidden-size 8 --embedding 8 --tied --layer-norm --betas 0.123456789,0.5 --records '{}' "
        "--keep-newlines",
        "--steps 3 --learning-rate 0.0123456789 --optimizer adam --clip 0.5 --patience 2 --normalize NFC",
    ],
)
def test_the_same_again_is_a_command(planned, text_file, tmp_path, words):
    text_file.write_text("{the quick brown fox}\n{jumps over the lazy dog}\n" * 100)
    config, repeated = planned("train", text_file, "--run", tmp_path / "the run", "--threads", 1, *shlex.split(words))
    assert repeated[:4] == ["train", str(text_file), "--run", str(tmp_path / "the run-repeated")]
    assert_equal_plans(planned(*repeated), (config, repeated))


def assert_equal_plans(one, other):
    """Compare what two commands would train and print, except for the folder."""
    (config, words), (other_config, other_words) = one, other
    assert replace(config, repeat_command="") == replace(other_config, repeat_command="")
    assert [word.replace("-repeated", "") for word in words] == [word.replace("-repeated", "") for word in other_words]


def test_the_same_again_names_tables_and_parents(planned, command, run, tmp_path):
    table = tmp_path / "rated.csv"
    rows = [f"good food here,{row % 5},{row % 3},p{row}\n" for row in range(99)]
    table.write_text("text,stars,fun,place\n" + "".join(rows))
    columns = "--text text --rating stars --rating fun --group place --hold-out 0.1 --steps 3".split()
    config, repeated = planned("train", table, "--run", tmp_path / "new", *columns)
    assert config.reading.rating == ("stars", "fun")
    assert_equal_plans(planned(*repeated), (config, repeated))
    words = ("--run", tmp_path / "new", "--from", run, "--steps", 3)
    config, repeated = planned("train", table, *words, *columns[:-2])
    assert config.parent == str(run)
    assert_equal_plans(planned(*repeated), (config, repeated))


def test_what_training_goes_on_from_is_said(command, run, tmp_path):
    for text, said in (("the lazy 狐 ", "1 new symbol ('狐')"), ("the dog. ", "no new symbols")):
        source = tmp_path / "more.txt"
        source.write_text(text * 100, encoding="utf-8")
        words = ("--from", run, "--steps", 1, "--threads", 1, "--overwrite")
        done = command("train", source, "--run", tmp_path / "new", *words)
        assert f"starting from {run}: {said}\n" in done.err


def test_from_keeps_the_shape(command, run, text_file, tmp_path):
    words = ("--from", run, "--core", "gru", "--layer-norm", "--layers", 2, "--hidden-size", 16)
    done = command("train", text_file, "--run", tmp_path / "new", *words)
    assert done.code == 2
    assert [fault.split()[0] for fault in done.faults] == ["--core", "--hidden-size", "--layer-norm"]


def test_from_goes_on(command, run, text_file, tmp_path):
    done = command("train", text_file, "--run", tmp_path / "new", "--from", run, "--steps", 5, "--threads", 1)
    assert done.code == 0
    assert json.loads((tmp_path / "new" / "config.json").read_text())["parent"] == str(run)


def test_ratings_are_said_with_their_range(command, tmp_path):
    table = tmp_path / "rated.csv"
    table.write_text("text,stars\n" + "good food here,5\nbad food there,1\n" * 100)
    done = command("train", table, "--text", "text", "--rating", "stars", "--run", tmp_path / "new", *SMALL)
    assert done.code == 0
    assert "rating stars: 1 to 5" in done.err.splitlines()


def test_a_full_disk_is_one_line_and_leaves_the_run(command, unreported, monkeypatch, digest):
    def full(*_paths):
        raise OSError(errno.ENOSPC, "No space left on device")

    before = digest(unreported)
    monkeypatch.setattr(os, "replace", full)
    done = command("train", "--resume", "--run", unreported)
    assert done.code == 1
    assert len(done.faults) == 1
    assert "No space left on device" in done.faults[0]
    assert digest(unreported) == before


def test_a_folder_that_cannot_be_written_to(command, text_file, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    done = command("train", text_file, "--run", tmp_path / "new", *SMALL)
    assert done.code == 2
    assert "cannot be written to: name another folder" in done.faults[0]


def interrupt_at(monkeypatch, step):
    from seqloom.display.training_display import TrainingViewer

    hear = TrainingViewer._handle_event

    def hear_and_press(self, event):
        hear(self, event)
        if isinstance(event, Step) and event.step == step:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(TrainingViewer, "_handle_event", hear_and_press)


def test_ctrl_c_saves_and_resume_goes_on(command, text_file, tmp_path, monkeypatch):
    place = tmp_path / "my run"
    with monkeypatch.context() as patch:
        interrupt_at(patch, 7)
        patch.chdir(tmp_path)
        done = command("train", text_file.name, "--run", place, *SMALL)
    assert done.code == 130
    assert done.faults == [f"interrupted and saved; continue with: seqloom train --resume --run '{place}'"]
    done = command("train", "--resume", "--run", place)
    assert done.code == 0
    assert done.err.count("continuing after step 7 of 10") == done.err.count("continuing") == 1
    assert done.err.startswith("preparing ...\nfox.txt: 5,400 characters")
    assert (place / "report.md").exists()


def test_ctrl_c_says_that_it_has_replaced_a_run(command, run, text_file, tmp_path, monkeypatch):
    place = tmp_path / "place"
    shutil.copytree(run, place)
    interrupt_at(monkeypatch, 7)
    done = command("train", text_file, "--run", place, *SMALL, "--overwrite")
    (fault,) = done.faults
    assert fault.startswith("interrupted and saved, in place of the earlier run; continue with: ")


def test_ctrl_c_before_training_says_that_nothing_was_saved(command, text_file, tmp_path, monkeypatch):
    def interrupt(*_args, **_settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "load_dataset", interrupt)
    done = command("train", text_file, "--run", tmp_path / "new", *SMALL)
    assert done.code == 130
    assert done.faults == ["interrupted before training began; nothing was saved or changed"]


def test_ctrl_c_while_the_report_is_written(command, text_file, tmp_path, monkeypatch):
    def interrupt(*_args, **_settings):
        raise KeyboardInterrupt

    place = tmp_path / "new"
    with monkeypatch.context() as patch:
        patch.setattr(train_module, "write_report", interrupt)
        done = command("train", text_file, "--run", place, *SMALL)
    assert done.code == 130
    assert done.faults == [
        "interrupted after the last step; all but the report is saved; to write it, run: "
        f"seqloom train --resume --run {place}"
    ]
    assert command("train", "--resume", "--run", place).code == 0
    assert (place / "report.md").exists()


def test_ctrl_c_before_the_first_save_keeps_the_earlier_run(command, run, text_file, monkeypatch, digest):
    def interrupt(*_args, **_settings):
        raise KeyboardInterrupt

    before = digest(run)
    with monkeypatch.context() as patch:
        patch.setattr(train_module.Trainer, "train", interrupt)
        done = command("train", text_file, "--run", run, "--overwrite", *SMALL)
    assert done.code == 130
    assert done.faults == [f"interrupted before the first save; the earlier run in {run} is unchanged"]
    assert digest(run) == before


def test_resume_after_a_killed_overwrite_says_what_is_there(command, run, digest):
    before = digest(run)
    staged = run / ".seqloom-new" / "new" / "config.json"
    staged.parent.mkdir(parents=True)
    staged.write_text("{}")
    done = command("train", "--resume", "--run", run)
    assert (done.code, done.err.splitlines()) == (
        0,
        [
            "preparing ...",
            f"a training that would have replaced {run} ended before its first save: the folder still has the earlier "
            "run, and --resume continues that; start the new training again with --overwrite",
            f"{run} is finished after 30 steps; to train it longer, give a larger budget, such as --steps 60",
        ],
    )
    assert digest(run) == before


def test_a_backup_of_an_earlier_version_is_named(command, run, text_file):
    (run / "state" / "replaced").mkdir()
    (run / "state" / "replaced" / "config.json").write_text("{}")
    done = command("train", text_file, "--run", run, "--overwrite", *SMALL)
    assert f"an earlier run, which this run replaced, is in {run / 'state' / 'replaced'}: move or remove it" in done.err
    assert (run / "state" / "replaced" / "config.json").read_text() == "{}"


def test_a_second_ctrl_c_stops_at_once(command, text_file, tmp_path, monkeypatch):
    def interrupt(*_args, **_settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(train_module.Trainer, "train", interrupt)
    done = command("train", text_file, "--run", tmp_path / "new", *SMALL)
    assert done.code == 130
    assert done.faults == [
        f"interrupted before anything was saved; start again with --overwrite --run {tmp_path / 'new'}"
    ]


def test_the_demo_replaces_only_demos(command, run, asked, unchanged):
    done = command("demo", "--run", run)
    assert done.code == 2
    assert unchanged(run)
    assert done.faults == [f"{run} contains a run that is not a demo: name another folder with --run"]
    (run / "config.json").write_text("{}")
    assert command("demo", "--run", run).code == 2
    assert not asked


def test_the_demo_asks_for_the_text_that_python_carries(command, run, asked):
    edit_json(run / "config.json", sources=[train_commands._DEMO_SOURCE])
    assert command("demo", "--run", run, "--minutes", 0.5).code == 0
    del asked["viewer"], asked["stopwatch"]
    assert asked == {
        "source": "python-docs",
        "run": run,
        "minutes": 0.5,
        "overwrite": True,
        "resume": False,
        "from_run": None,
        "verify": False,
    }
    assert command("demo", "--run", run.with_name("new")).code == 0
    assert not asked["overwrite"]
    assert asked["minutes"] == 1


def test_a_quiet_training_prints_its_results(command, text_file, tmp_path):
    done = command("train", text_file, "--run", tmp_path / "quiet", "--steps", 2, "--hidden-size", 8, "-q")
    assert (done.code, done.err) == (0, "")
    assert re.search(r"^2 steps in .*\nvalidation: .* nats per token.*\n", done.out, re.MULTILINE)
    assert f"run: {tmp_path / 'quiet'}" in done.out
