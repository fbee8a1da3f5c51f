"""Transforms as parts: the table, its order, and a transform of a third party."""

import json

import numpy as np
import pytest

from seqloom.config import ModelConfig
from seqloom.errors import ConfigError
from seqloom.kernels import native_decoder
from seqloom.kernels.library import chosen_kernels
from seqloom.kernels.weights import expected_shapes
from seqloom.registry import TRANSFORMS, resolve
from seqloom.sampling import SamplingConfig, generate
from seqloom.sampling.chain import active_transforms, build_chain
from seqloom.sampling.native_engine import NATIVE_TRANSFORMS, supports_native
from seqloom.sampling.request import prepare_request
from seqloom.sampling.transform import Context

LETTERS = [bytes([97 + token]) for token in range(7)]
REQUEST = {"prompt": [6, 0], "token_bytes": LETTERS}
SPREAD = {"jitter": {"spread": 0.5}}


@pytest.fixture
def jitter(monkeypatch):
    """Register the transform of the examples."""
    monkeypatch.setitem(TRANSFORMS.built_in, "jitter", "examples.extensions.temperature_jitter:JITTER")


def test_the_table_is_in_the_documented_order():
    specs = [resolve("transform", name, TRANSFORMS) for name in TRANSFORMS]
    positions = [spec.position for spec in specs]
    assert positions == sorted(set(positions))
    native = [name for name in TRANSFORMS if name in NATIVE_TRANSFORMS]
    assert native == [
        "bias", "bans", "repetition", "frequency", "presence", "dry", "top_n_sigma", "temperature", "top_k", "typical",
        "top_p", "min_p", "xtc", "mirostat",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"bias": {1: 0.5}}, "bias"),
        ({"repetition_penalty": 1.1}, "repetition"),
        ({"frequency_penalty": -0.1}, "frequency"),
        ({"presence_penalty": 0.1}, "presence"),
        ({"dry_multiplier": 0.8}, "dry"),
        ({"top_n_sigma": 1.0}, "top_n_sigma"),
        ({"temperature": 0}, "temperature"),
        ({"dynatemp_range": 0.5}, "temperature"),
        ({"top_k": 3}, "top_k"),
        ({"typical_p": 0.9}, "typical"),
        ({"top_p": 0.9}, "top_p"),
        ({"min_p": 0.1}, "min_p"),
        ({"xtc_probability": 0.5}, "xtc"),
        ({"mirostat_tau": 3}, "mirostat"),
    ],
)
def test_a_transform_is_left_out_unless_its_setting_is_changed(settings, name):
    assert active_transforms(SamplingConfig()) == ("bans",)
    assert set(active_transforms(SamplingConfig(**settings))) == {"bans", name}


def test_a_further_transform_takes_its_place_in_the_chain(jitter):
    config = SamplingConfig(top_p=0.9, temperature=0.5, transforms=SPREAD)
    assert active_transforms(config) == ("bans", "temperature", "jitter", "top_p")
    assert active_transforms(SamplingConfig(transforms={"jitter": {}})) == ("bans",)  # off by default
    (_, transform) = build_chain(SamplingConfig(transforms=SPREAD), 3)
    after = transform(np.array([1.0, 0.0, -np.inf]), Context(np.zeros(0, np.int64), None))
    assert after[0] == 0 > after[1] > after[2] == -np.inf
    assert after[1] != -1


def test_a_random_transform_does_not_depend_on_other_samples(jitter, table_decoder):
    decoder, config = table_decoder(7), SamplingConfig(length=30, transforms=SPREAD)
    samples = list(generate(decoder, config, count=4, **REQUEST))
    assert [next(generate(decoder, config, first_index=index, **REQUEST)) for index in range(4)] == samples
    plain = list(generate(decoder, SamplingConfig(length=30), count=4, **REQUEST))
    assert [sample.tokens for sample in samples] != [sample.tokens for sample in plain]


def test_random_numbers_differ_by_seed_sample_token_and_salt():
    nothing = np.zeros(0, np.int64)
    contexts = [Context(nothing, None, *numbers) for numbers in ((1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4))]
    numbers = [context.generator(salt).random() for context in contexts for salt in (5, 6)]
    assert len(set(numbers)) == 8
    assert contexts[0].generator(5).random() == numbers[0]


@pytest.mark.skipif(chosen_kernels() is None, reason="the compiled kernels are missing or off")
def test_the_kernels_leave_a_further_transform_to_the_reference_engine(jitter):
    config = ModelConfig(vocabulary=7, core="gru", hidden_sizes=(8,))
    random = np.random.default_rng(0)
    shapes = expected_shapes(config).items()
    decoder = native_decoder(config, {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes})
    further = SamplingConfig(length=10, transforms=SPREAD)
    assert supports_native(prepare_request(decoder, SamplingConfig(length=10), **REQUEST))
    assert not supports_native(prepare_request(decoder, further, **REQUEST))
    assert len(next(generate(decoder, further, **REQUEST)).tokens) == 10
    with pytest.raises(
        ConfigError, match=r"`draft_length` 2 drafts tokens, which cannot be combined with .* transforms"
    ):
        generate(decoder, SamplingConfig(draft_length=2, transforms=SPREAD), **REQUEST)


@pytest.mark.parametrize(
    ("transforms", "message"),
    [
        ({"jiter": {}}, "unknown transform 'jiter': .*; did you mean 'jitter'"),
        ({"jitter": {"spred": 0.1}}, "unknown setting of transform 'jitter': 'spred': .*; did you mean 'spread'"),
        ({"jitter": {"spread": 3}}, "spread got 3: choose from 0"),
        ({"top_k": {}}, "transforms got 'top_k', which is built in: set top_k"),
        ({"bans": {}}, "transforms got 'bans', which is built in: set ban"),
    ],
)
def test_unknown_transforms_and_settings_are_refused(jitter, transforms, message):
    with pytest.raises(ConfigError, match=message):
        build_chain(SamplingConfig(transforms=transforms), 7)


@pytest.mark.parametrize("transforms", [5, {"jitter": 1}, {"jitter": {"spread": "1"}}])
def test_settings_of_transforms_are_numbers_by_name(transforms):
    with pytest.raises(ConfigError, match="`transforms` got"):
        SamplingConfig(transforms=transforms)


def test_a_beam_search_draws_nothing_to_transform():
    with pytest.raises(ConfigError, match="`beam` and `transforms` contradict each other"):
        SamplingConfig(beam=4, transforms=SPREAD)


def test_settings_of_transforms_are_stored():
    config = SamplingConfig(transforms=SPREAD)
    assert SamplingConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
