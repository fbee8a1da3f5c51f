"""Writing in the compiled kernels: the chain against its plain twin, and one text for one seed at any batch size."""

import itertools
import math
import signal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from tests.sampling.conftest import with_effect

from seqloom.config import ModelConfig
from seqloom.errors import SeqloomError
from seqloom.kernels import native_decoder, reference_decoder
from seqloom.kernels.batched_decoder import Chunk
from seqloom.kernels.decoding_abi import decoding_library
from seqloom.kernels.library import available_kernels, chosen_kernels
from seqloom.kernels.weights import expected_shapes
from seqloom.sampling import SamplingConfig, generate, native_engine, stream
from seqloom.sampling.chain import apply_chain, build_chain
from seqloom.sampling.native_engine import start_streams, supports_native
from seqloom.sampling.request import prepare_request
from seqloom.sampling.rng import uniforms
from seqloom.sampling.transform import Context
from seqloom.sampling.transforms import log_softmax

pytestmark = pytest.mark.skipif(chosen_kernels() is None, reason="the compiled kernels are not there, or off")

LETTERS = [bytes([97 + token]) for token in range(23)]
REQUEST = {"prompt": [3, 0], "token_bytes": LETTERS}


@pytest.fixture(params=available_kernels())
def kernels(request, monkeypatch):
    monkeypatch.setenv("SEQLOOM_KERNELS", request.param)


def model(vocabulary=23, sizes=(48,), core="lstm", sharpness=2.5):
    config = ModelConfig(vocabulary=vocabulary, core=core, hidden_sizes=sizes)
    random = np.random.default_rng(0)
    weights = {}
    for name, shape in expected_shapes(config).items():
        scale = 1.5 / np.sqrt(shape[-1]) if len(shape) > 1 else 0.1
        weights[name] = (scale * random.standard_normal(shape)).astype(np.float32)
    weights["head.weight"] *= sharpness
    return config, weights


# --- draws


@pytest.mark.parametrize(("seed", "index"), [(0, 0), (7, 2), (2**64 - 1, 2**64 - 1), (12345, 10**12)])
def test_uniforms_are_those_of_the_plain_loop(seed, index):
    result = np.empty(1000)
    decoding_library().seqloom_uniforms(seed, index, len(result), result.ctypes.data)
    assert result.tolist() == list(itertools.islice(uniforms(seed, index), len(result)))


def test_draws_follow_the_distribution(kernels):
    """Chi-square over 10,000 samples' first tokens; odds of a false alarm one in a million, were the seed not fixed."""
    request = prepare_request(native_decoder(*model()), SamplingConfig(temperature=0.8, top_k=12, length=1), **REQUEST)
    lanes = start_streams(request, 1)
    probabilities = np.exp(lanes.distribution(0))
    counts = np.zeros(23)
    for index in range(10_000):
        lanes.begin(0, 11, index, np.zeros(0, int))
        counts[lanes.generate(1).tokens[0, 0]] += 1
    probabilities /= probabilities.sum()
    possible = probabilities > 0
    assert possible.sum() == 12
    assert not counts[~possible].any()
    assert chisquare(counts[possible], 10_000 * probabilities[possible]).pvalue > 1e-6


# --- the chain

CHAINS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0.0, 1e-30, 0.05, 0.5, 1.0, 1.7, 50.0, 1e30, math.inf]),
        "top_k": st.sampled_from([1, 2, 7, 23, 1000]),
        "top_p": st.sampled_from([0.01, 0.33, 0.77, 0.991]),
        "min_p": st.sampled_from([0.003, 0.13, 0.71, 1.0]),
        "typical_p": st.sampled_from([0.013, 0.41, 0.83]),
        "repetition_penalty": st.sampled_from([0.3, 1.2, 5.0, 50.0]),
        "repetition_window": st.sampled_from([1, 3, 1000]),
        "frequency_penalty": st.sampled_from([-0.7, 0.4, 60.0]),
        "presence_penalty": st.sampled_from([-2.0, 0.9, 100.0]),
        "dry_multiplier": st.sampled_from([0.8, 30.0, 1e300]),
        "dry_base": st.sampled_from([1.0, 1.75, 1e300]),
        "dry_allowed_length": st.sampled_from([1, 2, 10**20]),
        "dry_breaker": st.sampled_from([(), ("c", "f")]),
        "top_n_sigma": st.sampled_from([1e-9, 0.7, 1.5, 1e300]),
        "dynatemp_range": st.sampled_from([0.3, 2.0, 100.0]),
        "dynatemp_exponent": st.sampled_from([0.0, 0.5, 3.0]),
        "xtc_probability": st.sampled_from([0.5, 1.0]),
        "xtc_threshold": st.sampled_from([1e-5, 0.037, 0.21]),
        "mirostat_tau": st.sampled_from([1e-30, 0.61, 2.3, 100.0]),
        "bias": st.dictionaries(st.integers(0, 22), st.sampled_from([-3.0, 0.5, 20.0]), max_size=3),
        "ban": st.sampled_from([("a",), ("b", "c", "d"), tuple("abcdefghijklmnopqrstuv")]),
        "min_length": st.sampled_from([0, 1]),
    },
)


