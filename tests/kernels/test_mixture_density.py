"""The mixture of points: its masses, its draws, and the compiled decoder against the reference decoder."""

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from seqloom.config import ModelConfig
from seqloom.errors import ConfigError
from seqloom.kernels import GuidedDecoder, native_decoder, reference_decoder
from seqloom.kernels.condition_bias import ConditionBias
from seqloom.kernels.heads.mixture_density import STEP_SCALE, PointMixture, num_choices, num_outputs
from seqloom.kernels.heads.normal import log_cdf, log_interval_mass
from seqloom.kernels.native_decoder import NativeDecoder
from seqloom.kernels.reference_decoder import conditioned_reference_decoder
from seqloom.kernels.weights import expected_shapes
from seqloom.models.language_model import LanguageModel
from seqloom.sampling import SamplingConfig, generate, next_distribution

SIZE = 9
CONFIG = ModelConfig(
    vocabulary=SIZE * SIZE * 2 + 1,
    factors=(SIZE, SIZE, 2),
    hidden_sizes=(12,),
    embedding=5,
    head="mixture-density",
    mixtures=4,
)
END = CONFIG.vocabulary - 1
TOKEN_BYTES = (b".",) * CONFIG.vocabulary


def random_weights(config: ModelConfig = CONFIG, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    weights = {name: random.normal(0, 0.4, shape).astype(np.float32) for name, shape in expected_shapes(config).items()}
    weights["head.bias"][: num_choices(config)] += 1
    return weights


def random_outputs(config: ModelConfig = CONFIG, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.5, num_outputs(config)).astype(np.float32)


@pytest.fixture(params=["float32", "int8"])
def native(request: pytest.FixtureRequest) -> NativeDecoder:
    decoder = native_decoder(CONFIG, random_weights(), request.param)
    if decoder is None:
        pytest.skip("the compiled kernels are off")
    return decoder


@pytest.mark.parametrize("z", [-1e4, -50.0, -20.0, -3.0, 0.0, 2.0, 9.0])
def test_the_logarithm_of_the_normal_distribution(z: float) -> None:
    assert log_cdf(np.array(z)) == pytest.approx(norm.logcdf(z), rel=1e-12)


@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (30.0, 31.0), (-31.0, -30.0), (1.0, 1.001)])
def test_the_mass_of_an_interval_stays_exact_in_the_tails(low: float, high: float) -> None:
    mirrored = (-high, -low) if low + high > 0 else (low, high)
    exact = norm.logcdf(mirrored[1]) + math.log(-math.expm1(norm.logcdf(mirrored[0]) - norm.logcdf(mirrored[1])))
    assert log_interval_mass(np.array(low), np.array(high)) == pytest.approx(exact, rel=1e-9)


def test_the_probabilities_of_all_points_sum_to_one_and_equal_single_ones() -> None:
    mixture, outputs = PointMixture(CONFIG), random_outputs()
    log_probs = mixture.all_log_probs(outputs)
    assert np.exp(log_probs).sum() == pytest.approx(1)
    logits = outputs[: mixture.num_choices].astype(np.float64)
    choices = logits - np.logaddexp.reduce(logits)
    single = [mixture.log_prob(outputs, token, choices, temperature=1.0) for token in range(CONFIG.vocabulary)]
    np.testing.assert_allclose(single, log_probs, atol=1e-9)


def test_a_wide_component_has_the_density_of_a_bivariate_gaussian() -> None:
    """With a slope s, the covariance is [[a², s a²], [s a², b² + s² a²]] for deviations a and b."""
    config = ModelConfig(
        vocabulary=255 * 255 * 2, factors=(255, 255, 2), embedding=4, head="mixture-density", mixtures=1
    )
    mean_x, mean_y, log_x, log_y, slope = 0.3, -0.2, 0.0, -0.4, 0.7
    outputs = np.array([0, -100, -100, -100, mean_x, mean_y, log_x, log_y, slope], np.float32)
    a, b = (0.2 + STEP_SCALE * math.exp(log) for log in (log_x, log_y))
    covariance = [[a * a, slope * a * a], [slope * a * a, b * b + slope * slope * a * a]]
    for temperature in (1.0, 0.5):
        density = multivariate_normal([mean_x * STEP_SCALE, mean_y * STEP_SCALE], np.array(covariance) * temperature)
        for x, y in ((0, 0), (12, 3), (-20, -25)):
            token = ((x + 127) * 255 + y + 127) * 2
            found = PointMixture(config).log_prob(outputs, token, np.array([0.0, -100.0, -100.0, -100.0]), temperature)
            assert found == pytest.approx(density.logpdf([x, y]), abs=0.01)


