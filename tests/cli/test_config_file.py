"""Settings of a training from a file."""

import json

import pytest

from seqloom.api import load

SMALL = "hidden_size = 8\nbatch_size = 4\nsequence_length = 8\nthreads = 1\n"


def test_a_file_has_the_settings_of_a_training(command, text_file, tmp_path):
    file = tmp_path / "settings.toml"
    file.write_text(f'source = "{text_file}"\nrun = "{tmp_path / "run"}"\nsteps = 6\n{SMALL}[training]\nseed = 7\n')
    assert command("train", "--config", file).code == 0
    config = load(tmp_path / "run").config
    assert (config.model.hidden_sizes, config.training.seed, config.training.total_steps) == ((8,), 7, 6)
    assert command("train", "--config", file, "--run", tmp_path / "other", "--epochs", 0.01, "--seed", 3).code == 0
    other = load(tmp_path / "other").config
    assert (other.model.hidden_sizes, other.training.seed) == ((8,), 3)


def test_the_configuration_of_a_run_repeats_its_training(command, run, text_file, tmp_path, digest):
    original = load(run)
    done = command("train", "--config", run / "config.json", "--run", tmp_path / "again", "--threads", 1)
    assert done.code == 0, done.err
    again = load(tmp_path / "again")
    assert again.config.model == original.config.model
    assert again.config.training == original.config.training
    assert digest(tmp_path / "again")["model.safetensors"] == digest(run)["model.safetensors"]


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        (
            "a.toml",
            "hiden_size = 3",
            "has the key hiden_size, which is not a training setting; did you mean hidden_size?",
        ),
        ("a.toml", "[model]\nzzzzzz = 3", "has the key model.zzzzzz, which is not a training setting: leave it out"),
        ("a.toml", "hidden_size 3", "is not TOML"),
        ("a.json", "{", "is not JSON"),
        ("a.json", "[1]", "holds no settings by name"),
        ("a.toml", "hidden_size = -3", "--hidden-size got -3"),
        ("a.toml", 'hidden_size = "x"', "--hidden-size got ('x',)"),
        ("a.toml", 'from_run = "/nowhere/run"', "no run at /nowhere/run"),
        ("a.toml", "[model.deep]\nx = 1", "has the key model.deep"),
    ],
)
def test_what_is_no_setting_is_named(command, text_file, tmp_path, name, content, fault):
    (tmp_path / name).write_text(content)
    done = command("train", text_file, "--run", tmp_path / "run", "--config", tmp_path / name)
    assert done.code == 2
    assert fault in done.faults[0]
    assert not (tmp_path / "run").exists()


def test_a_config_file_that_is_missing_is_said(command, text_file, tmp_path):
    done = command("train", text_file, "--config", tmp_path / "none.toml")
    assert done.code == 2
    assert "cannot be read (No such file or directory)" in done.faults[0]
    assert json.dumps(done.out) == '""'