@settings(max_examples=400, deadline=None)
@given(CHAINS, st.integers(0, 10**6), st.sampled_from([0.1, 3.0, 30.0]), st.sampled_from([None, 5]))
def test_the_chain_is_its_plain_twin(options, seed, spread, boundary):
    random = np.random.default_rng(seed)
    logits = (spread * random.standard_normal(23)).astype(np.float32)
    logits[random.integers(0, 23, 6)] = logits[0]  # ties
    config = SamplingConfig(**with_effect(options), length=30)
    # Often with repeats.
    prompt = random.integers(0, random.choice([2, 4, 23]), 12).tolist()
    request = prepare_request(DECODER, config, prompt=prompt, token_bytes=LETTERS, boundary=boundary)
    assert supports_native(request)
    lanes = start_streams(request, 1)
    lanes.set_logits(0, logits)
    result = lanes.distribution(0)

    allowed = np.array([piece.decode() not in config.ban for piece in LETTERS])
    if boundary is not None:
        allowed[boundary] = config.min_length == 0
    history = np.array(prompt[-config.repetition_window :], np.int64)
    context = Context(history[history != boundary], allowed, history=history, breakers=request.breakers)
    expected = log_softmax(apply_chain(build_chain(config, 23), logits.astype(np.float64), context))
    kept, wanted_kept = np.isfinite(result), expected > -60
    mass = np.exp(expected[wanted_kept & ~kept]).sum()
    is_near_a_threshold = near_a_threshold(config, logits, context)
    assert mass < 1e-6 or is_near_a_threshold
    if not is_near_a_threshold:
        assert (kept >= wanted_kept).all()
        assert np.exp(result[kept & ~np.isfinite(expected)]).sum() < 1e-6
        np.testing.assert_allclose(np.exp(result), np.exp(expected), rtol=3e-4, atol=1e-7)


def near_a_threshold(config, logits, context):
    """Whether thresholds that are moved by what single precision cannot tell keep other tokens."""
    sets = set()
    for step in (-3e-6, 0.0, 3e-6):
        moved = {
            name: min(1.0, max(1e-9, value + step if name != "min_p" else value * (1 + step)))
            for name in ("top_p", "typical_p", "min_p")
            if 0 < (value := getattr(config, name)) < (1 if name != "min_p" else 2)
        }
        relative = {
            "top_n_sigma": math.inf,
            "mirostat_tau": 100,
            **({"xtc_threshold": 1} if config.xtc_probability else {}),
        }
        moved |= {name: min(getattr(config, name) * (1 + step), most) for name, most in relative.items()}
        for shake in (0, 1, 2):
            noise = 1 + 3e-7 * np.random.default_rng(shake).standard_normal(len(logits)) * (shake > 0)
            other = SamplingConfig(**{**config.__dict__, **moved})
            left = apply_chain(build_chain(other, len(logits)), logits.astype(float) * noise, context)
            sets.add(tuple(np.isfinite(left)))
    return len(sets) > 1 or has_typical_tie(config, logits, context)