def test_the_compiled_decoder_puts_out_what_the_reference_decoder_does(native: NativeDecoder) -> None:
    reference = reference_decoder(CONFIG, random_weights())
    tokens = np.random.default_rng(1).integers(0, CONFIG.vocabulary, 20).tolist()
    expected, _ = reference.read([END, *tokens], reference.initial_state())
    outputs, _ = native.read([END, *tokens], native.initial_state())
    assert outputs.shape == (num_outputs(CONFIG),)
    np.testing.assert_allclose(outputs, expected, atol=1e-5 if native.weights.precision == "float32" else 0.1)


def test_a_network_in_torch_puts_out_the_same() -> None:
    torch = pytest.importorskip("torch")
    model = LanguageModel(CONFIG, seed=3)
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    decoder, tokens = reference_decoder(CONFIG, weights), [END, 3, 77, 160, 5]
    expected, _ = decoder.read(tokens, decoder.initial_state())
    with torch.no_grad():
        hidden, _ = model(torch.tensor([tokens]), model.initial_state(1))
        np.testing.assert_allclose(model.logits(hidden[0, -1]).numpy(), expected, atol=1e-5)


SETTINGS = [
    {},
    {"temperature": 0.5},
    {"temperature": 0.0},
    {"top_k": 3},
    {"top_p": 0.7, "temperature": 1.5},
    {"min_p": 0.2},
    {"typical_p": 0.6},
    {"top_n_sigma": 1.0},
    {"min_length": 12},
    {"xtc_probability": 0.5, "xtc_threshold": 0.05},
]


@pytest.mark.parametrize("settings", SETTINGS)
def test_the_compiled_sampler_draws_what_the_plain_loop_draws(settings: dict[str, float]) -> None:
    decoder = native_decoder(CONFIG, random_weights(), "float32")
    if decoder is None:
        pytest.skip("the compiled kernels are off")
    config = SamplingConfig(length=40, seed=3, **settings)
    arguments = {"prompt": [END], "token_bytes": TOKEN_BYTES, "boundary": END, "count": 12}
    fast = list(generate(decoder, config, **arguments))
    plain = list(generate(reference_decoder(CONFIG, random_weights()), config, **arguments))
    assert [sample.tokens for sample in fast] == [sample.tokens for sample in plain]
    assert [sample.finish_reason for sample in fast] == [sample.finish_reason for sample in plain]
    for one, other in zip(fast, plain, strict=True):
        assert one.log_prob == pytest.approx(other.log_prob, abs=1e-4)
        assert one.sampling_log_prob == pytest.approx(other.sampling_log_prob, abs=1e-4)


def test_guided_points_are_those_of_the_plain_loop() -> None:
    native = native_decoder(CONFIG, random_weights(), "float32")
    if native is None:
        pytest.skip("the compiled kernels are off")
    gates = (np.full(48, 0.2, np.float32),)
    bias = ConditionBias(gates, gates, np.linspace(-0.5, 0.5, num_outputs(CONFIG)).astype(np.float32))
    reference = conditioned_reference_decoder(CONFIG, random_weights(), bias)
    plain = GuidedDecoder(reference, reference_decoder(CONFIG, random_weights()), 2.0)
    fast = GuidedDecoder(native.conditioned(bias), native, 2.0)
    arguments = {"prompt": [END], "token_bytes": TOKEN_BYTES, "boundary": END, "count": 4}
    config = SamplingConfig(length=30, temperature=0.7, seed=1)
    expected = [sample.tokens for sample in generate(plain, config, **arguments)]
    assert [sample.tokens for sample in generate(fast, config, **arguments)] == expected


def test_points_far_from_all_components_have_exact_probabilities() -> None:
    """Their probabilities are below the smallest double, and only their logarithms can be computed."""
    config = ModelConfig(
        vocabulary=255 * 255 * 2 + 1,
        factors=(255, 255, 2),
        hidden_sizes=(4,),
        embedding=3,
        head="mixture-density",
        mixtures=2,
    )
    weights = random_weights(config)
    weights["head.bias"][[2, 5]] = -1e7  # no uniform component
    weights["head.bias"][num_choices(config) :] = [-7, -7, -7, -7, -9, -9, -9, -9, 0, 0]
    weights["head.weight"] *= 0
    decoder = native_decoder(config, weights, "float32")
    if decoder is None:
        pytest.skip("the compiled kernels are off")
    token = ((127 + 127) * 255 + 127 + 100) * 2
    streams = decoder.streams(1, 1)
    score = streams.score(np.array([[0]]), np.array([[token]])).log_probs[0, 0]
    outputs = weights["head.bias"]
    logits = outputs[: num_choices(config)].astype(np.float64)
    choices = logits - np.logaddexp.reduce(logits)
    expected = PointMixture(config).log_prob(outputs, token, choices, temperature=1.0)
    assert score == pytest.approx(expected, rel=1e-6)
    assert score < -1000


