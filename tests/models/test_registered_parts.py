"""What a core or a head needs that is only registered, and what happens with names that are not."""

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

import seqloom
from seqloom.config import ModelConfig
from seqloom.errors import ConfigError
from seqloom.kernels import native_decoder, reference_decoder
from seqloom.kernels.heads import head_spec
from seqloom.kernels.native_weights import decoding_kernels
from seqloom.kernels.trainer import supports_native_training
from seqloom.kernels.weights import expected_shapes, gate_widths
from seqloom.models.language_model import LanguageModel
from seqloom.registry import CORES, HEADS

TEXT = "the quick brown fox jumps over the lazy dog\n" * 40


@pytest.mark.parametrize("settings", [{"core": "toy"}, {"head": "toy"}, {"core": "toy", "head": "toy"}])
def test_registered_parts_train_and_generate(tmp_path: Path, settings: dict[str, str]) -> None:
    source = tmp_path / "text.txt"
    source.write_text(TEXT)
    run = seqloom.train(
        source, run=tmp_path / "run", steps=30, hidden_size=16, batch_size=4, sequence_length=16, seed=3, **settings
    )
    trained = seqloom.load(tmp_path / "run")
    assert {name: getattr(trained.config.model, name) for name in settings} == settings
    assert trained.generate(length=20, seed=1) == run.generate(length=20, seed=1)
    untrained = LanguageModel(trained.config.model, seed=3)
    assert trained.evaluate(source).nats_per_token < np.log(untrained.config.vocabulary) - 0.2


@pytest.mark.parametrize(
    ("shapes", "message"),
    [({"extra": (2,)}, "head.extra is missing in the layer"), ({"bias": (3,)}, r"head.bias has the shape \(\d+,\)")],
)
def test_a_layer_that_does_not_fit_its_specification_is_refused(
    shapes: dict[str, tuple[int, ...]], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = head_spec("softmax")
    wrong = dataclasses.replace(spec, shapes=lambda config, inputs: {**spec.shapes(config, inputs), **shapes})
    monkeypatch.setitem(globals(), "WRONG_HEAD", wrong)
    monkeypatch.setitem(HEADS.built_in, "wrong", f"{__name__}:WRONG_HEAD")
    source = tmp_path / "text.txt"
    source.write_text(TEXT)
    with pytest.raises(ConfigError, match=f"head wrong does not fit its specification: {message}"):
        seqloom.train(source, run=tmp_path / "run", steps=1, hidden_size=4, head="wrong")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("core", "head"), [("toy", "softmax"), ("lstm", "toy"), ("toy", "toy")])
def test_decoding_equals_the_network(core: str, head: str) -> None:
    config = ModelConfig(vocabulary=11, core=core, head=head, hidden_sizes=(7, 5), embedding=4)
    model = LanguageModel(config, seed=2)
    tokens = [3, 10, 0, 0, 7]
    with torch.no_grad():
        expected = model.logits(model(torch.tensor([tokens]), model.initial_state(1))[0])[0].numpy()
    decoder = reference_decoder(config, {name: value.numpy() for name, value in model.state_dict().items()})
    state = decoder.initial_state()
    for token, row in zip(tokens, expected, strict=True):
        logits, state = decoder.step(token, state)
        np.testing.assert_allclose(logits, row, atol=1e-5)


@pytest.mark.parametrize(("core", "head"), [("toy", "softmax"), ("lstm", "toy")])
def test_the_compiled_kernels_leave_out_parts_that_they_do_not_know(core: str, head: str) -> None:
    config = ModelConfig(vocabulary=11, core=core, head=head, hidden_sizes=(7,))
    weights = {name: np.zeros(shape, np.float32) for name, shape in expected_shapes(config).items()}
    assert decoding_kernels(config) is None
    assert native_decoder(config, weights) is None
    assert not supports_native_training(config)


def test_unknown_names_are_refused_by_the_config() -> None:
    with pytest.raises(ConfigError, match=f"unknown core 'lstn': choose from {', '.join(CORES)}; did you mean 'lstm'"):
        ModelConfig(vocabulary=5, core="lstn")
    with pytest.raises(ConfigError, match="unknown head 'absent': choose from softmax"):
        ModelConfig(vocabulary=5, head="absent")


USES = [
    LanguageModel,
    expected_shapes,
    decoding_kernels,
    supports_native_training,
    lambda config: reference_decoder(config, {}),
]


@pytest.mark.parametrize(("use", "kind"), [*itertools.product(USES, ("core", "head")), (gate_widths, "core")])
def test_a_part_that_is_no_longer_registered_fails_with_one_error(use, kind) -> None:  # type: ignore[no-untyped-def]
    config = ModelConfig(vocabulary=5)
    object.__setattr__(config, kind, "gone")
    with pytest.raises(ConfigError, match=f"unknown {kind} 'gone': choose from"):
        use(config)


def test_configs_of_old_runs_have_a_softmax_head() -> None:
    stored = ModelConfig(vocabulary=5).to_json()
    assert stored.pop("head") == "softmax"
    assert ModelConfig.from_json(stored).head == "softmax"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tied": True, "embedding": 4, "hidden_sizes": (4,)}, "`tied` is not available with the head toy"),
        ({"prediction_heads": 2, "hidden_sizes": (4,)}, "`prediction_heads` is not available with the head toy"),
    ],
)
def test_a_setting_that_a_head_lacks_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        LanguageModel(ModelConfig(vocabulary=5, head="toy", **settings))  # type: ignore[arg-type]
