"""The compiled decoder against the plain one, with the same tokens forced on both, in every instruction set."""

import numpy as np
import pytest

from seqloom.errors import ConfigError, RunError
from seqloom.kernels import NativeDecoder, native_decoder, reference_decoder
from seqloom.kernels.library import available_kernels
from seqloom.kernels.native_weights import PRECISIONS

TOKENS = np.random.default_rng(5).integers(0, 43, 60)

MODELS = {
    "lstm": {"core": "lstm", "hidden_sizes": (40,)},
    "lstm, odd sizes": {"core": "lstm", "hidden_sizes": (33, 7, 50), "embedding": 7},
    "lstm, tied": {"core": "lstm", "hidden_sizes": (24,), "embedding": 24, "tied": True},
    "gru": {"core": "gru", "hidden_sizes": (64,)},
    "gru, three layers": {"core": "gru", "hidden_sizes": (5, 70, 33), "embedding": 16},
    "conv": {"core": "conv", "hidden_sizes": (20, 20, 33), "embedding": 8},
    "conv, wide taps": {"core": "conv", "hidden_sizes": (40, 40), "kernel_width": 4},
    "conv, one tap": {"core": "conv", "hidden_sizes": (43, 43), "kernel_width": 1},
    "conv, five layers": {"core": "conv", "hidden_sizes": (6,) * 5, "kernel_width": 2},
    "conv, round as it is": {"core": "conv", "hidden_sizes": (8, 8, 8, 8), "embedding": 8, "kernel_width": 2},
}

# What a precision may move these logits by, root mean square of their own spread.
MOVED = {"float32": 1e-5, "bfloat16": 0.02, "int8": 0.04}

pytestmark = pytest.mark.skipif(not available_kernels(), reason="the compiled kernels are not there")


@pytest.fixture(params=available_kernels(), autouse=True)
def kernels(request, monkeypatch):
    monkeypatch.setenv("SEQLOOM_KERNELS", request.param)
    return request.param


@pytest.fixture
def scaled(make):
    """Weights about as large as training makes them."""

    def made(core, **settings):
        config, weights = make(core, vocabulary=43, scale=1.0, **settings)
        for array in weights.values():
            if array.ndim > 1:
                array *= 1.5 / np.sqrt(np.prod(array.shape[1:]))
            else:
                array *= 0.1
        return config, weights

    return made


def all_logits(decoder, tokens=TOKENS):
    state, logits = decoder.initial_state(), []
    for token in tokens.tolist():
        out, state = decoder.step(token, state)
        assert out.dtype == np.float32
        logits.append(out)
    return np.array(logits)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("model", MODELS)
def test_logits_are_those_of_the_plain_decoder(scaled, model, precision):
    settings = dict(MODELS[model])
    if settings["core"] == "conv" and precision == "int8":
        pytest.skip("a convolution has no eight bits")
    config, weights = scaled(settings.pop("core"), **settings)
    decoder = native_decoder(config, weights, precision)
    expected = all_logits(reference_decoder(config, weights))
    moved = np.sqrt(np.square(all_logits(decoder) - expected).mean()) / expected.std()
    assert moved < MOVED[precision]
    assert precision == "float32" or moved > 1e-5


@pytest.mark.parametrize("model", MODELS)
def test_reading_is_stepping(scaled, model):
    settings = dict(MODELS[model])
    decoder = native_decoder(*scaled(settings.pop("core"), **settings))
    stepped = all_logits(decoder)[-1]
    _, state = decoder.read(TOKENS[:23].tolist(), decoder.initial_state())
    logits, _ = decoder.read(TOKENS[23:].tolist(), state)
    np.testing.assert_array_equal(logits, stepped)


@pytest.mark.parametrize("core", ["lstm", "gru", "conv"])
def test_a_state_can_be_kept_and_used_again(scaled, core):
    decoder = native_decoder(*scaled(core, hidden_sizes=(20, 12)))
    _, kept = decoder.read(TOKENS[:9].tolist(), decoder.initial_state())
    first, _ = decoder.read([1, 2, 3], kept)
    decoder.read([7, 7], decoder.initial_state())
    again, _ = decoder.read([1, 2, 3], kept)
    np.testing.assert_array_equal(first, again)
    with pytest.raises(ValueError, match="read-only"):
        kept[0][:] = 1


def test_a_long_convolution_forgets_what_is_out_of_reach(scaled):
    """Ten layers reach back 1,024 tokens: the ring of each has gone round."""
    config, weights = scaled("conv", hidden_sizes=(4,) * 10, embedding=4, kernel_width=2)
    decoder = native_decoder(config, weights, "float32")
    tokens = np.random.default_rng(1).integers(0, 43, 2100).tolist()
    whole, _ = decoder.read(tokens, decoder.initial_state())
    recent, _ = decoder.read(tokens[-1024:], decoder.initial_state())
    np.testing.assert_allclose(whole, recent, atol=1e-5)
    fewer, _ = decoder.read(tokens[-1023:], decoder.initial_state())
    assert abs(whole - fewer).max() > 0


@pytest.mark.parametrize("token", [-1, 43])
def test_tokens_outside_the_vocabulary_are_refused(scaled, token):
    decoder = native_decoder(*scaled("lstm", hidden_sizes=(4,)))
    with pytest.raises(IndexError, match=rf"token {token} is outside the vocabulary 0\.\.42"):
        decoder.step(token, decoder.initial_state())
    with pytest.raises(ValueError, match="no tokens"):
        decoder.read([], decoder.initial_state())


def test_faulty_arrays_are_refused(scaled):
    config, weights = scaled("lstm", hidden_sizes=(4,))
    weights["head.bias"][0] = np.nan
    del weights["core.layers.0.bias"]
    with pytest.raises(RunError) as caught:
        native_decoder(config, weights)
    assert len(caught.value.faults) == 2


def test_changing_the_weights_later_changes_nothing(scaled):
    config, weights = scaled("gru", hidden_sizes=(5,), embedding=3)
    decoder = native_decoder(config, weights)
    before = all_logits(decoder)
    for array in weights.values():
        array[...] = 0
    np.testing.assert_array_equal(all_logits(decoder), before)


def test_what_the_kernels_do_not_cover_is_left_to_the_plain_decoder(scaled, monkeypatch):
    assert native_decoder(*scaled("lstm", hidden_sizes=(4,), layer_norm=True)) is None
    model = scaled("lstm", hidden_sizes=(4,))
    assert isinstance(native_decoder(*model), NativeDecoder)
    monkeypatch.setenv("SEQLOOM_KERNELS", "off")
    assert native_decoder(*model) is None


def test_precisions_that_are_not_to_be_had_are_refused(scaled):
    with pytest.raises(ConfigError, match="`precision` got 'float16': choose from float32, bfloat16, int8"):
        native_decoder(*scaled("lstm", hidden_sizes=(4,)), "float16")
    with pytest.raises(ConfigError, match="`precision` int8 is not available for conv"):
        native_decoder(*scaled("conv", hidden_sizes=(4,)), "int8")


def test_weights_of_zeros_predict_the_bias(scaled):
    """No scale can be taken from a column of zeros."""
    config, weights = scaled("lstm", hidden_sizes=(40,))
    for name, array in weights.items():
        if name != "head.bias":
            array[...] = 0
    for precision in PRECISIONS:
        logits, _ = (decoder := native_decoder(config, weights, precision)).step(3, decoder.initial_state())
        np.testing.assert_allclose(logits, weights["head.bias"], rtol=1e-6)
