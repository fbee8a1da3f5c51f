"""Lanes side by side: each as if it were alone, and moved about."""

import numpy as np
import pytest

from seqloom.kernels import native_decoder
from seqloom.kernels.decoding_abi import SamplingSettings
from seqloom.kernels.library import available_kernels

pytestmark = pytest.mark.skipif(not available_kernels(), reason="the compiled kernels are not there")

TOKENS = np.random.default_rng(5).integers(0, 19, 30)
DRAWING = {"temperature": 1.0, "top_p": 1.0, "typical_p": 1.0, "repetition_penalty": 1.0, "boundary": -1}

CORES = [("lstm", (33, 12)), ("gru", (40,)), ("conv", (20, 20))]


@pytest.fixture(params=available_kernels(), autouse=True)
def kernels(request, monkeypatch):
    monkeypatch.setenv("SEQLOOM_KERNELS", request.param)


@pytest.fixture
def decoder(make):
    def made(core, sizes, precision=None, **settings):
        return native_decoder(*make(core, hidden_sizes=sizes, vocabulary=19, scale=0.3, **settings), precision)

    return made


def sampling(length=50, **settings):
    return SamplingSettings(**(DRAWING | {"length": length, "repetition_window": 8} | settings))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("core", "sizes"), CORES)
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_a_lane_predicts_what_a_single_stream_does(decoder, core, sizes, precision, threads):
    if core == "conv" and precision == "int8":
        pytest.skip("a convolution has no eight bits")
    model = decoder(core, sizes, precision)
    for count in (1, 3, 37):
        lanes, state = model.streams(count, threads), model.initial_state()
        for token in TOKENS[:12]:
            tokens = np.full(count, (token + 1) % 19, np.int32)
            tokens[count - 1] = token
            lanes.step(tokens)
            logits, state = model.step(int(token), state)
            np.testing.assert_array_equal(lanes.logits(count - 1), logits)


@pytest.mark.parametrize(("core", "sizes"), [("lstm", (256, 128)), ("conv", (256, 256))])
def test_threads_that_take_steps_together_write_the_same(decoder, core, sizes):
    """Weights of more than half a megabyte: two threads share the columns of one lane, once they have tried."""
    model, texts = decoder(core, sizes, "float32"), []
    assert model.weights.weight_bytes > 500_000
    for threads in (1, 2, 3):
        lanes, tokens = model.streams(1, threads), []
        lanes.set_sampling(sampling(length=600))
        lanes.begin(0, 3, 0, np.array([1]))
        while len(tokens) < 600:
            chunk = lanes.generate(4 if len(tokens) < 8 else 100)
            assert chunk.counts[0] > 0
            tokens += chunk.tokens[0, : chunk.counts[0]].tolist()
        texts.append(tokens)
    assert texts[0] == texts[1] == texts[2]


@pytest.mark.parametrize(("core", "sizes"), [*CORES, ("conv", (8, 12, 16, 16))])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_tokens_read_at_once_are_tokens_read_one_by_one(decoder, core, sizes, precision):
    if core == "conv" and precision == "int8":
        pytest.skip("a convolution has no eight bits")
    model = decoder(core, sizes, precision)
    at_once, one_by_one, tokens = model.streams(2, 1), model.streams(1, 1), TOKENS
    for count, kept in [(1, 1), (3, 3), (5, 2), (5, 1), (7, 7), (2, 1), (6, 5)]:
        found = at_once.read_with_logits(1, tokens[:count], kept)
        for place, token in enumerate(tokens[:count]):
            one_by_one.step(np.array([token]))
            np.testing.assert_array_equal(found[place], one_by_one.logits(0))
            if place == kept - 1:
                state = one_by_one.state(0)
        one_by_one.set_state(0, state)
        np.testing.assert_array_equal(at_once.state(1), state)
        np.testing.assert_array_equal(at_once.logits(1), found[kept - 1])
        tokens = tokens[kept:]
    with pytest.raises(ValueError, match="3 of 2 tokens"):
        at_once.read_with_logits(0, TOKENS[:2], 3)


