"""Several tokens a step: the model's own distribution, one text for one seed, and ends within a draft."""

import itertools

import numpy as np
import pytest
from scipy.stats import chisquare

from seqloom.config import ModelConfig
from seqloom.errors import ConfigError, SeqloomError
from seqloom.kernels import native_decoder, reference_decoder
from seqloom.kernels.batched_decoder import BatchedDecoder
from seqloom.kernels.decoding_abi import DraftStatistics
from seqloom.kernels.library import available_kernels, chosen_kernels
from seqloom.kernels.weights import expected_shapes
from seqloom.sampling import SamplingConfig, generate, stream
from seqloom.sampling.chain import apply_chain
from seqloom.sampling.native_engine import start_streams
from seqloom.sampling.request import prepare_request
from seqloom.sampling.transform import Context
from seqloom.sampling.transforms import log_softmax

pytestmark = pytest.mark.skipif(chosen_kernels() is None, reason="the compiled kernels are not there, or off")

CORES = [("conv", (20, 20)), ("lstm", (24, 12)), ("gru", (24,))]


@pytest.fixture(params=available_kernels())
def kernels(request, monkeypatch):
    monkeypatch.setenv("SEQLOOM_KERNELS", request.param)


def model(core="conv", sizes=(20, 20), vocabulary=23, ahead=4, likeness=0.6):
    """A model whose further heads predict somewhat like its first one."""
    config = ModelConfig(vocabulary=vocabulary, core=core, hidden_sizes=sizes, prediction_heads=ahead)
    random = np.random.default_rng(0)
    weights = {}
    for name, shape in expected_shapes(config).items():
        scale = 1.5 / np.sqrt(shape[-1]) if len(shape) > 1 else 0.3
        weights[name] = (scale * random.standard_normal(shape)).astype(np.float32)
    weights["head.weight"] *= 2
    for head in range(ahead - 1):
        for kind in ("weight", "bias"):
            noise = 0.3 * random.standard_normal(weights[f"head.{kind}"].shape).astype(np.float32)
            weights[f"head.ahead.{head}.{kind}"] = likeness * weights[f"head.{kind}"] + noise
    return config, weights


def request_settings(vocabulary=23, **more):
    return {"prompt": [3, 0], "token_bytes": [bytes([97 + token]) for token in range(vocabulary)]} | more


# --- exactness

TEXTS = 4000
CONV, LSTM = ("conv", (20, 20), None), ("lstm", (24,), 4)
CASES = [
    (*CONV, {}),
    (*LSTM, {"temperature": 0.8, "top_p": 0.9}),
    (*CONV, {"temperature": 1.3, "top_k": 4, "repetition_penalty": 1.6, "repetition_window": 3}),
    (*LSTM, {"min_p": 0.05, "typical_p": 0.95, "bias": {1: 1.0}, "ban": ("c",)}),
    (*CONV, {"frequency_penalty": 0.5, "dry_multiplier": 0.8, "dry_allowed_length": 1, "mirostat_tau": 1.5}),
    (*LSTM, {"top_n_sigma": 2.5, "dynatemp_range": 0.5, "xtc_probability": 1.0, "xtc_threshold": 0.35}),
]


@pytest.mark.parametrize(("core", "sizes", "boundary", "options"), CASES)
def test_texts_come_as_often_as_the_plain_decoder_says(core, sizes, boundary, options):
    """Chi-square over 4,000 texts of four tokens, whose probabilities the plain decoder and chain give one by one.

    Six such tests; odds that any of them fails without a fault one in 100,000, were the seeds not fixed.
    """
    config, weights = model(core, sizes, vocabulary=5)
    sampling = SamplingConfig(length=4, seed=11, draft_length=4, **options)
    request = prepare_request(
        native_decoder(config, weights, "float32"), sampling, **request_settings(5, boundary=boundary)
    )
    plain = prepare_request(reference_decoder(config, weights), sampling, **request_settings(5, boundary=boundary))
    expected = dict(enumerated(plain, (), 0.0, plain.logits, plain.state))
    assert sum(expected.values()) == pytest.approx(1, abs=1e-6)
    lanes = start_streams(request, 1, threads=1)
    counts = dict.fromkeys(expected, 0)
    accepted = 0
    for index in range(TEXTS):
        lanes.set_state(0, request.state[0])
        lanes.set_logits(0, request.logits)
        lanes.begin(0, 11, index, np.array(request.prompt[-sampling.repetition_window :], np.int32))
        written = lanes.generate(8)
        text = tuple(written.tokens[0, : written.counts[0]].tolist())
        counts[text] = counts.get(text, 0) + 1
        accepted += lanes.draft_statistics(0).accepted
    assert accepted > TEXTS // 10
    assert not counts.keys() - expected.keys()
    rare = [text for text, share in expected.items() if share < 10 / TEXTS]
    groups = [(counts[text], share) for text, share in expected.items() if share >= 10 / TEXTS]
    if rare:
        groups.append((sum(counts[text] for text in rare), sum(expected[text] for text in rare)))
    result, shares = np.array(groups).T
    assert chisquare(result, TEXTS * shares / shares.sum()).pvalue > 1e-5 / 6


