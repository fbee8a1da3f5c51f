"""The command as a person runs it: processes of their own, pipes, signals, and what they import."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import seqloom as seqloom_library
from seqloom.kernels.library import available_kernels

TEXT = "the quick brown fox jumps over the lazy dog. " * 200
FOREVER = ("--steps", "100000000", "--validate-every", "50", "--patience", "0")
PATIENCE_SECONDS = 300
"""For what takes a second or two on a machine that does nothing else."""

SMALL = ("--hidden-size", "8", "--batch-size", "2", "--sequence-length", "8", "--threads", "1")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    cache = str(tmp_path_factory.mktemp("cache"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SEQLOOM_")}
    return {**kept, "SEQLOOM_CACHE": cache, "PYTHONWARNINGS": "error", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def text_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "fox.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def seqloom(environment):
    """Runs a command to its end."""

    def run(*words, **changes):
        return subprocess.run(
            [sys.executable, "-m", "seqloom", *map(str, words)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
            env={**environment, **changes},
        )

    return run


@pytest.fixture(scope="module")
def run(environment, text_file, tmp_path_factory):
    return trained(environment, text_file, tmp_path_factory.mktemp("runs") / "fox", steps=30)


def trained(environment, source: Path, folder: Path, steps: int) -> Path:
    """A run that was made in this process, which has torch already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEQLOOM_CACHE", environment["SEQLOOM_CACHE"])
        seqloom_library.train(
            source, run=folder, steps=steps, hidden_size=8, batch_size=2, sequence_length=8, threads=1
        )
    return folder


