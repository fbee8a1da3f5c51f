"""Steering, against the distribution that it is to follow."""

import itertools

import numpy as np
import pytest
from scipy.stats import chisquare

from seqloom.config import ModelConfig
from seqloom.errors import ConfigError
from seqloom.kernels import native_decoder, reference_decoder
from seqloom.kernels.library import chosen_kernels
from seqloom.kernels.weights import expected_shapes
from seqloom.sampling import SamplingConfig
from seqloom.sampling.particles import ReferenceParticles, make_particles
from seqloom.sampling.request import prepare_request
from seqloom.sampling.sequential_monte_carlo import SmcSteering

LETTERS = [b"a", b"b", b"c", b""]
REQUEST = {"prompt": [3], "token_bytes": LETTERS, "boundary": 3}


def num_a(texts):
    return np.array([float(text.count("a")) for text in texts])


def probabilities(decoder, length: int) -> dict[str, float]:
    """Of every text of up to so many letters, by going through them all."""
    result: dict[str, float] = {}

    def go_on(text: str, logits: np.ndarray, state, probability: float) -> None:
        chances = np.exp(logits - logits.max()).astype(np.float64)
        chances /= chances.sum()
        if len(text) == length:
            result[text] = result.get(text, 0) + probability
            return
        result[text] = result.get(text, 0) + probability * chances[3]
        for token in range(3):
            go_on(text + "abc"[token], *decoder.step(token, state), probability * chances[token])

    go_on("", *decoder.read([3], decoder.initial_state()), 1.0)
    return result


def test_texts_follow_the_reweighted_distribution(table_decoder):
    """A chi-square test of the ratings of 120 texts; another seed would give a false alarm with probability 1e-4.

    Steering is exact only in the limit of many particles: 120 texts do not show the small bias of 128 particles.
    """
    decoder = table_decoder(4)
    request = prepare_request(decoder, SamplingConfig(length=4, seed=11), **REQUEST)
    steering = SmcSteering(rater=num_a, target=3, spread=0.7, particles=128, interval=1)
    texts = [steered.sample.text for steered in steering.generate(request, 0, 120)]
    plain = probabilities(decoder, 4)
    weighted = {text: chance * np.exp(-((text.count("a") - 3) ** 2) / (2 * 0.7**2)) for text, chance in plain.items()}
    total = sum(weighted.values())
    by_rating = {n: sum(w for text, w in weighted.items() if text.count("a") == n) / total for n in range(5)}
    kinds = [n for n, share in by_rating.items() if share > 0.02]
    seen = np.array([sum(text.count("a") == n for text in texts) for n in kinds], float)
    expected = np.array([by_rating[n] for n in kinds])
    assert chisquare(seen, expected / expected.sum() * seen.sum()).pvalue > 1e-4
    unsteered = sum(share * text.count("a") for text, share in plain.items())
    assert np.mean([text.count("a") for text in texts]) > unsteered + 0.5


def test_a_text_depends_on_its_index_alone(table_decoder):
    request = prepare_request(table_decoder(4), SamplingConfig(length=12, seed=2), **REQUEST)
    steering = SmcSteering(rater=num_a, target=6, spread=1, particles=64, interval=3)
    many = list(steering.generate(request, 0, 9))
    for index in (0, 3, 4, 8):
        assert next(steering.generate(request, index, 1)) == many[index]


@pytest.mark.skipif(chosen_kernels() is None, reason="the compiled kernels are missing or off")
def test_particles_of_the_kernels_are_those_of_the_plain_loop():
    """A copy takes the history and the surprise of its text along, and the random numbers of its slot."""
    config = ModelConfig(vocabulary=4, core="gru", hidden_sizes=(8,))
    random = np.random.default_rng(0)
    shapes = expected_shapes(config).items()
    weights = {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes}
    sampling = SamplingConfig(
        length=12, seed=2, frequency_penalty=0.3, dry_multiplier=0.8, xtc_probability=0.5, xtc_threshold=0.2,
        mirostat_tau=1.2, mirostat_eta=0.5,
    )  # fmt: skip
    steering = SmcSteering(rater=num_a, target=5, spread=0.7, particles=8, interval=3)
    native, plain = (
        list(steering.generate(prepare_request(decoder, sampling, **REQUEST), 0, 6))
        for decoder in (native_decoder(config, weights, "float32"), reference_decoder(config, weights))
    )
    assert [steered.sample.tokens for steered in native] == [steered.sample.tokens for steered in plain]
    assert sum(steered.resamplings for steered in plain) > 0


