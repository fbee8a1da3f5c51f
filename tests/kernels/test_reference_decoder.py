"""The plain decoder against loops over single numbers in Python floats, and against torch."""

import math
import warnings

import numpy as np
import pytest
import torch
from torch.nn import functional

from seqloom.errors import RunError
from seqloom.kernels import ReferenceDecoder, reference_decoder

TOKENS = [0, 3, 6, 6, 1, 2, 5, 4, 0, 3, 3]


def all_logits(decoder, tokens=TOKENS):
    state, logits = decoder.initial_state(), []
    for token in tokens:
        out, state = decoder.step(token, state)
        assert out.dtype == np.float32
        logits.append(out)
    return np.array(logits)


# --- loops over single numbers


def logistic(x):
    return 1 / (1 + math.exp(-x))


def product(matrix, vector):
    return [sum(float(w) * v for w, v in zip(row, vector, strict=True)) for row in matrix]


def normal(vector, gain, bias=None):
    mean = sum(vector) / len(vector)
    variance = sum((v - mean) ** 2 for v in vector) / len(vector)
    bias = [0.0] * len(vector) if bias is None else bias
    return [
        (v - mean) / math.sqrt(variance + 1e-5) * float(g) + float(b)
        for v, g, b in zip(vector, gain, bias, strict=True)
    ]


def naive_gates(layer, x, hidden):
    from_input, from_hidden = product(layer["weight_input"], x), product(layer["weight_hidden"], hidden)
    if "norm_input.weight" in layer:
        from_input = normal(from_input, layer["norm_input.weight"])
        from_hidden = normal(from_hidden, layer["norm_hidden.weight"])
    return [a + float(b) for a, b in zip(from_input, layer["bias"], strict=True)], from_hidden


def naive_lstm(layer, x, state):
    hidden, cell = state
    n = len(hidden)
    a, b = naive_gates(layer, x, hidden)
    z = [p + q for p, q in zip(a, b, strict=True)]
    cell = [logistic(z[n + j]) * cell[j] + logistic(z[j]) * math.tanh(z[2 * n + j]) for j in range(n)]
    shown = normal(cell, layer["norm_cell.weight"], layer["norm_cell.bias"]) if "norm_cell.bias" in layer else cell
    return [logistic(z[3 * n + j]) * math.tanh(shown[j]) for j in range(n)], cell


def naive_gru(layer, x, state):
    hidden, _ = state
    n = len(hidden)
    a, b = naive_gates(layer, x, hidden)
    after = []
    for j in range(n):
        reset, update = logistic(a[j] + b[j]), logistic(a[n + j] + b[n + j])
        candidate = math.tanh(a[2 * n + j] + reset * b[2 * n + j])
        after.append((1 - update) * candidate + update * hidden[j])
    return after, None


def naive_logits(config, weights, tokens=TOKENS):
    step = {"lstm": naive_lstm, "gru": naive_gru}[config.core]
    layers = [
        {name.split(".", 3)[3]: array for name, array in weights.items() if name.startswith(f"core.layers.{i}.")}
        for i in range(len(config.hidden_sizes))
    ]
    states = [([0.0] * size, [0.0] * size) for size in config.hidden_sizes]
    logits = []
    for token in tokens:
        x = [float(v) for v in input_rows(config, weights)[token]]
        for i, layer in enumerate(layers):
            states[i] = step(layer, x, states[i])
            x = states[i][0]
        head = weights["embedding.weight" if config.tied else "head.weight"]
        logits.append([p + float(b) for p, b in zip(product(head, x), weights["head.bias"], strict=True)])
    return np.array(logits)


def input_rows(config, weights):
    return weights["embedding.weight"] if config.embedding else np.eye(config.vocabulary)


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_sizes": (5,)},
        {"hidden_sizes": (5, 4), "embedding": 3},
        {"hidden_sizes": (4,), "embedding": 4, "tied": True},
    ],
)
@pytest.mark.parametrize("core", ["lstm", "gru"])
def test_recurrent_decoders_agree_with_loops_over_numbers(make, core, settings, layer_norm):
    config, weights = make(core, layer_norm=layer_norm, **settings)
    found = all_logits(reference_decoder(config, weights))
    np.testing.assert_allclose(found, naive_logits(config, weights), rtol=2e-4, atol=2e-5)