def begin(environment, *words: object) -> "subprocess.Popen[str]":
    """Start a command that heeds Ctrl-C, even if these tests run in the background, where the signal is ignored."""
    return subprocess.Popen(
        [sys.executable, "-m", "seqloom", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def wait_for(happened: Callable[[], bool], process: "subprocess.Popen[str]", what: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until, f"{what} did not come"
        time.sleep(0.05)


def interrupt(process: "subprocess.Popen[str]", *, again_after_seconds: float = 30) -> str:
    """Press Ctrl-C, and again for as long as it takes: Python drops it at some moments (inside a destructor, say).

    A training drops none, and a second one keeps it from saving what the first one asked it to save.
    """
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        process.send_signal(signal.SIGINT)
        try:
            _, said = process.communicate(timeout=again_after_seconds)
            break
        except subprocess.TimeoutExpired:
            continue
    else:
        process.kill()
        process.communicate()
        pytest.fail("the command goes on after Ctrl-C")
    assert process.returncode == 130
    assert "Traceback" not in said
    return said


def imported(environment, words: Sequence[str]) -> set[str]:
    """The modules that are there after a command."""
    code = f"import sys; from seqloom.cli.app import call; call({list(words)!r}); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True, env=environment
    )
    return set(done.stderr.splitlines()[-1].split())


def test_help_imports_nothing_heavy(environment):
    heavy = {"torch", "numpy", "matplotlib", "pyarrow", "tokenizers", "safetensors", "regex", "pooch", "rich.console"}
    for words in (["--help"], ["train", "--help"], ["--version"]):
        assert not heavy & imported(environment, words)


@pytest.mark.parametrize(
    "words",
    [
        "train novel.txt --steps 0",
        "train novel.txt --minutes 1 --steps 3",
        "train novel.txt --preset none",
        "demo --minutes -1",
        "generate run --temperature -1",
        "generate run --count 0",
        "evaluate run --stride 3",
        "evaluate run --split half",
        "plot run --temperature -1",
        "critic fit a.csv --text a --rating b --run c --minutes -1",
        "critic rate c a.csv --text a -o out.doc",
        "detect fit --real a.csv --text a --run d",
        "detect fit --real a.csv --text a --run d --generated b --minutes -1",
        "detect score d a.csv --text a -o out.csv --base-rate 2",
        "detect score d a.csv --text a -o out.doc",
        "detect report d a.csv --text a --base-rate 2",
        "detect duel --real a --generator b --run c --rounds 0",
        "gan train a.csv --text a --rating b --run c --steps -1",
    ],
)
def test_an_error_of_the_arguments_comes_before_the_slow_imports(environment, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    slow = {"torch", "sklearn", "scipy", "matplotlib", "pyarrow", "safetensors", "seqloom.api", "seqloom.kernels"}
    assert not slow & imported(environment, words.split())


def test_generate_does_without_torch(environment, run):
    words = ["generate", str(run), "--prompt", "the", "--length", "5"]
    for more in ([], ["--json"], ["--pattern", "[a-z ]*"], ["--max-copy", "20"], ["--beam", "2"]):
        modules = imported(environment, [*words, *more])
        assert "numpy" in modules
        assert not {"torch", "matplotlib", "rich.console"} & modules


@pytest.mark.skipif(not available_kernels(), reason="the compiled kernels are not there")
@pytest.mark.parametrize("words", [["evaluate"], ["evaluate", "--blocks", "16"], ["score"], ["score", "--json"]])
def test_measuring_does_without_torch(environment, run, text_file, words):
    modules = imported(environment, [words[0], str(run), str(text_file), *words[1:]])
    assert "seqloom.evaluation.scorer" in modules
    assert "torch" not in modules


def test_json_is_all_there_is_on_standard_output(seqloom, run):
    for command in ("generate", "evaluate"):
        done = seqloom(command, run, "--json")
        assert (done.returncode, done.stderr) == (0, "")
        assert isinstance(json.loads(done.stdout), dict)


def test_standard_input_is_a_source(environment, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "seqloom", "train", "-", "--run", str(tmp_path / "run"), "--steps", "5", *SMALL],
        input=TEXT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    assert "standard input: 9,000 characters" in done.stderr


def test_a_closed_pipe_ends_quietly(environment, run):
    command = f"'{sys.executable}' -m seqloom generate '{run}' --length 3000 --count 3 | head -c 10"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )
    assert (done.returncode, len(done.stdout), done.stderr) == (0, 10, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_standard_output_is_one_line(environment, run):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "seqloom", "generate", str(run), "--length", "50"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
            env=environment,
        )
    assert done.returncode == 1
    assert done.stderr == "seqloom: cannot write: No space left on device; free some space, or choose another disk\n"


def test_an_encoding_without_the_characters_is_survived(environment, seqloom, tmp_path):
    source = tmp_path / "snow.txt"
    source.write_text("☃❄" * 500, encoding="utf-8")
    run = trained(environment, source, tmp_path / "run", steps=2)
    done = seqloom("generate", run, "--length", 8, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stdout, done.stderr) == (0, "????????\n", "")
    done = seqloom("generate", run, "--length", 8, "--json", PYTHONIOENCODING="ascii")
    assert set(json.loads(done.stdout)["samples"][0]["text"]) <= set("☃❄")


def test_training_is_written_from_stopped_and_resumed(environment, seqloom, text_file, tmp_path):
    run = tmp_path / "run"
    training = begin(environment, "train", text_file, "--run", run, *FOREVER, *SMALL)
    try:
        state = run / "state" / "training.safetensors"
        wait_for(state.exists, training, "a checkpoint")
        done = seqloom("generate", run, "--prompt", "the", "--length", 20)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout) == len("the") + 20 + 1
        assert training.poll() is None
        assert f"continue with: seqloom train --resume --run {run}" in interrupt(training)
        before = state.stat().st_mtime_ns
        resumed = begin(environment, "train", "--resume", "--run", run)
        training = resumed
        wait_for(lambda: state.stat().st_mtime_ns != before, resumed, "another checkpoint")
        said = interrupt(resumed)
    finally:
        training.kill()
        training.communicate()
    step = int(said.split("continuing after step ")[1].split()[0].replace(",", ""))
    assert step >= 50
    assert "interrupted and saved" in said
    log = [json.loads(line)["step"] for line in (run / "log.jsonl").read_text().splitlines()]
    assert log == sorted(log)
    assert log[-1] >= step


def test_ctrl_c_before_training_leaves_no_run(environment, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    # Ctrl-C while a file is opened leaks it: Python warns, and is asked not to here.
    training = begin({**environment, "PYTHONWARNINGS": ""}, "train", pipe, "--run", tmp_path / "run", *SMALL)
    with open(pipe, "w"):  # opens once the command waits for the text that never comes
        said = interrupt(training, again_after_seconds=30)
    assert said.splitlines()[-1] == "seqloom: interrupted before training began; nothing was saved or changed"
    assert not (tmp_path / "run").exists()
