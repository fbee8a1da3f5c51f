import dataclasses
import errno
import subprocess
import sys

import pytest
import typer

from seqloom import __version__, api
from seqloom.cli.app import main
from seqloom.cli.commands import make_app
from seqloom.config.flags import cli_flag
from seqloom.config.options import TrainOptions

COMMANDS = typer.main.get_command(make_app()).commands


def test_the_commands_are_those_of_the_design():
    assert set(COMMANDS) == {
        "train",
        "generate",
        "evaluate",
        "score",
        "info",
        "plot",
        "serve",
        "runs",
        "corpora",
        "critic",
        "demo",
        "detect",
        "gan",
    }


@pytest.mark.parametrize("words", [[name] for name in COMMANDS] + [["corpora", "list"], ["corpora", "fetch"]])
def test_every_command_has_help_with_an_example(command, words):
    done = command(*words, "--help")
    assert done.code == 0
    assert f"Example: seqloom {words[0]}" in done.out
    assert done.err == ""


def test_every_setting_of_train_has_its_flag_and_every_flag_its_setting():
    parameters = {parameter.name: parameter for parameter in COMMANDS["train"].params}
    own = {"source", "run", "resume", "from_run", "overwrite", "verify", "config", "help"}
    settings = {field.name for field in dataclasses.fields(TrainOptions)}
    assert set(parameters) - own == settings
    assert all(cli_flag(name) in parameters[name].opts for name in settings | {"from_run"})


def test_help_stands_alone_without_a_command(command):
    done = command()
    assert done.code == 0
    assert "Usage: seqloom" in done.out
    assert "seqloom demo" in done.out


def test_options_stand_in_sections(command):
    lines = command("train", "--help").out.splitlines()
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    flags = [line.split()[0] if line.startswith("  --") else line for line in lines]
    assert headings[0] == "Arguments:"
    assert headings[-1] == "Options:"
    assert lines.index("The run:") < flags.index("--resume") < lines.index(headings[2]) < flags.index("--steps")


def test_version(command):
    assert command("--version") == (0, f"seqloom {__version__}\n", "")


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["trian"], "no such command 'trian'; did you mean 'train'? (see 'seqloom --help')"),
        (["--nope"], "no such option: --nope; see 'seqloom --help'"),
        (
            ["generate", "r", "--temprature", "1"],
            "no such option: --temprature; did you mean --temperature or --dynatemp-range? "
            "(see 'seqloom generate --help')",
        ),
        (["generate"], "missing argument 'RUN'; see 'seqloom generate --help'"),
        (["train", "--steps", "abc"], "--steps got 'abc': give a whole number; see 'seqloom train --help'"),
        (["train", "--dropout", "x"], "--dropout got 'x': give a number; see 'seqloom train --help'"),
        (["train", "--steps"], "option '--steps' requires an argument; see 'seqloom --help'"),
        (["corpora", "fetc"], "no such command 'fetc'; did you mean 'fetch'? (see 'seqloom corpora --help')"),
    ],
)
def test_what_cannot_be_parsed_is_one_line(command, words, fault):
    assert command(*words) == (2, "", f"seqloom: {fault}\n")


def test_numbers_with_commas_say_what_they_got(command):
    done = command("train", "x", "--hidden-size", "a,b")
    assert done.code == 2
    assert "'a,b' is not a list of whole numbers with commas between them" in done.err


def raising(error):
    def load(_path, **_settings):
        raise error

    return load


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "not enough memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "not enough memory"),
        (OSError(errno.ENOSPC, "No space left on device", "/x/y"), "cannot write /x/y: No space left on device; free"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "/x: Permission denied"),
        (KeyError("spam"), "this should not have happened: KeyError at test_app.py:"),
    ],
)
def test_failed_work_is_one_line_and_exit_1(command, monkeypatch, error, said):
    monkeypatch.setattr(api, "describe", raising(error))
    done = command("info", "somewhere")
    assert (done.code, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert done.err.startswith("seqloom: ")
    assert said in done.err


def test_a_traceback_is_shown_on_request(command, monkeypatch):
    monkeypatch.setenv("SEQLOOM_TRACEBACK", "1")
    monkeypatch.setattr(api, "describe", raising(KeyError("spam")))
    with pytest.raises(KeyError):
        command("info", "somewhere")


def test_ctrl_c_is_130(command, monkeypatch):
    monkeypatch.setattr(api, "describe", raising(KeyboardInterrupt()))
    assert command("info", "somewhere") == (130, "", "seqloom: interrupted\n")


def test_main_leaves_with_the_exit_code(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["seqloom", "info", "nowhere"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("seqloom: no run at nowhere")


def in_a_shell(words, **streams):
    return subprocess.run(
        ["/bin/sh", "-c", f'"$0" -m seqloom {words}', sys.executable],
        capture_output=True,
        text=True,
        timeout=60,
        **streams,
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams_end_quietly(closed):
    done = in_a_shell(f"corpora list {closed}")
    assert done.returncode == 0
    assert done.stderr == ""
    done = in_a_shell(f"info nowhere {closed}")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_closed_standard_input_is_said():
    done = in_a_shell("train - --steps 1 <&-")
    assert done.returncode == 2
    assert done.stderr == "preparing ...\nseqloom: standard input is closed: pipe a text into it, or name a file\n"


def test_ctrl_c_while_python_imports_is_one_line(monkeypatch):
    import seqloom.cli

    monkeypatch.delattr(seqloom.cli, "commands")
    monkeypatch.delitem(sys.modules, "seqloom.cli.commands")

    class Interrupted:
        def find_spec(self, name, path=None, target=None):
            if name == "seqloom.cli.commands":
                raise KeyboardInterrupt

    monkeypatch.setattr(sys, "meta_path", [Interrupted(), *sys.meta_path])
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SystemExit) as ended:
        main(["info", "somewhere"])
    sys.stdout.close()  # what stands in for it
    assert ended.value.code == 130


def test_the_entry_imports_no_command():
    code = "import sys, seqloom.cli.app; print('typer' in sys.modules, 'seqloom.cli.commands' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "False False\n"