def has_typical_tie(config, logits, context):
    """Whether single precision cannot tell which tokens are the most typical: two tokens of almost equal probability
    are almost equally far from the entropy, one above and one below it."""
    later = {"typical_p", "top_p", "min_p", "xtc_probability", "xtc_threshold", "mirostat_tau", "mirostat_eta"}
    before = SamplingConfig(**{name: value for name, value in config.__dict__.items() if name not in later})
    left = apply_chain(build_chain(before, len(logits)), logits.astype(float), context)
    log_probs = log_softmax(left[np.isfinite(left)])
    distances = np.sort(np.abs(log_probs - (np.exp(log_probs) * log_probs).sum()))
    gaps = np.diff(distances)  # 0 between equal tokens, which all implementations keep in the order of their ids
    return config.typical_p < 1 and bool(((gaps > 0) & (gaps < 1e-6)).any())


def test_ties_at_every_threshold_keep_the_lower_ids(kernels):
    request = prepare_request(DECODER, SamplingConfig(top_p=0.3), **REQUEST)
    for options, expected in (
        ({"top_p": 0.3}, 7),
        ({"top_k": 4}, 4),
        ({"typical_p": 5 / 23}, 5),
        ({"min_p": 1.0}, 23),
        ({"temperature": 0.0}, 1),
        ({"top_p": 10 / 23, "top_k": 15}, 7),
    ):
        request = prepare_request(native_decoder(*model()), SamplingConfig(**options), **REQUEST)
        lanes = start_streams(request, 1)
        lanes.set_logits(0, np.full(23, 1.7, np.float32))
        assert np.isfinite(lanes.distribution(0)).tolist() == [token < expected for token in range(23)], options


@pytest.mark.parametrize(
    "options",
    [
        {"top_p": 0.9},
        {"typical_p": 0.7},
        {"top_k": 400, "min_p": 0.01},
        {"top_n_sigma": 2.2, "dynatemp_range": 0.5},
        {"frequency_penalty": 0.5, "xtc_probability": 1, "xtc_threshold": 0.002},
        {"mirostat_tau": 5.5},
    ],
)
def test_the_chain_on_a_large_vocabulary(kernels, options):
    size = 3001
    decoder = native_decoder(*model(vocabulary=size, sizes=(8,)))
    config = SamplingConfig(**options, temperature=0.9)
    request = prepare_request(decoder, config, prompt=[1], token_bytes=[b"x"] * size)
    lanes = start_streams(request, 1)
    logits = np.random.default_rng(4).standard_normal(size).astype(np.float32)
    lanes.set_logits(0, logits)
    result = lanes.distribution(0)
    recent = np.array([1])
    expected = log_softmax(apply_chain(build_chain(config, size), logits.astype(float), Context(recent, None)))
    differing = np.isfinite(result) != np.isfinite(expected)
    assert differing.sum() <= 2
    np.testing.assert_allclose(np.exp(result[~differing]), np.exp(expected[~differing]), rtol=1e-3)


# --- whole samples

WHOLE = [
    {},
    {"temperature": 0.5},
    {"temperature": 0.0},
    {"temperature": math.inf},
    {"top_p": 0.9, "min_p": 0.02, "repetition_penalty": 1.2},
    {"top_k": 5, "repetition_penalty": 1.5, "repetition_window": 3},
    {"ban": ("a", "k"), "bias": {3: 1.0}},
    {"stop": ("ca", "f"), "min_length": 9},
    {"stop": ("abcd", "e", "de")},
    {"frequency_penalty": 0.4, "presence_penalty": 0.3, "repetition_window": 9},
    {"temperature": 0.0, "dry_multiplier": 2.0, "dry_breaker": ("k",)},
    {"temperature": 0.4, "dry_multiplier": 0.8, "repetition_window": 30, "repetition_penalty": 1.1},
    {"top_n_sigma": 1.0, "temperature": 1.5},
    {"dynatemp_range": 0.6, "dynatemp_exponent": 1.5, "min_p": 0.02},
    {"xtc_probability": 0.5, "xtc_threshold": 0.08},
    {"mirostat_tau": 2.0, "mirostat_eta": 0.2},
    {"temperature": 0.7, "frequency_penalty": 0.1, "dry_multiplier": 0.8, "top_n_sigma": 2.5, "dynatemp_range": 0.2,
     "top_k": 20, "top_p": 0.98, "xtc_probability": 0.3, "mirostat_tau": 2.5, "repetition_penalty": 1.05},
]  # fmt: skip


