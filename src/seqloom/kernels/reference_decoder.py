"""The plain decoder: numpy, one stream, one token at a time. Every faster kernel is held to it."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.kernels.condition_bias import Added, with_added
from seqloom.kernels.conditional_decoders import FirstApart
from seqloom.kernels.decoder import State
from seqloom.kernels.layers import Layer, TokenInput, conv_layer, gru_layer, lstm_layer, token_conv_layer
from seqloom.kernels.weights import Weights, checked_weights, dilation, layer_weights

__all__ = ["PlainDecoder", "plain_decoder", "told_plain_decoder"]


class PlainDecoder:
    """A stack of layers with a linear head, decoding one stream in float32.

    Args:
        layers: the core, first to last; the first reads token ids.
        head_weight: from the last layer's output to the logits.
        head_bias: of the logits.
        lanes: whether the layers can read one token into several lanes at once, their states stacked.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        head_weight: Float32[np.ndarray, "vocab hidden"],
        head_bias: Float32[np.ndarray, " vocab"],
        *,
        lanes: bool,
    ) -> None:
        self._layers = tuple(layers)
        self._head_weight = head_weight
        self._head_bias = head_bias
        self.lanes = lanes

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return len(self._head_bias)

    def initial_state(self) -> State:
        """The zero state: the arrays of every layer in turn, read-only."""
        return tuple(array for layer in self._layers for array in layer.zero)

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token; give the logits of the next and the new state.

        Raises:
            IndexError: the token is not in the vocabulary.
        """
        output, state = self.advance(token, state)
        return self.logits(output), state

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; give the logits after the last and the new state.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens.
        """
        if not len(tokens):
            raise ValueError("there are no tokens to read, so nothing can be predicted")
        for token in tokens[:-1]:
            _, state = self.advance(token, state)
        return self.step(tokens[-1], state)

    def logits(self, output: Float32[np.ndarray, " hidden"]) -> Float32[np.ndarray, " vocab"]:
        """What the head makes of the last layer's output."""
        logits: Float32[np.ndarray, " vocab"] = self._head_weight @ output + self._head_bias
        return logits

    def advance(self, token: int, state: State) -> tuple[Float32[np.ndarray, "*lanes hidden"], State]:
        """Read one token; give the last layer's output, of every lane where the state has several.

        Raises:
            IndexError: the token is not in the vocabulary.
        """
        if not 0 <= token < len(self._head_bias):
            raise IndexError(f"token {token} is outside the vocabulary 0..{len(self._head_bias) - 1}")
        value: int | Float32[np.ndarray, "*lanes hidden"] = token
        after: list[State] = []
        start = 0
        for layer in self._layers:
            end = start + len(layer.zero)
            # Weights that are far too large end in infinity, which sampling reports in words of its own.
            with np.errstate(over="ignore", invalid="ignore"):
                value, kept = layer.step(value, state[start:end])
            after.append(kept)
            start = end
        return value, tuple(array for kept in after for array in kept)  # type: ignore[return-value]


def plain_decoder(config: ModelConfig, weights: Mapping[str, np.ndarray]) -> PlainDecoder:
    """Make the decoder of a model, which is told of no ratings.

    Args:
        config: what the network is.
        weights: its arrays by name; those that decoding does not need are left alone.

    Raises:
        RunError: arrays are missing, have another shape, or hold NaN or infinity; one line for each.
    """
    return _decoder(config, checked_weights(config, weights))


def told_plain_decoder(config: ModelConfig, weights: Mapping[str, np.ndarray], added: Added) -> FirstApart:
    """The same for a model that is told of ratings.

    Args:
        config: what the network is.
        weights: its arrays by name.
        added: what the ratings add.

    Raises:
        RunError: as `plain_decoder`.
    """
    held = checked_weights(config, weights)
    first, rest = (_decoder(config, with_added(held, one)) for one in (added.at_first, added))
    return FirstApart(first, rest)


def _decoder(config: ModelConfig, held: Weights) -> PlainDecoder:
    tokens = TokenInput(config.vocabulary, held.get("embedding.weight"))
    layers = [
        _layer(config.core, index, layer_weights(held, index), None if index else tokens)
        for index in range(len(config.hidden_sizes))
    ]
    head_weight = held["embedding.weight" if config.tied else "head.weight"]
    return PlainDecoder(layers, head_weight, held["head.bias"], lanes=config.core != "conv")


def _layer(core: str, index: int, weights: Weights, tokens: TokenInput | None) -> Layer:
    if core == "lstm":
        return lstm_layer(weights, tokens)
    if core == "gru":
        return gru_layer(weights, tokens)
    if tokens is None:
        return conv_layer(weights, dilation(index))
    return token_conv_layer(weights, dilation(index), tokens)