# --- torch


@pytest.mark.parametrize("embedding", [0, 6])
@pytest.mark.parametrize("core", ["lstm", "gru"])
def test_recurrent_decoders_agree_with_torch(make, core, embedding):
    config, weights = make(core, hidden_sizes=(16, 16), embedding=embedding)
    rows = torch.tensor(np.asarray(input_rows(config, weights), np.float32))
    network = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[core](rows.shape[1], 16, num_layers=2)
    with torch.no_grad():
        for i in range(2):
            getattr(network, f"weight_ih_l{i}").copy_(torch.tensor(weights[f"core.layers.{i}.weight_input"]))
            getattr(network, f"weight_hh_l{i}").copy_(torch.tensor(weights[f"core.layers.{i}.weight_hidden"]))
            getattr(network, f"bias_ih_l{i}").copy_(torch.tensor(weights[f"core.layers.{i}.bias"]))
            getattr(network, f"bias_hh_l{i}").zero_()
        outputs = network(rows[TOKENS])[0].numpy()
    expected = outputs @ weights["head.weight"].T + weights["head.bias"]
    np.testing.assert_allclose(all_logits(reference_decoder(config, weights)), expected, rtol=1e-4, atol=1e-5)


def torch_conv_logits(config, weights, tokens):
    arrays = {name: torch.tensor(array, dtype=torch.float64) for name, array in weights.items()}
    x = torch.tensor(np.asarray(input_rows(config, weights), np.float64))[tokens]  # [time, channels]
    for i, size in enumerate(config.hidden_sizes):
        layer = {name.split(".", 3)[3]: a for name, a in arrays.items() if name.startswith(f"core.layers.{i}.")}
        inside = x
        if config.layer_norm:
            inside = functional.layer_norm(x, (x.shape[1],), layer["norm.weight"], layer["norm.bias"], 1e-5)
        far = 2 ** (i % 10)
        padded = functional.pad(inside.T[None], ((config.kernel_width - 1) * far, 0))
        a, b = functional.conv1d(padded, layer["weight_input"], layer["bias"], dilation=far)[0].T.split(size, dim=1)
        skip = x @ layer["weight_skip"].T if "weight_skip" in layer else x
        x = skip + (torch.tanh(a) * torch.sigmoid(b)) @ layer["weight_output"].T + layer["bias_output"]
    head = arrays["embedding.weight" if config.tied else "head.weight"]
    return (x @ head.T + arrays["head.bias"]).numpy()


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_sizes": (5, 5, 4)},
        {"hidden_sizes": (7, 6)},  # as many channels as one-hot inputs: no skip weight
        {"hidden_sizes": (6, 6), "embedding": 6, "tied": True},
        {"hidden_sizes": (4, 5), "embedding": 3, "kernel_width": 1},
        {"hidden_sizes": (4, 4), "kernel_width": 4},
    ],
)
def test_convolutions_agree_with_torch(make, settings, layer_norm):
    config, weights = make("conv", layer_norm=layer_norm, **settings)
    found = all_logits(reference_decoder(config, weights))
    np.testing.assert_allclose(found, torch_conv_logits(config, weights, TOKENS), rtol=2e-4, atol=5e-5)


def test_dilation_starts_anew_after_ten_layers(make):
    config, weights = make("conv", hidden_sizes=(2,) * 12, kernel_width=2, scale=0.8)
    tokens = np.random.default_rng(0).integers(0, 7, 1100).tolist()
    found = all_logits(reference_decoder(config, weights), tokens)
    expected = torch_conv_logits(config, weights, tokens)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


# --- state

CORES = [("lstm", (5, 4)), ("gru", (5,)), ("conv", (5, 5))]


@pytest.mark.parametrize(("core", "sizes"), CORES)
def test_reading_is_stepping(make, core, sizes):
    decoder = reference_decoder(*make(core, hidden_sizes=sizes, layer_norm=True))
    stepped = all_logits(decoder)[-1]
    logits, state = decoder.read(TOKENS[:4], decoder.initial_state())
    logits, _ = decoder.read(TOKENS[4:], state)
    np.testing.assert_array_equal(logits, stepped)
    np.testing.assert_array_equal(decoder.read(TOKENS, decoder.initial_state())[0], stepped)


