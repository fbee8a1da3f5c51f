"""Writing to a rating in the compiled kernels, with and without guidance, against the plain loop."""

import numpy as np
import pytest

from seqloom.config import ModelConfig
from seqloom.errors import ConfigError
from seqloom.kernels import GuidedDecoder, native_decoder, reference_decoder
from seqloom.kernels.condition_bias import condition_bias
from seqloom.kernels.library import available_kernels, chosen_kernels
from seqloom.kernels.reference_decoder import conditioned_reference_decoder
from seqloom.kernels.weights import expected_shapes
from seqloom.sampling import SamplingConfig, generate, stream

pytestmark = pytest.mark.skipif(chosen_kernels() is None, reason="the compiled kernels are not there, or off")

LETTERS = [bytes([97 + token]) for token in range(23)]
REQUEST = {"prompt": [3, 0], "token_bytes": LETTERS}
FEATURES = np.array([1.0, -0.5], np.float32)


@pytest.fixture(params=available_kernels())
def kernels(request, monkeypatch):
    monkeypatch.setenv("SEQLOOM_KERNELS", request.param)


def model(core: str = "lstm") -> tuple[ModelConfig, dict[str, np.ndarray]]:
    config = ModelConfig(vocabulary=23, core=core, hidden_sizes=(40,), num_condition_features=2)
    random = np.random.default_rng(0)
    return config, {
        name: (1.2 / np.sqrt(shape[-1]) * random.standard_normal(shape)).astype(np.float32)
        for name, shape in expected_shapes(config).items()
    }


def decoders(guidance: float, core: str = "lstm"):
    """The plain and the compiled decoder of the same model, told and guided alike."""
    config, weights = model(core)
    added = condition_bias(config, weights, FEATURES)
    native = native_decoder(config, weights, "float32")
    pairs = [
        (conditioned_reference_decoder(config, weights, added), reference_decoder(config, weights)),
        (native.conditioned(added), native),
    ]
    return [
        conditioned if guidance == 1 else GuidedDecoder(conditioned, unconditional, guidance)
        for conditioned, unconditional in pairs
    ]


@pytest.mark.parametrize("core", ["lstm", "gru", "conv"])
@pytest.mark.parametrize("guidance", [0.0, 1.0, 2.5])
def test_the_same_text_as_the_plain_loop(kernels, core, guidance):
    plain, native = decoders(guidance, core)
    config = SamplingConfig(length=60, temperature=0.8, top_p=0.95, seed=5)
    (expected,), (result,) = generate(plain, config, **REQUEST), generate(native, config, **REQUEST)
    assert result.text == expected.text
    assert result.log_prob == pytest.approx(expected.log_prob, abs=1e-3)
    assert "".join(stream(native, config, **REQUEST)) == expected.text


def test_no_guidance_at_all_writes_what_is_written_untold(kernels):
    config, weights = model()
    settings = SamplingConfig(length=80, seed=2)
    unconditional = native_decoder(config, weights, "float32")
    (expected,), (result,) = (
        generate(unconditional, settings, **REQUEST),
        generate(decoders(0.0)[1], settings, **REQUEST),
    )
    assert result.tokens == expected.tokens


def test_a_guided_text_is_the_same_at_any_count(kernels):
    config = SamplingConfig(length=30, seed=9)
    many = list(generate(decoders(1.7)[1], config, count=300, **REQUEST))  # more than there are lanes
    assert [sample.index for sample in many] == list(range(300))
    for index in (0, 1, 127, 128, 299):
        assert next(generate(decoders(1.7)[1], config, first_index=index, **REQUEST)).tokens == many[index].tokens


def test_ratings_change_what_is_written(kernels):
    config, weights = model()
    native = native_decoder(config, weights, "float32")
    texts = {
        next(
            generate(
                native.conditioned(condition_bias(config, weights, features)), SamplingConfig(length=40), **REQUEST
            )
        ).text
        for features in (FEATURES, -FEATURES, 0 * FEATURES)
    }
    assert len(texts) == 3


def test_guidance_drafts_nothing(kernels):
    with pytest.raises(ConfigError, match="cannot be combined with `guidance`"):
        list(generate(decoders(2.0)[1], SamplingConfig(length=5, draft_length=2), **REQUEST))