def enumerated(request, tokens, nats, logits, state):
    """Every text that can come, with its probability."""
    history = np.array([*request.prompt, *tokens][-request.config.repetition_window :], np.int64)
    context = Context(
        recent=history[history != request.boundary],
        allowed=np.array([piece.decode() not in request.config.ban for piece in request.token_bytes]),
        num_tokens=len(tokens),
        history=history,
        breakers=request.breakers,
        surprise=-nats / np.log(2),
    )
    drawn_from = log_softmax(apply_chain(request.chain, logits.astype(np.float64), context))
    for token in np.flatnonzero(drawn_from > -50).tolist():
        text, after = (*tokens, token), nats + drawn_from[token]
        if token == request.boundary or len(text) == request.config.length:
            yield text, float(np.exp(after))
        else:
            yield from enumerated(request, text, after, *request.decoder.step(token, state))


def test_the_likeliest_text_is_the_same_with_drafts(kernels):
    for core, sizes in CORES:
        decoder = native_decoder(*model(core, sizes))
        one, more = (
            next(generate(decoder, SamplingConfig(length=200, temperature=0, draft_length=ahead), **request_settings()))
            for ahead in (1, 3)
        )
        assert one.tokens == more.tokens
        assert one.log_prob == pytest.approx(more.log_prob)
        assert more.sampling_log_prob == 0


# --- one seed, one text

SETTINGS = [{}, {"temperature": 0.7, "top_p": 0.9, "repetition_penalty": 1.3}, {"bias": {3: 2.0}, "ban": ("a",)}]


@pytest.mark.parametrize("options", SETTINGS)
@pytest.mark.parametrize(("core", "sizes"), CORES)
def test_the_same_seed_writes_the_same_text_at_any_batch_size(kernels, core, sizes, options):
    """Alone, drafts are read at once with the token before them; side by side, all is read token by token."""
    decoder = native_decoder(*model(core, sizes))
    config = SamplingConfig(length=90, seed=9, draft_length=3, **options)
    together = list(generate(decoder, config, count=9, boundary=5, **request_settings()))
    for index, sample in enumerate(together):
        (alone,) = generate(decoder, config, count=1, first_index=index, boundary=5, **request_settings())
        assert alone == sample
        assert "".join(stream(decoder, config, index=index, boundary=5, **request_settings())) == sample.text


@pytest.mark.parametrize("sizes", [(40, 40), (300, 300)])
def test_threads_and_chunks_change_nothing(sizes):
    request = prepare_request(
        native_decoder(*model(sizes=sizes)), SamplingConfig(length=300, draft_length=4), **request_settings()
    )
    texts = []
    for threads, chunks in itertools.product((1, 2, 3), ([300], itertools.cycle([1, 2, 7, 30]))):
        lanes, tokens = start_streams(request, 1, threads=threads), []
        for most in chunks:
            written = lanes.generate(most)
            assert written.counts[0] <= most
            tokens += written.tokens[0, : written.counts[0]].tolist()
            if written.endings[0]:
                break
            if most == 300:
                chunks.append(300)
        texts.append(tokens)
    assert len(texts[0]) == 300
    assert all(tokens == texts[0] for tokens in texts)


def test_lanes_that_are_copied_go_on_with_their_drafts():
    request = prepare_request(native_decoder(*model()), SamplingConfig(length=50, draft_length=4), **request_settings())
    lanes = start_streams(request, 2, threads=1)
    lanes.generate(7)
    before = lanes.distribution(1)
    lanes.reorder(np.array([1, 1]))
    np.testing.assert_array_equal(lanes.distribution(0), before)
    assert (lanes.generate(43).endings == 1).all()


# --- ends


@pytest.mark.parametrize("length", range(1, 9))
def test_a_text_ends_at_its_length_within_a_draft(length):
    decoder = native_decoder(*model(likeness=1.0))
    complete = next(generate(decoder, SamplingConfig(length=40, temperature=0, draft_length=4), **request_settings()))
    cut = next(generate(decoder, SamplingConfig(length=length, temperature=0, draft_length=4), **request_settings()))
    assert (cut.tokens, cut.finish_reason) == (complete.tokens[:length], "length")


def test_texts_end_at_the_boundary_and_at_stop_strings_as_without_drafts():
    decoder = native_decoder(*model(likeness=1.0))
    greedy = {"length": 60, "temperature": 0.0}
    path = next(generate(decoder, SamplingConfig(**greedy, draft_length=1), **request_settings())).tokens
    for token in dict.fromkeys(path):
        for options in ({"min_length": 0}, {"min_length": 5}, {"stop": (chr(97 + token),)}):
            boundary = None if "stop" in options else token
            one, more = (
                next(
                    generate(
                        decoder,
                        SamplingConfig(**greedy, **options, draft_length=ahead),
                        **request_settings(boundary=boundary),
                    )
                )
                for ahead in (1, 4)
            )
            assert (one.tokens, one.text, one.finish_reason) == (more.tokens, more.text, more.finish_reason)