@pytest.mark.parametrize(("core", "sizes"), CORES)
def test_a_state_can_be_kept_and_used_again(make, core, sizes):
    decoder = reference_decoder(*make(core, hidden_sizes=sizes))
    _, kept = decoder.read(TOKENS[:5], decoder.initial_state())
    before = [array.copy() for array in kept]
    first, _ = decoder.read([1, 2, 3], kept)
    again, _ = decoder.read([1, 2, 3], tuple(array.copy() for array in kept))
    np.testing.assert_array_equal(first, again)
    assert all(np.array_equal(a, b) for a, b in zip(before, kept, strict=True))
    with pytest.raises(ValueError, match="read-only"):
        decoder.initial_state()[0][:] = 1


@pytest.mark.parametrize(("core", "sizes"), CORES)
def test_streams_do_not_touch_each_other(make, core, sizes):
    decoder = reference_decoder(*make(core, hidden_sizes=sizes))
    alone = all_logits(decoder)
    one, other = decoder.initial_state(), decoder.initial_state()
    for position, token in enumerate(TOKENS):
        logits, one = decoder.step(token, one)
        _, other = decoder.step(6 - token, other)
        np.testing.assert_array_equal(logits, alone[position])


@pytest.mark.parametrize(("core", "sizes"), CORES)
def test_extreme_weights_stay_finite_and_silent(make, core, sizes):
    decoder = reference_decoder(*make(core, hidden_sizes=sizes, scale=300.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(all_logits(decoder)).all()


@pytest.mark.parametrize("token", [-1, 7])
def test_tokens_outside_the_vocabulary_are_refused(make, token):
    decoder = reference_decoder(*make("lstm", hidden_sizes=(4,)))
    with pytest.raises(IndexError, match=rf"token {token} is outside the vocabulary 0\.\.6"):
        decoder.step(token, decoder.initial_state())


def test_reading_nothing_is_refused(make):
    decoder = reference_decoder(*make("lstm", hidden_sizes=(4,)))
    with pytest.raises(ValueError, match="no tokens"):
        decoder.read([], decoder.initial_state())


# --- weights


def test_every_faulty_array_is_named(make):
    config, weights = make("lstm", hidden_sizes=(5,))
    del weights["core.layers.0.bias"]
    weights["head.weight"] = weights["head.weight"].T
    weights["head.bias"] = np.full(7, np.nan, np.float32)
    with pytest.raises(RunError) as caught:
        reference_decoder(config, weights)
    faults = sorted(caught.value.faults)
    assert len(faults) == 3
    assert "head.bias holds NaN" in faults[0]
    assert "head.weight has shape [5, 7], expected [7, 5]" in faults[1]
    assert "lack core.layers.0.bias of shape [20]" in faults[2]


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("core", ["lstm", "gru", "conv"])
def test_no_array_is_dispensable(make, core, layer_norm):
    config, weights = make(core, hidden_sizes=(5, 4), embedding=3, layer_norm=layer_norm)
    for name in weights:
        with pytest.raises(RunError, match=name):
            reference_decoder(config, {other: array for other, array in weights.items() if other != name})


def test_other_precisions_are_taken_and_other_arrays_left_alone(make):
    config, weights = make("gru", hidden_sizes=(5,), prediction_heads=2)
    plain = all_logits(reference_decoder(config, weights))
    wide = {name: array.astype(np.float64) for name, array in weights.items()}
    wide["head.ahead.0.weight"] = np.zeros((7, 5))
    decoder = reference_decoder(config, wide)
    assert isinstance(decoder, ReferenceDecoder)
    assert decoder.vocabulary == 7
    np.testing.assert_array_equal(all_logits(decoder), plain)


def test_changing_the_weights_later_changes_nothing(make):
    config, weights = make("lstm", hidden_sizes=(5,))
    decoder = reference_decoder(config, weights)
    before = all_logits(decoder)
    for array in weights.values():
        array[...] = 0
    np.testing.assert_array_equal(all_logits(decoder), before)