def test_what_it_cost_is_reported(table_decoder):
    request = prepare_request(table_decoder(4), SamplingConfig(length=10, seed=2), **REQUEST)
    for steered in SmcSteering(rater=num_a, target=8, spread=0.5, particles=32, interval=2).generate(request, 0, 5):
        assert 1 <= steered.effective_size <= 32
        assert steered.resamplings > 0
        assert 32 <= steered.tokens <= 32 * 11
        assert steered.rating == steered.sample.text.count("a")
    aimless = SmcSteering(rater=num_a, target=3, spread=1e6, particles=32, interval=2)
    assert all(one.resamplings == 0 and one.effective_size > 31.9 for one in aimless.generate(request, 0, 3))


def test_copies_remember_their_text_and_draw_on_their_own(table_decoder):
    request = prepare_request(table_decoder(4, scale=0.2), SamplingConfig(length=30, min_length=30, seed=1), **REQUEST)
    particle_set = make_particles(request, 4, 0)
    assert isinstance(particle_set, ReferenceParticles)
    particle_set.advance(10)
    text = list(particle_set.particles[2].tokens)
    particle_set.reorder(np.array([2, 2, 2, 3]))
    particle_set.advance(20)
    assert all(member.tokens[:10] == text for member in particle_set.particles[:3])
    assert len({tuple(member.tokens) for member in particle_set.particles}) == 4
    assert all(member.finish_reason == "length" and len(member.log_probs) == 30 for member in particle_set.particles)


@pytest.mark.parametrize(("name", "value"), [("spread", 0), ("particles", 1), ("particles", 1000), ("interval", 0)])
def test_settings_out_of_range(name, value):
    settings = {"spread": 1.0, "particles": 8, "interval": 4} | {name: value}
    with pytest.raises(ConfigError, match={"spread": "`tolerance`", "particles": "`particles`"}.get(name, name)):
        SmcSteering(rater=num_a, target=1, **settings)


def test_the_model_writes_each_text_it_is_asked_for_in_order(table_decoder):
    request = prepare_request(table_decoder(4), SamplingConfig(length=6, seed=3), **REQUEST)
    steering = SmcSteering(rater=num_a, target=2, spread=1, particles=100, interval=2)
    assert [one.sample.index for one in itertools.islice(steering.generate(request, 5, 7), 7)] == list(range(5, 12))


def test_texts_that_miss_their_grammar_have_no_weight(table_decoder):
    """The critic prefers long texts of a; only short ones match, and most reach the maximum length before they do."""
    config = SamplingConfig(length=4, seed=3, pattern="[abc]{0,9}cb")
    request = prepare_request(table_decoder(4), config, **REQUEST)
    steering = SmcSteering(rater=num_a, target=4, spread=0.5, particles=64, interval=2)
    samples = [steered.sample for steered in steering.generate(request, 0, 20)]
    assert all(sample.matched and sample.text.endswith("cb") for sample in samples)
    hopeless = prepare_request(table_decoder(4), SamplingConfig(length=4, pattern="[abc]{9}"), **REQUEST)
    (steered,) = steering.generate(hopeless, 0, 1)
    assert (steered.sample.matched, steered.sample.finish_reason) == (False, "unmatched")


def test_steered_texts_without_an_end_stop_where_they_match(table_decoder):
    config = SamplingConfig(length=6, seed=3, pattern="a+b?")
    request = prepare_request(table_decoder(4), config, prompt=[3], token_bytes=LETTERS)
    steering = SmcSteering(rater=num_a, target=2, spread=0.5, particles=16, interval=2)
    samples = [steered.sample for steered in steering.generate(request, 0, 30)]
    assert all(sample.matched for sample in samples)
    assert {sample.finish_reason for sample in samples} >= {"end"}
    assert min(len(sample.tokens) for sample in samples) < 4
