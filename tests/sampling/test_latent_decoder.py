"""Models that are told noise: every text has its own, the same in every engine."""

import numpy as np
import pytest

from seqloom.config import ModelConfig
from seqloom.errors import ConfigError
from seqloom.kernels import GuidedDecoder, native_decoder, reference_decoder
from seqloom.kernels.condition_bias import condition_bias
from seqloom.kernels.conditional_decoders import LatentDecoder
from seqloom.kernels.library import chosen_kernels
from seqloom.kernels.reference_decoder import conditioned_reference_decoder
from seqloom.kernels.weights import expected_shapes
from seqloom.sampling import SamplingConfig, generate, stream
from seqloom.sampling.particles import make_particles
from seqloom.sampling.request import prepare_request
from seqloom.sampling.rng import normals, uniforms

LETTERS = [bytes([97 + token]) for token in range(23)]
REQUEST = {"prompt": [3, 0], "token_bytes": LETTERS}
NOISE = 3
RATING = np.array([0.7, -0.2], np.float32)
SETTINGS = SamplingConfig(length=24, temperature=0.8, seed=5)

compiled = pytest.mark.skipif(chosen_kernels() is None, reason="the compiled kernels are not there, or off")


def decoder(way: str, guidance: float = 1.0, core: str = "lstm") -> LatentDecoder:
    config = ModelConfig(
        vocabulary=23,
        core=core,
        hidden_sizes=(40,),
        num_condition_features=2 + NOISE,
        noise_size=NOISE,
        noise_width=NOISE,
    )
    random = np.random.default_rng(0)
    weights = {
        name: (1.2 / np.sqrt(shape[-1]) * random.standard_normal(shape)).astype(np.float32)
        for name, shape in expected_shapes(config).items()
    }
    native = native_decoder(config, weights, "float32") if way == "compiled" else None

    def conditioned(rating, noise):
        added = condition_bias(config, weights, np.concatenate([rating, noise]))
        return conditioned_reference_decoder(config, weights, added) if native is None else native.conditioned(added)

    def of(noise):
        one = conditioned(RATING, noise)
        return one if guidance == 1 else GuidedDecoder(one, conditioned(0 * RATING, noise), guidance)

    return LatentDecoder(NOISE, of)


def test_noise_is_normal_and_of_its_sample_alone():
    drawn = np.array([normals(4, index, 50) for index in range(400)])
    np.testing.assert_array_equal(drawn[7], normals(4, 7, 50))
    assert abs(drawn.mean()) < 0.03
    assert drawn.std() == pytest.approx(1, abs=0.03)
    assert abs(np.corrcoef(drawn[:, 0], [next(uniforms(4, index)) for index in range(400)])[0, 1]) < 0.15
    assert not np.array_equal(normals(5, 7, 50), drawn[7])


@pytest.mark.parametrize("way", ["plain", pytest.param("compiled", marks=compiled)])
def test_every_text_has_noise_of_its_own(way):
    greedy = SamplingConfig(length=24, temperature=0, seed=5)
    texts = [sample.text for sample in generate(decoder(way), greedy, count=20, **REQUEST)]
    assert len(set(texts)) > 5
    assert texts == [sample.text for sample in generate(decoder(way), greedy, count=20, **REQUEST)]
    expected = prepare_request(decoder(way), greedy, **REQUEST).for_sample(3).decoder
    assert next(generate(expected, greedy, **REQUEST)).text == texts[3]


@compiled
@pytest.mark.parametrize("core", ["lstm", "gru", "conv"])
@pytest.mark.parametrize("guidance", [1.0, 2.5])
def test_the_compiled_kernels_write_what_the_plain_loop_writes(core, guidance):
    both = [list(generate(decoder(way, guidance, core), SETTINGS, count=5, **REQUEST)) for way in ("plain", "compiled")]
    assert [sample.text for sample in both[0]] == [sample.text for sample in both[1]]
    for one, other in zip(*both, strict=True):
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-3)
    streamed = stream(decoder("compiled", guidance, core), SETTINGS, index=4, **REQUEST)
    assert "".join(streamed) == both[1][4].text


@compiled
def test_a_text_is_the_same_among_many():
    many = list(generate(decoder("compiled"), SETTINGS, count=300, **REQUEST))  # more than there are lanes
    for index in (0, 255, 256, 299):
        (alone,) = generate(decoder("compiled"), SETTINGS, first_index=index, **REQUEST)
        assert alone.tokens == many[index].tokens


@compiled
def test_a_copied_text_goes_on_with_the_noise_of_the_one_that_it_is_copied_from():
    greedy = SamplingConfig(length=24, temperature=0, seed=5)
    texts = []
    for way in ("plain", "compiled"):
        particle_set = make_particles(prepare_request(decoder(way), greedy, **REQUEST), 4, 0)
        particle_set.advance(5)
        particle_set.reorder(np.array([2, 2, 1, 0]))
        particle_set.advance(30)
        texts.append([member.tokens for member in particle_set.particles])
    assert texts[0] == texts[1]
    assert texts[0][0] == texts[0][1]
    written = [list(sample.tokens) for sample in generate(decoder("plain"), greedy, count=4, **REQUEST)]
    assert texts[0] == [written[2], written[2], written[1], written[0]]


def test_a_beam_has_the_noise_of_the_first_sample():
    (result,) = generate(decoder("plain"), SamplingConfig(length=6, beam=1, temperature=0, seed=5), **REQUEST)
    wide = next(generate(decoder("plain"), SamplingConfig(length=6, beam=30, seed=5), **REQUEST))
    assert wide.log_prob >= result.log_prob


def test_there_is_no_more_noise_than_there_are_features():
    with pytest.raises(ConfigError, match="`noise_width` 3 is above `num_condition_features`, 2"):
        ModelConfig(vocabulary=5, num_condition_features=2, noise_size=3, noise_width=3)


def test_a_model_without_noise_draws_none():
    config = ModelConfig(vocabulary=23, hidden_sizes=(8,))
    weights = {name: np.ones(shape, np.float32) for name, shape in expected_shapes(config).items()}
    request = prepare_request(reference_decoder(config, weights), SETTINGS, **REQUEST)
    assert request.for_sample(1) is request