@pytest.mark.parametrize("options", WHOLE)
@pytest.mark.parametrize("boundary", [None, 5])
def test_samples_are_those_of_the_plain_loop(kernels, options, boundary):
    config, weights = model()
    sampling = SamplingConfig(length=70, seed=3, **options)
    ask = REQUEST | {"boundary": boundary}
    expected = list(generate(reference_decoder(config, weights), sampling, count=4, **ask))
    decoder = native_decoder(config, weights, "float32")
    assert supports_native(prepare_request(decoder, sampling, **ask))
    result = list(generate(decoder, sampling, count=4, **ask))
    for one, other in zip(result, expected, strict=True):
        assert (one.index, one.tokens, one.text) == (other.index, other.tokens, other.text)
        assert (one.finish_reason, one.seed, one.matched) == (other.finish_reason, other.seed, other.matched)
        assert one.log_prob == pytest.approx(other.log_prob, abs=2e-3)
        assert one.sampling_log_prob == pytest.approx(other.sampling_log_prob, abs=2e-3)
    assert "".join(stream(decoder, sampling, index=2, **ask)) == expected[2].text


SPELLED = [b"a", b"b", b"\xc3", b"\xa9", "é\n".encode(), b"ab", b""]


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 1000),
    st.integers(1, 60),
    st.integers(0, 20),
    st.lists(st.sampled_from(["a", "ba", "é", "\n", "bab", "abab", "é\na"]), max_size=3).map(tuple),
)
def test_text_of_several_bytes_a_token(seed, length, min_length, stop):
    config, weights = model(vocabulary=7, sizes=(6,), sharpness=1.0)
    sampling = SamplingConfig(seed=seed, length=length, min_length=min(length, min_length), stop=stop)
    ask = {"prompt": [6, 0], "token_bytes": SPELLED, "boundary": 6}
    (expected,) = generate(reference_decoder(config, weights), sampling, **ask)
    decoder = native_decoder(config, weights, "float32")
    (result,) = generate(decoder, sampling, **ask)
    assert (result.tokens, result.text, result.finish_reason) == (
        expected.tokens,
        expected.text,
        expected.finish_reason,
    )
    assert result.log_prob == pytest.approx(expected.log_prob, abs=1e-3)
    pieces = list(stream(decoder, sampling, **ask))
    assert "".join(pieces) == result.text
    assert all(pieces)


@pytest.mark.parametrize(
    "options",
    [
        {"xtc_probability": 0.4, "mirostat_tau": 2.2, "frequency_penalty": 0.2},
        {"dry_multiplier": 1.0, "dynatemp_range": 0.5, "top_n_sigma": 2.0},
    ],
)
def test_samples_with_a_state_do_not_depend_on_the_batch(options):
    """More samples than streams, so that a stream that has finished a text begins another one."""
    decoder = native_decoder(*model(), "float32")
    config = SamplingConfig(length=40, seed=4, **options)
    many = list(generate(decoder, config, count=300, boundary=5, **REQUEST))
    for index in (0, 1, 255, 256, 299):
        assert list(generate(decoder, config, first_index=index, boundary=5, **REQUEST)) == [many[index]]
    weights = model()
    (expected,) = generate(reference_decoder(*weights), config, first_index=299, boundary=5, **REQUEST)
    assert expected.tokens == many[299].tokens
    others = generate(decoder, SamplingConfig(length=40, seed=4), count=300, boundary=5, **REQUEST)
    assert sum(one.tokens != other.tokens for one, other in zip(many, others, strict=True)) > 200


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_the_same_seed_writes_the_same_text_at_any_batch_size(precision):
    """Over 600,000 characters: 256 side by side on all processors, and in batches of 1, 2, 3, 5 and more."""
    decoder = native_decoder(*model(), precision)
    config = SamplingConfig(length=800, seed=9, temperature=0.7, top_p=0.95, repetition_penalty=1.1)
    together = list(generate(decoder, config, count=256, **REQUEST))
    assert sum(len(sample.tokens) for sample in together) == 256 * 800
    first = 0
    for count in itertools.cycle((1, 2, 3, 5, 8, 21)):
        count = min(count, 256 - first)
        apart = list(generate(decoder, config, count=count, first_index=first, **REQUEST))
        assert apart == together[first : first + count]
        first += count
        if first == 256:
            break


