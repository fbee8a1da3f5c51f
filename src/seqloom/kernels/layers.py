"""Layers of one stream: where a cell's inputs come from and what a layer remembers.

A token's way into the first layer is a row of a table that is computed once: its embedding (or one-hot row)
through the layer's input weights, bias and normalisation included. Later layers multiply as they go.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float32

from seqloom.kernels.cells import LSTMNorm, conv_step, gru_step, lstm_step, layer_norm
from seqloom.kernels.decoder import State
from seqloom.kernels.weights import Weights

__all__ = [
    "Layer",
    "TokenInput",
    "conv_layer",
    "gru_layer",
    "lstm_layer",
    "skip_table",
    "token_conv_layer",
    "token_products",
]

Vector = Float32[np.ndarray, "*lanes width"]
Inputs = Float32[np.ndarray, " input"]


class Layer(NamedTuple):
    """One layer of a core.

    Attributes:
        zero: what it remembers before the first token.
        step: `(input, state) -> (output, state)`; the input is a token id for the first layer, else a vector.
    """

    zero: State
    step: Callable[[Any, State], tuple[Any, State]]


class TokenInput(NamedTuple):
    """What the first layer reads: ids of a vocabulary, and the embedding (None: one-hot rows)."""

    vocabulary: int
    embedding: Float32[Any, "vocab embedding"] | None


def lstm_layer(weights: Weights, tokens: TokenInput | None) -> Layer:
    """An LSTM layer; `tokens` where it is the first."""
    weight_hidden = weights["weight_hidden"]
    drive = _drive(weights, tokens)
    norm = None
    if "norm_cell.weight" in weights:
        norm = LSTMNorm(weights["norm_hidden.weight"], weights["norm_cell.weight"], weights["norm_cell.bias"])

    def step(value: Any, state: State) -> tuple[Vector, State]:
        hidden, cell = lstm_step(state[0], state[1], drive(value), weight_hidden, norm)
        return hidden, (hidden, cell)

    zero = _zeros(weight_hidden.shape[1])
    return Layer((zero, zero), step)


def gru_layer(weights: Weights, tokens: TokenInput | None) -> Layer:
    """A GRU layer; `tokens` where it is the first."""
    weight_hidden = weights["weight_hidden"]
    drive = _drive(weights, tokens)
    gain = weights.get("norm_hidden.weight")

    def step(value: Any, state: State) -> tuple[Vector, State]:
        hidden = gru_step(state[0], drive(value), weight_hidden, gain)
        return hidden, (hidden,)

    return Layer((_zeros(weight_hidden.shape[1]),), step)


def conv_layer(weights: Weights, dilation: int) -> Layer:
    """A causal convolution above the first layer; keeps its last `(taps - 1) * dilation` inputs in order."""
    weight_input, bias = weights["weight_input"], weights["bias"]
    channels, inputs, taps = weight_input.shape
    by_tap = np.ascontiguousarray(weight_input.transpose(0, 2, 1)).reshape(channels, taps * inputs)
    skip, gain, shift = weights.get("weight_skip"), weights.get("norm.weight"), weights.get("norm.bias")
    weight_output, bias_output = weights["weight_output"], weights["bias_output"]

    def step(x: Any, state: State) -> tuple[Vector, State]:
        read = x if gain is None else layer_norm(x, gain, shift)
        inside = np.concatenate((state[0], read[None]))
        drive = by_tap @ inside[::dilation].reshape(-1) + bias
        return conv_step(x if skip is None else skip @ x, drive, weight_output, bias_output), (inside[1:],)

    return Layer((_zeros((taps - 1) * dilation, inputs),), step)


def token_conv_layer(weights: Weights, dilation: int, tokens: TokenInput) -> Layer:
    """The first causal convolution layer: it remembers ids, and each tap has a table of its own."""
    weight_input, bias = weights["weight_input"], weights["bias"]
    taps = weight_input.shape[2]
    norm = (weights["norm.weight"], weights["norm.bias"]) if "norm.weight" in weights else None
    table = np.stack([_padded(token_products(weight_input[:, :, tap], tokens, norm)) for tap in range(taps)])
    skips = skip_table(weights, tokens)
    weight_output, bias_output = weights["weight_output"], weights["bias_output"]
    which = np.arange(taps)

    def step(token: Any, state: State) -> tuple[Vector, State]:
        inside = np.append(state[0], token)
        drive = table[which, inside[::dilation]].sum(axis=0) + bias
        return conv_step(skips[token], drive, weight_output, bias_output), (inside[1:],)

    # The id one past the vocabulary is the row of zeros that stands for what lies before the start.
    zero = np.full((taps - 1) * dilation, tokens.vocabulary, np.int64)
    zero.flags.writeable = False
    return Layer((zero,), step)


def _drive(weights: Weights, tokens: TokenInput | None) -> Callable[[Any], Vector]:
    """From a layer's input (a token id, or a vector) to its part of the pre-activations, bias included."""
    weight, bias, gain = weights["weight_input"], weights["bias"], weights.get("norm_input.weight")
    if tokens is not None:
        table = token_products(weight, tokens)
        table = (table if gain is None else layer_norm(table, gain)) + bias
        rows: Callable[[Any], Vector] = table.__getitem__
        return rows
    if gain is not None:
        return lambda x: layer_norm(x @ weight.T, gain) + bias
    return lambda x: x @ weight.T + bias


def token_products(
    weight: Float32[np.ndarray, "out input"], tokens: TokenInput, norm: tuple[Inputs, Inputs] | None = None
) -> Float32[np.ndarray, "vocab out"]:
    """`weight` times what each token feeds, a contiguous row a token."""
    if norm is None and tokens.embedding is None:
        return np.ascontiguousarray(weight.T)
    blocks = _input_blocks(tokens)
    return np.concatenate([(x if norm is None else layer_norm(x, *norm)) @ weight.T for x in blocks])


def _input_blocks(tokens: TokenInput, rows: int = 256) -> Iterator[Float32[np.ndarray, "block input"]]:
    """What each token feeds, some rows at a time: one-hot rows of a large vocabulary fill the memory."""
    for start in range(0, tokens.vocabulary, rows):
        if tokens.embedding is not None:
            yield tokens.embedding[start : start + rows]
        else:
            yield np.eye(min(rows, tokens.vocabulary - start), tokens.vocabulary, k=start, dtype=np.float32)


def skip_table(weights: Weights, tokens: TokenInput) -> Float32[np.ndarray, "vocab channels"]:
    """What each token feeds round the first convolution, a row a token."""
    if "weight_skip" in weights:
        return token_products(weights["weight_skip"], tokens)
    if tokens.embedding is not None:
        return np.asarray(tokens.embedding)
    return np.eye(tokens.vocabulary, dtype=np.float32)


def _padded(table: Float32[np.ndarray, "vocab out"]) -> Float32[np.ndarray, "vocab+1 out"]:
    return np.concatenate([table, _zeros(1, table.shape[1])])


def _zeros(*shape: int) -> Float32[np.ndarray, "..."]:
    zeros = np.zeros(shape, np.float32)
    zeros.flags.writeable = False
    return zeros