def test_a_lane_can_stand_still(decoder):
    lanes = decoder("lstm", (20,)).streams(2)
    lanes.step(np.array([3, 4]))
    before = lanes.state(1), lanes.logits(1)
    lanes.step(np.array([5, -1]))
    np.testing.assert_array_equal(lanes.state(1), before[0])
    np.testing.assert_array_equal(lanes.logits(1), before[1])


@pytest.mark.parametrize(("core", "sizes"), CORES)
def test_lanes_can_be_copied_and_reordered(decoder, core, sizes):
    lanes = decoder(core, sizes).streams(4, 2)
    for token in TOKENS:
        lanes.step((token + np.arange(4)) % 19)
    states, logits = [lanes.state(lane) for lane in range(4)], [lanes.logits(lane) for lane in range(4)]
    lanes.reorder(np.array([2, 0, 2, 1]))
    for lane, source in enumerate([2, 0, 2, 1]):
        np.testing.assert_array_equal(lanes.state(lane), states[source])
        np.testing.assert_array_equal(lanes.logits(lane), logits[source])
    lanes.step(np.array([1, 1, 1, 2]))
    np.testing.assert_array_equal(lanes.logits(0), lanes.logits(2))
    assert abs(lanes.logits(0) - lanes.logits(1)).max() > 0


def test_copies_draw_on_their_own_but_remember_what_the_original_wrote(decoder):
    model = decoder("gru", (20,))
    lanes = model.streams(3)
    lanes.set_sampling(sampling(repetition_penalty=1.5))
    for lane in range(3):
        lanes.begin(lane, 7, lane, np.array([3]))
    lanes.generate(10)
    alone = lanes.distribution(1)
    lanes.reorder(np.array([1, 1, 1]))
    np.testing.assert_array_equal(lanes.distribution(0), alone)
    written = lanes.generate(20).tokens
    assert len({tuple(row) for row in written}) == 3


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("drafts", [1, 3])
def test_streams_with_settings_of_their_own_draw_what_they_draw_alone(make, threads, drafts):
    """A stream joins and leaves while others run, with another temperature, filter, bias and penalty than these."""
    config, weights = make("lstm", hidden_sizes=(24,), vocabulary=19, scale=0.3, prediction_heads=3)
    random = np.random.default_rng(1)
    for head in range(2):
        for part, shape in (("weight", (19, 24)), ("bias", (19,))):
            weights[f"head.ahead.{head}.{part}"] = 0.3 * random.standard_normal(shape).astype(np.float32)
    model = native_decoder(config, weights, "float32")
    bias = np.zeros(19, np.float32)
    bias[4] = -np.inf
    requests = [
        (sampling(length=30, temperature=0.7, tokens_per_step=drafts), None),
        (sampling(length=17, top_k=5, boundary=2), None),
        (sampling(length=40, repetition_penalty=1.4, tokens_per_step=drafts), bias),
        (sampling(length=12, temperature=0.0), None),
    ]
    expected = []
    for index, (settings, its_bias) in enumerate(requests):
        alone = model.streams(1, 1)
        alone.set_sampling(settings, its_bias)
        alone.begin(0, 11, index, np.array([1]))
        expected.append(alone.generate(50).tokens[0, : settings.length].tolist())
    together, texts = model.streams(2, threads), {index: [] for index in range(4)}
    waiting, running = list(range(4)), {}
    while waiting or running:
        for stream in {0, 1} - running.keys():
            if waiting:
                running[stream] = index = waiting.pop(0)
                together.clear(stream)
                together.set_stream_sampling(stream, *requests[index])
                together.begin(stream, 11, index, np.array([1]))
        chunk = together.generate(5)
        for stream, index in list(running.items()):
            texts[index] += chunk.tokens[stream, : chunk.counts[stream]].tolist()
            if chunk.endings[stream]:
                del running[stream]
    for index, text in texts.items():
        assert text == expected[index][: len(text)]
        assert len(text) == requests[index][0].length or text[-1] == 2


