"""Runs that are missing, half-written or damaged: one line, exit 2, and nothing is touched."""

import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.checked_files import edit_json, read_json, replace_arrays


def remove_all(run):
    shutil.rmtree(run)


def newer_format(run):
    edit_config(run, format=99)


def no_format(run):
    edit_config(run, format=None)


def unknown_field(run):
    edit_config(run, surprise=1)


def edit_config(run, **fields):
    edit_json(run / "config.json", **fields)


def cut_config(run):
    file = run / "config.json"
    file.write_bytes(file.read_bytes()[:200])


def config_is_a_list(run):
    (run / "config.json").write_text("[1, 2]")


def no_config(run):
    (run / "config.json").unlink()


def no_codec(run):
    (run / "codec.json").unlink()


def broken_codec(run):
    (run / "codec.json").write_text('{"level": "char"}')


def no_weights(run):
    (run / "model.safetensors").unlink()


def cut_weights(run):
    file = run / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def other_weights(run):
    weights = load_file(run / "model.safetensors")
    name = "core.layers.0.weight_hidden"
    replace_arrays(run / "model.safetensors", {**weights, name: np.zeros((8, 8), np.float32)})


def missing_weight(run):
    weights = load_file(run / "model.safetensors")
    del weights["core.layers.0.bias"]
    replace_arrays(run / "model.safetensors", weights)


def whole_numbers(run):
    weights = load_file(run / "model.safetensors")
    name = "head.bias"
    replace_arrays(run / "model.safetensors", {**weights, name: weights[name].astype(np.int32)})


def unknown_kernels(run):
    edit_config(run, kernels="avx1024")


def key_twice(run):
    content = (run / "config.json").read_bytes().replace(b'{\n  "format"', b'{\n  "threads": 1,\n  "format"')
    (run / "config.json").write_bytes(content.partition(b',\n  "sha256"')[0] + b"\n}")


def tensor_twice(run):
    content = (run / "model.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length].replace(b'"head.bias"', b'"head.weight"')
    (run / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + content[8 + length :])


def many_layers(run):
    model = read_json(run / "config.json")["model"]
    edit_config(run, model={**model, "hidden_sizes": [16] * 100_000})


def long_name(run):
    edit_config(run, level="x" * 1_000_000)


def many_settings(run):
    edit_config(run, **{f"setting_{number}": 1 for number in range(10_000)})


DAMAGES = [
    (whole_numbers, "float32"),
    (unknown_kernels, "unknown kernels 'avx1024'"),
    (key_twice, "'threads' twice"),
    (tensor_twice, "'head.weight' twice"),
    (long_name, "characters)..."),
    (many_settings, "characters)..."),
    (remove_all, "no run at"),
    (newer_format, "format 99"),
    (no_format, "no format number"),
    (unknown_field, "is damaged"),
    (cut_config, "config.json is damaged"),
    (config_is_a_list, "is not a JSON object"),
    (no_config, "config.json is missing"),
    (no_codec, "codec.json is missing"),
    (broken_codec, "codec.json is damaged"),
    (no_weights, "no weights yet"),
    (cut_weights, "model.safetensors is damaged"),
    (other_weights, "weight_hidden"),
    (missing_weight, "bias"),
]


def files(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} if folder.exists() else {}


@pytest.mark.parametrize(("damage", "said"), DAMAGES, ids=[damage.__name__ for damage, _ in DAMAGES])
def test_each_damage_is_one_line(command, run, tmp_path, damage, said):
    source = tmp_path / "text.txt"
    source.write_text("the quick brown fox")
    damage(run)
    before = files(run)
    for words in (["generate", run], ["evaluate", run, source], ["score", run, source], ["plot", run]):
        done = command(*words)
        assert (done.code, done.out) == (2, ""), words
        assert len(done.faults) == len(done.err.splitlines()) == 1, words
        assert said in done.faults[0], words
        assert len(done.err) < 2_000, words
    assert files(run) == before


@pytest.mark.parametrize("damage", [cut_config, no_codec, newer_format])
def test_info_and_resume_refuse_too(command, run, damage):
    damage(run)
    before = files(run)
    assert command("info", run).code == 2
    assert command("train", "--resume", "--run", run).code == 2
    assert files(run) == before


def test_a_cut_state_is_not_resumed_from(command, run):
    file = run / "state" / "training.safetensors"
    file.write_bytes(file.read_bytes()[:-50])
    before = files(run)
    done = command("train", "--resume", "--run", run)
    assert done.code == 2
    assert "is damaged" in done.faults[0]
    assert files(run) == before


def test_info_needs_no_weights(command, run):
    no_weights(run)
    done = command("info", run)
    assert done.code == 0


def test_the_faults_of_many_layers_are_few_lines(command, run):
    many_layers(run)
    done = command("generate", run)
    assert done.code == 2
    assert len(done.err) < 40_000
    assert len(done.err.splitlines()) <= 21