def test_a_point_that_no_gaussian_expects_has_the_probability_of_the_uniform_component() -> None:
    outputs = random_outputs()
    outputs[num_choices(CONFIG) :] = [-7] * 16 + [0] * 4  # all Gaussians are far away and narrow
    mixture, logits = PointMixture(CONFIG), outputs[: num_choices(CONFIG)].astype(np.float64)
    choices = logits - np.logaddexp.reduce(logits)
    token = (SIZE * SIZE - 1) * 2  # the corner on the right, pen down
    found = mixture.log_prob(outputs, token, choices, temperature=1.0)
    assert found == pytest.approx(choices[4] - 2 * math.log(SIZE))


def test_the_mean_is_drawn_at_temperature_0(native: NativeDecoder) -> None:
    config = SamplingConfig(length=5, temperature=0)
    arguments = {"prompt": [END], "token_bytes": TOKEN_BYTES, "boundary": END}
    (first,) = generate(native, config, **arguments)
    (second,) = generate(native, SamplingConfig(length=5, temperature=0, seed=9), **arguments)
    assert first.tokens == second.tokens
    assert first.sampling_log_prob == 0


def test_the_next_distribution_has_the_probability_of_each_point(native: NativeDecoder) -> None:
    probabilities = next_distribution(native, [END])
    assert probabilities.shape == (CONFIG.vocabulary,)
    assert probabilities.sum() == pytest.approx(1)


def test_conditions_move_the_components() -> None:
    decoder = native_decoder(CONFIG, random_weights(), "float32")
    if decoder is None:
        pytest.skip("the compiled kernels are off")
    random = np.random.default_rng(5)
    gates = (random.normal(0, 0.3, 48).astype(np.float32),)
    bias = ConditionBias(gates, gates, random.normal(0, 0.3, num_outputs(CONFIG)).astype(np.float32))
    reference = conditioned_reference_decoder(CONFIG, random_weights(), bias)
    expected, _ = reference.read([END, 5, 9], reference.initial_state())
    conditioned = decoder.conditioned(bias)
    outputs, _ = conditioned.read([END, 5, 9], conditioned.initial_state())
    np.testing.assert_allclose(outputs, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"repetition_penalty": 1.2}, "`repetition_penalty` acts on the probabilities of tokens"),
        ({"bias": {3: 1.0}}, "`bias` acts on the probabilities of tokens"),
        ({"pattern": "a"}, "`pattern` acts on the probabilities of tokens"),
        ({"beam": 2, "temperature": 0.0}, "`beam` acts on the probabilities of tokens"),
        ({"watermark": "secret"}, "`watermark` acts on the probabilities of tokens"),
        ({"temperature": math.inf}, "`temperature` inf has no meaning for a mixture of Gaussians"),
    ],
)
def test_settings_that_act_on_tokens_are_refused(settings: dict, fault: str) -> None:
    decoder = reference_decoder(CONFIG, random_weights())
    with pytest.raises(ConfigError, match=fault):
        generate(decoder, SamplingConfig(**settings), prompt=[END], token_bytes=TOKEN_BYTES, boundary=END)


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"embedding": 0}, "need an `embedding` above 0"),
        ({"core": "conv"}, "cannot read tokens that consist of parts"),
        ({"vocabulary": 100}, "have more combinations than the 100 tokens"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(settings: dict, fault: str) -> None:
    with pytest.raises(ConfigError, match=fault):
        ModelConfig(**{**CONFIG.to_json(), "hidden_sizes": (4,), **settings})


def test_a_head_that_does_not_fit_the_tokens_is_refused() -> None:
    with pytest.raises(ConfigError, match="the head softmax does not fit tokens with parts"):
        LanguageModel(ModelConfig(vocabulary=163, factors=(9, 9, 2), embedding=4))
    with pytest.raises(ConfigError, match="the head mixture-density does not fit tokens without parts"):
        LanguageModel(ModelConfig(vocabulary=163, head="mixture-density"))