# --- what drafts are told of, and refused


def test_a_sample_says_how_its_drafts_fared():
    decoder = native_decoder(*model())
    sample = next(generate(decoder, SamplingConfig(length=2000, draft_length=3), **request_settings()))
    stats = sample.speculative
    assert 1 < stats.tokens_per_step < 3
    assert 0 < stats.acceptance < 1
    assert stats.gain is None or stats.gain > 0  # a busy machine may leave one of the two speeds unmeasured
    assert next(generate(decoder, SamplingConfig(length=20, draft_length=1), **request_settings())).speculative is None
    sure = native_decoder(*steady())
    result = next(
        generate(sure, SamplingConfig(length=300, temperature=0, draft_length=3), **request_settings())
    ).speculative
    assert result.acceptance == 1
    assert result.tokens_per_step == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize(("gain", "expected"), [(1.5, 1.5), (0.25, 0.25), (0.0, None)])
def test_the_gain_is_the_measured_one(monkeypatch, gain, expected):
    """Speeds are measured by the clock; here the kernels' report is replaced, so that the clock does not matter."""
    monkeypatch.setattr(BatchedDecoder, "draft_statistics", lambda self, lane: DraftStatistics(10, 25, 20, 15, gain))
    decoder = native_decoder(*model())
    stats = next(generate(decoder, SamplingConfig(length=5, draft_length=3), **request_settings())).speculative
    assert (stats.tokens_per_step, stats.acceptance, stats.gain) == (2.5, 0.75, expected)


def steady():
    """A model that writes one token for ever, as all its heads say."""
    config, weights = model()
    for name in weights:
        if name.startswith("head."):
            weights[name] *= 0
        if name.startswith("head.") and name.endswith("bias"):
            weights[name][7] = 5
    return config, weights


def test_only_frequent_tokens_of_a_large_vocabulary_are_drafted(kernels):
    """Drafts keep to some tokens; what is written does not."""
    config, weights = model("lstm", (8,), vocabulary=2000)
    weights["head.bias"] = np.zeros(2000, np.float32)
    weights["head.bias"][1000:1400] = 1
    decoder = native_decoder(config, weights, "float32")
    sampling = SamplingConfig(length=4000, seed=2, draft_length=2, repetition_penalty=1.1)
    ask = {"prompt": [1], "token_bytes": [b"x"] * 2000}
    (sample,) = generate(decoder, sampling, **ask)
    assert sample.speculative.acceptance > 0.2
    assert len(set(sample.tokens)) > 1000
    assert next(generate(decoder, sampling, count=2, **ask)) == sample


def test_more_than_the_model_has_is_refused():
    decoder = native_decoder(*model(ahead=3))
    with pytest.raises(ConfigError, match="`draft_length` got 4: this model was trained to predict 3 tokens at once"):
        generate(decoder, SamplingConfig(draft_length=4), **request_settings())
    with pytest.raises(ConfigError, match="`draft_length` got 2: this model has no further prediction heads"):
        stream(native_decoder(*model(ahead=1)), SamplingConfig(draft_length=2), **request_settings())
    with pytest.raises(ConfigError, match="`draft_length` 2 drafts tokens, which cannot be combined with `pattern`"):
        generate(decoder, SamplingConfig(draft_length=2, pattern="[a-f]*"), **request_settings())
    with pytest.raises(ConfigError, match="`draft_length` 2 drafts tokens, which needs the compiled kernels"):
        generate(reference_decoder(*model(ahead=3)), SamplingConfig(draft_length=2), **request_settings())
    with pytest.raises(ConfigError, match="`draft_length` got 0"):
        SamplingConfig(draft_length=0)
    with pytest.raises(ConfigError, match="`beam` and `draft_length` contradict"):
        SamplingConfig(draft_length=2, beam=3)


def test_heads_that_have_diverged_are_told_only_where_the_text_hangs_on_them():
    config, weights = model()
    weights["head.ahead.0.weight"][...] = 3e38
    weights["head.ahead.0.bias"][...] = 3e38
    decoder = native_decoder(config, weights, "float32")
    assert len(next(generate(decoder, SamplingConfig(length=30, draft_length=3), **request_settings())).tokens) == 30
    weights["head.weight"][...] = 3e38
    weights["head.bias"][...] = 3e38
    with pytest.raises(SeqloomError, match="NaN or infinity"):
        list(generate(native_decoder(config, weights, "float32"), SamplingConfig(draft_length=3), **request_settings()))
