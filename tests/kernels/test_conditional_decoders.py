"""Conditioned decoders against the network in torch."""

import itertools

import numpy as np
import pytest
import torch

from seqloom.config import ModelConfig
from seqloom.kernels import GuidedDecoder, native_decoder, sliding_window_decoder
from seqloom.kernels.condition_bias import condition_bias
from seqloom.kernels.library import available_kernels
from seqloom.kernels.reference_decoder import conditioned_reference_decoder, reference_decoder
from seqloom.models.conditioning import ConditionInputs
from seqloom.models.language_model import LanguageModel


@pytest.fixture(params=available_kernels())
def kernels(request, monkeypatch):
    monkeypatch.setenv("SEQLOOM_KERNELS", request.param)


TOKENS = [5, 0, 3, 3, 9, 1, 7]
FEATURES = np.array([0.3, 0.7, -0.4], np.float32)


def make(core: str, into: tuple[str, ...] = ("input", "state", "output"), **settings):
    config = ModelConfig(
        vocabulary=11,
        core=core,
        hidden_sizes=(12, 9),
        embedding=5,
        num_condition_features=3,
        condition_into=into,
        **settings,
    )
    model = LanguageModel(config, seed=3)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
    return model, {name: value.numpy() for name, value in model.state_dict().items()}


def expected(model: LanguageModel) -> np.ndarray:
    """The logits after every token, by torch."""
    features = torch.from_numpy(FEATURES).expand(1, len(TOKENS), -1)
    first = torch.arange(len(TOKENS))[None] == 0
    with torch.no_grad():
        hidden, _ = model(torch.tensor([TOKENS]), model.initial_state(1), conditions=ConditionInputs(features, first))
        return model.logits(hidden, features)[0].numpy()


def logits_of(decoder) -> np.ndarray:
    state, rows = decoder.initial_state(), []
    for token in TOKENS:
        logits, state = decoder.step(token, state)
        rows.append(logits)
    return np.stack(rows)


INTO = [parts for count in (1, 2, 3) for parts in itertools.combinations(("input", "state", "output"), count)]


@pytest.mark.parametrize("into", INTO, ids="-".join)
@pytest.mark.parametrize("core", ["lstm", "gru", "conv"])
def test_the_reference_decoder_equals_the_network_with_conditions(core, into):
    model, weights = make(core, into)
    added = condition_bias(model.config, weights, FEATURES)
    np.testing.assert_allclose(
        logits_of(conditioned_reference_decoder(model.config, weights, added)), expected(model), atol=1e-4
    )


@pytest.mark.skipif(not available_kernels(), reason="the compiled kernels are not there")
@pytest.mark.parametrize("core", ["lstm", "gru", "conv"])
def test_the_compiled_decoder_equals_the_network_with_conditions(core, kernels):
    model, weights = make(core)
    unconditional = native_decoder(model.config, weights, "float32")
    conditional = unconditional.conditioned(condition_bias(model.config, weights, FEATURES))
    np.testing.assert_allclose(logits_of(conditional), expected(model), atol=2e-4)
    at_once, _ = conditional.read(TOKENS, conditional.initial_state())
    np.testing.assert_array_equal(at_once, logits_of(conditional)[-1])
    plain = reference_decoder(model.config, weights)
    np.testing.assert_allclose(logits_of(unconditional), logits_of(plain), atol=2e-4)


def test_conditions_with_layer_norm():
    model, weights = make("lstm", layer_norm=True)
    added = condition_bias(model.config, weights, FEATURES)
    np.testing.assert_allclose(
        logits_of(conditioned_reference_decoder(model.config, weights, added)), expected(model), atol=1e-4
    )


def test_a_window_starts_with_the_bias_of_a_first_token():
    model, weights = make("gru")
    conditional = conditioned_reference_decoder(model.config, weights, condition_bias(model.config, weights, FEATURES))
    logits = logits_of(sliding_window_decoder(conditional, 3))
    for end in range(3, len(TOKENS) + 1):
        by_hand, _ = conditional.read(TOKENS[end - 3 : end], conditional.initial_state())
        np.testing.assert_allclose(logits[end - 1], by_hand, atol=1e-6)


@pytest.mark.parametrize("guidance", [0.0, 1.5, 3.0])
def test_guidance_extrapolates_from_the_unconditional_logits(guidance):
    model, weights = make("lstm")
    conditional = conditioned_reference_decoder(model.config, weights, condition_bias(model.config, weights, FEATURES))
    unconditional = reference_decoder(model.config, weights)
    logits = logits_of(GuidedDecoder(conditional, unconditional, guidance))
    away = logits_of(unconditional) + guidance * (logits_of(conditional) - logits_of(unconditional))
    np.testing.assert_allclose(logits, away, atol=1e-4)