def test_a_lane_that_has_finished_takes_the_next_sample():
    """Texts end at the boundary at very different lengths, and more are asked for than there are lanes."""
    decoder = native_decoder(*model())
    config = SamplingConfig(length=40, seed=1)
    many = list(generate(decoder, config, count=700, boundary=5, **REQUEST))
    assert [sample.index for sample in many] == list(range(700))
    assert {sample.finish_reason for sample in many} == {"end", "length"}
    for index in (0, 255, 256, 257, 699):
        assert list(generate(decoder, config, count=1, first_index=index, boundary=5, **REQUEST)) == [many[index]]


# --- what is left to the plain loop, and faults


@pytest.mark.parametrize(
    "options",
    [
        {"pattern": "[a-f]*"},
        {"ban": ("ab",)},
        {"bias": {0: 1e6}},
        {"ban": tuple(map(chr, range(97, 120)))},
        {"xtc_probability": 0.5, "xtc_threshold": 1e-9},
    ],
)
def test_what_hangs_on_the_text_is_left_to_the_plain_loop(options):
    config, weights = model()
    sampling = SamplingConfig(length=40, **options)
    decoder = native_decoder(config, weights, "float32")
    assert not supports_native(prepare_request(decoder, sampling, **REQUEST))
    (expected,) = generate(reference_decoder(config, weights), sampling, **REQUEST)
    (result,) = generate(decoder, sampling, **REQUEST)
    assert (result.text, result.finish_reason) == (expected.text, expected.finish_reason)


def test_weights_that_have_diverged_are_told(kernels):
    config, weights = model()
    weights["head.weight"][...] = 3e38
    weights["head.bias"][...] = 3e38
    weights["core.layers.0.bias"][...] = 20.0
    decoder = native_decoder(config, weights, "float32")
    with pytest.raises(SeqloomError, match="the model's output contains NaN or infinity"):
        list(generate(decoder, SamplingConfig(), **REQUEST))
    request = prepare_request(decoder, SamplingConfig(), **REQUEST)
    assert start_streams(request, 1).distribution(0) is None


def test_writing_can_be_interrupted():
    decoder = native_decoder(*model())

    def interrupt(_signal, _frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    try:
        with pytest.raises(KeyboardInterrupt):
            list(generate(decoder, SamplingConfig(length=10**9), count=8, **REQUEST))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class FakeStreams:
    """Streams of a machine with a known speed, which changes during generation, and a clock of its own."""

    def __init__(self, tokens_per_second):
        self.tokens_per_second = tokens_per_second
        self.now = 0.0
        self.chunks = []

    def perf_counter(self):
        return self.now

    def generate(self, max_tokens):
        seconds = max_tokens / self.tokens_per_second(self.now)
        self.now += seconds
        self.chunks.append((max_tokens, seconds))
        return Chunk(np.zeros((1, 0)), np.zeros((2, 1, 0)), np.zeros(1), np.zeros(1, np.int32))


@pytest.mark.parametrize("speed", [5, 40, 300, 10**6])
def test_an_interrupt_waits_for_at_most_one_short_chunk(monkeypatch, speed):
    """A chunk takes at most 0.2 s, or one token; after a machine has become slow, the next chunks are shortened."""
    streams = FakeStreams(lambda now: speed if now < 1 else speed / 8)
    monkeypatch.setattr(native_engine, "time", streams)
    for _ in itertools.islice(native_engine._chunks(streams, 1), 300):
        pass
    begun = itertools.accumulate((seconds for _, seconds in streams.chunks), initial=0.0)
    fast = [chunk for chunk, start in zip(streams.chunks, begun, strict=False) if start + chunk[1] < 1]
    assert all(tokens == 1 or seconds <= 0.2 for tokens, seconds in fast)
    assert all(tokens == 1 or seconds <= 0.2 for tokens, seconds in streams.chunks[-50:])
    assert max(tokens for tokens, _ in streams.chunks) <= 256
    assert speed < 10**6 or streams.chunks[-1][0] == 256


def test_the_first_piece_comes_long_before_the_last():
    decoder = native_decoder(*model())
    pieces = stream(decoder, SamplingConfig(length=10**7), **REQUEST)
    assert len(next(pieces)) == 1
    assert len(next(pieces)) <= 4
    pieces.close()


DECODER = native_decoder(*model(), "float32") if available_kernels() else None