@pytest.mark.parametrize(("core", "gates"), [("lstm", 4), ("gru", 3), ("conv", 2)])
def test_biases_of_lanes_act_like_biases_of_the_model(make, core, gates):
    config, weights = make(core, hidden_sizes=(12, 9), embedding=5, vocabulary=19, scale=0.4)
    lanes = native_decoder(config, weights, "float32").streams(3)
    random = np.random.default_rng(0)
    on_gates = [random.standard_normal((3, gates * size)).astype(np.float32) for size in (12, 9)]
    on_logits = random.standard_normal((3, 19)).astype(np.float32)
    for layer, bias in enumerate(on_gates):
        lanes.set_gate_bias(layer, bias)
    lanes.set_logit_bias(on_logits)
    for token in TOKENS:
        lanes.step(np.full(3, token))
    for lane in range(3):
        folded = dict(weights) | {
            f"core.layers.{layer}.bias": weights[f"core.layers.{layer}.bias"] + bias[lane]
            for layer, bias in enumerate(on_gates)
        }
        folded["head.bias"] = weights["head.bias"] + on_logits[lane]
        other = native_decoder(config, folded, "float32")
        logits, _ = other.read(TOKENS.tolist(), other.initial_state())
        np.testing.assert_allclose(lanes.logits(lane), logits, atol=2e-5)


def test_biases_can_be_taken_away(decoder):
    model = decoder("lstm", (12,))
    lanes, plain = model.streams(1), model.streams(1)
    lanes.set_gate_bias(0, np.ones((1, 48), np.float32))
    lanes.set_logit_bias(np.ones((1, 19), np.float32))
    lanes.set_gate_bias(0, None)
    lanes.set_logit_bias(None)
    for each in (lanes, plain):
        each.step(np.array([3]))
    np.testing.assert_array_equal(lanes.logits(0), plain.logits(0))


def test_a_lane_that_has_read_nothing_draws_any_token_of_the_vocabulary(decoder):
    lanes, seen = decoder("lstm", (12,)).streams(1), set()
    np.testing.assert_array_equal(lanes.logits(0), np.zeros(19))
    lanes.set_sampling(sampling(length=1))
    for index in range(400):
        lanes.begin(0, 1, index, np.zeros(0, int))
        seen.add(int(lanes.generate(1).tokens[0, 0]))
    assert seen == set(range(19))


def test_lanes_can_be_added_and_cleared(decoder):
    model = decoder("lstm", (12,))
    lanes = model.streams(1)
    lanes.step(np.array([3]))
    kept = lanes.state(0)
    lanes.resize(3)
    np.testing.assert_array_equal(lanes.state(0), kept)
    np.testing.assert_array_equal(lanes.state(2), model.initial_state()[0])
    lanes.clear(0)
    np.testing.assert_array_equal(lanes.state(0), model.initial_state()[0])
    lanes.resize(1)
    assert len(lanes) == 1


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("core", "sizes"), CORES)
def test_scores_are_those_of_the_logits(decoder, core, sizes, threads):
    model = decoder(core, sizes, "float32")
    read, lanes = model.streams(5, threads), model.streams(5, 1)
    tokens = np.random.default_rng(1).integers(0, 19, (5, 12))
    tokens[3, 8:] = -1
    targets = np.roll(tokens, -1, axis=1)
    targets[:, 2:4] = -1
    found = read.score(tokens, targets)
    for time in range(12):
        lanes.step(tokens[:, time])
        for lane in range(5):
            scores = [part[lane, time] for part in found]
            if min(tokens[lane, time], targets[lane, time]) < 0:
                assert scores == [0, 0, 0]
                continue
            logits = lanes.logits(lane).astype(np.float64)
            log_probs = logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())
            expected = log_probs[targets[lane, time]], -(np.exp(log_probs) * log_probs).sum()
            np.testing.assert_allclose(scores[:2], expected, rtol=1e-6, atol=1e-6)
            assert scores[2] == (logits > logits[targets[lane, time]]).sum()


