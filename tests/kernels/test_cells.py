"""The cells alone, against scipy and torch's own cells."""

import numpy as np
import pytest
import torch
from scipy.special import expit
from torch.nn import functional

from seqloom.kernels.cores.conv import conv_step
from seqloom.kernels.cores.gru import gru_step
from seqloom.kernels.cores.lstm import lstm_step
from seqloom.kernels.cores.numerics import layer_norm, sigmoid

SIZE = 6


def random(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def test_the_logistic_function_everywhere():
    x = np.concatenate([np.linspace(-200, 200, 4001), [-1e30, 1e30]]).astype(np.float32)
    found = sigmoid(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expit(x.astype(float)), atol=2e-7)


@pytest.mark.parametrize("shape", [(SIZE,), (3, SIZE)])
def test_normalisation(shape):
    x, gain, bias = random(*shape), random(SIZE, seed=1), random(SIZE, seed=2)
    arrays = [torch.tensor(array) for array in (x, gain, bias)]
    expected = functional.layer_norm(arrays[0], (SIZE,), arrays[1], arrays[2], 1e-5).numpy()
    np.testing.assert_allclose(layer_norm(x, gain, bias), expected, atol=1e-6)
    np.testing.assert_allclose(layer_norm(x, gain) + bias, expected, atol=1e-6)


def test_a_constant_vector_normalises_to_nothing():
    np.testing.assert_array_equal(layer_norm(np.full(4, 3, np.float32), np.ones(4, np.float32)), np.zeros(4))


@pytest.mark.parametrize("kind", ["lstm", "gru"])
def test_recurrent_steps_are_torch_cells(kind):
    gates = {"lstm": 4, "gru": 3}[kind] * SIZE
    drive, weight = random(gates), random(gates, SIZE)
    hidden, cell = random(SIZE, seed=1), random(SIZE, seed=2)
    torch_cell = {"lstm": torch.nn.LSTMCell, "gru": torch.nn.GRUCell}[kind](1, SIZE)
    with torch.no_grad():
        torch_cell.weight_ih.zero_()
        torch_cell.weight_hh.copy_(torch.tensor(weight))
        torch_cell.bias_ih.copy_(torch.tensor(drive))
        torch_cell.bias_hh.zero_()
        before = torch.tensor(hidden)[None]
        if kind == "lstm":
            expected = torch_cell(torch.zeros(1, 1), (before, torch.tensor(cell)[None]))
            found = lstm_step(hidden, cell, drive, weight)
        else:
            expected, found = (torch_cell(torch.zeros(1, 1), before),), (gru_step(hidden, drive, weight),)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs[0].numpy(), atol=1e-6)


def test_a_closed_gate_leaves_the_skip_path_and_the_bias():
    drive = np.concatenate([random(SIZE), np.full(SIZE, -1e4, np.float32)])
    skip, weight, bias = random(SIZE, seed=1), random(SIZE, SIZE), random(SIZE, seed=2)
    np.testing.assert_allclose(conv_step(skip, drive, weight, bias), skip + bias, atol=1e-6)
    drive[SIZE:] *= -1
    expected = skip + weight @ np.tanh(drive[:SIZE]) + bias
    np.testing.assert_allclose(conv_step(skip, drive, weight, bias), expected, atol=1e-6)