@pytest.mark.parametrize("core", ["lstm", "conv"])
def test_threads_that_read_together_score_the_same(decoder, core):
    """Two threads share the columns of one lane, once they have tried; here nothing is asked of most tokens."""
    model = decoder(core, (384, 256) if core == "conv" else (384,), "float32")
    assert model.weights.weight_bytes > 500_000
    tokens = np.random.default_rng(1).integers(0, 19, (1, 200))
    targets = np.where(np.random.default_rng(2).random(tokens.shape) < 0.1, tokens, -1)
    alone = model.streams(1, 1).score(tokens, targets)
    lanes = model.streams(1, 3)
    lanes.set_sampling(sampling(length=50))
    lanes.begin(0, 3, 0, np.array([1]))
    lanes.generate(4)
    lanes.clear(0)
    for found, expected in zip(lanes.score(tokens, targets), alone, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_unlikely_tokens_have_their_whole_price(make):
    """Of logits that lie hundreds apart, the tails have no mass but log-probabilities all the same."""
    config, weights = make("lstm", hidden_sizes=(8,), vocabulary=19, scale=0.1)
    weights["head.bias"] = np.linspace(0, -900, 19).astype(np.float32)
    found = native_decoder(config, weights, "float32").streams(1).score(np.array([[3, 4]]), np.array([[0, 18]]))
    np.testing.assert_allclose(found.log_probs, [[0, -900]], atol=2)
    np.testing.assert_allclose(found.entropies, 0, atol=1e-5)
    assert found.ranks.tolist() == [[0, 18]]


def test_what_cannot_be_scored_is_refused(decoder):
    lanes = decoder("lstm", (12,)).streams(2)
    with pytest.raises(ValueError, match="2 streams need"):
        lanes.score(np.zeros((3, 4), int), np.zeros((3, 4), int))
    for faulty in ([[19], [0]], [[0], [0]]):
        with pytest.raises(IndexError, match="token 19"):
            lanes.score(np.array(faulty), np.array([[0], [19]]))


def test_what_does_not_fit_is_refused(decoder):
    lanes = decoder("lstm", (12,)).streams(2)
    for faulty in ([0], [0, 2], [-1, 0]):
        with pytest.raises(ValueError, match="2 streams need"):
            lanes.reorder(np.array(faulty))
    with pytest.raises(ValueError, match="belongs to another model"):
        lanes.set_state(0, np.zeros(3, np.uint8))
    with pytest.raises(ValueError, match=r"expected \[2, 48\]"):
        lanes.set_gate_bias(0, np.zeros((2, 47), np.float32))
    with pytest.raises(ValueError, match="set_sampling"):
        lanes.begin(0, 1, 2, np.zeros(0, int))
    with pytest.raises(IndexError, match="stream 2"):
        lanes.logits(2)
    with pytest.raises(IndexError, match="token 19"):
        lanes.step(np.array([0, 19]))


def test_writing_in_other_chunks_writes_the_same(decoder):
    model = decoder("lstm", (24,))

    def written(*chunks):
        lanes = model.streams(2)
        lanes.set_sampling(sampling(length=40))
        for lane in range(2):
            lanes.begin(lane, 3, lane, np.zeros(0, int))
        parts = [lanes.generate(most) for most in chunks]
        assert (parts[-1].endings == 1).all()
        return [
            np.concatenate([part.tokens[lane, : part.counts[lane]] for part in parts]).tolist() for lane in range(2)
        ]

    assert written(64) == written(1, 2, 3, 5, 64) == written(39, 1)
    assert all(len(tokens) == 40 for tokens in written(64))
