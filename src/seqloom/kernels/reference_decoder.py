"""The reference decoder: numpy, one stream, one token at a time. The tests compare every faster kernel with it."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.kernels.condition_bias import ConditionBias, fold_bias
from seqloom.kernels.conditional_decoders import FirstTokenDecoder
from seqloom.kernels.cores import ReferenceLayer, TokenInput, core_spec
from seqloom.kernels.decoder import State
from seqloom.kernels.heads import head_spec
from seqloom.kernels.output_distribution import OutputDistribution
from seqloom.kernels.token_parts import num_input_rows, rows_of_tokens
from seqloom.kernels.weights import Weights, checked_weights, layer_weights

__all__ = ["ReferenceDecoder", "conditioned_reference_decoder", "reference_decoder"]


class ReferenceDecoder:
    """A stack of layers with a head, decoding one stream in float32.

    Args:
        layers: layers of the core, first to last; the first reads token ids.
        logits: function of the head, from the last layer's output to the logits, or to the parameters of another
            distribution, for one stream.
        vocabulary: number of token ids.
        distribution: distribution whose parameters `logits` returns; None for logits.
        steps_batches: whether the layers accept several streams at once, stacked on a leading axis of their states.
    """

    def __init__(
        self,
        layers: Sequence[ReferenceLayer],
        logits: Callable[[Float32[np.ndarray, " hidden"]], Float32[np.ndarray, " vocab"]],
        vocabulary: int,
        *,
        distribution: OutputDistribution | None = None,
        steps_batches: bool,
    ) -> None:
        self._layers = tuple(layers)
        self.logits = logits
        self.vocabulary = vocabulary
        self.distribution = distribution
        self.steps_batches = steps_batches

    def initial_state(self) -> State:
        """Return the zero state: the arrays of every layer in turn, read-only."""
        return tuple(array for layer in self._layers for array in layer.zero_state)

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token; return the logits of the next token and the new state.

        Raises:
            IndexError: the token is not in the vocabulary.
        """
        output, state = self.advance(token, state)
        return self.logits(output), state

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; return the logits after the last and the new state.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens.
        """
        if not len(tokens):
            raise ValueError("there are no tokens to read, so there is nothing to predict from")
        for token in tokens[:-1]:
            _, state = self.advance(token, state)
        return self.step(tokens[-1], state)

    def advance(self, token: int, state: State) -> tuple[Float32[np.ndarray, "*streams hidden"], State]:
        """Read one token into every stream of the state; return the last layer's outputs and the new state.

        Raises:
            IndexError: the token is not in the vocabulary.
        """
        if not 0 <= token < self.vocabulary:
            raise IndexError(f"token {token} is outside the vocabulary 0..{self.vocabulary - 1}")
        value: int | Float32[np.ndarray, "*streams hidden"] = token
        new_states: list[State] = []
        start = 0
        for layer in self._layers:
            end = start + len(layer.zero_state)
            # The weights of a diverged training can overflow here: no warning, as sampling reports infinite logits.
            with np.errstate(over="ignore", invalid="ignore"):
                value, layer_state = layer.step(value, state[start:end])
            new_states.append(layer_state)
            start = end
        return value, tuple(array for layer_state in new_states for array in layer_state)  # type: ignore[return-value]


def reference_decoder(config: ModelConfig, weights: Mapping[str, np.ndarray]) -> ReferenceDecoder:
    """Return the decoder of a model without conditions.

    Args:
        config: shape of the network.
        weights: arrays by name; arrays that decoding does not need are ignored.

    Raises:
        ConfigError: the core or the head is not registered.
        RunError: arrays are missing, have another shape, or contain NaN or infinity; one line for each.
    """
    return _make_decoder(config, checked_weights(config, weights))


def conditioned_reference_decoder(
    config: ModelConfig, weights: Mapping[str, np.ndarray], bias: ConditionBias
) -> FirstTokenDecoder:
    """Return the decoder of a model with conditions.

    Args:
        config: shape of the network.
        weights: arrays by name; arrays that decoding does not need are ignored.
        bias: biases that the conditions add.

    Raises:
        ConfigError: the core or the head is not registered.
        RunError: arrays are missing, have another shape, or contain NaN or infinity; one line for each.
    """
    checked = checked_weights(config, weights)
    first = _make_decoder(config, fold_bias(checked, bias.first_token))
    rest = _make_decoder(config, fold_bias(checked, bias))
    return FirstTokenDecoder(first, rest)


def _make_decoder(config: ModelConfig, weights: Weights) -> ReferenceDecoder:
    core = core_spec(config.core)
    tokens = TokenInput(num_input_rows(config), weights.get("embedding.weight"), rows_of_tokens(config))
    layers = [
        core.make_layer(layer_weights(weights, index), index, None if index else tokens)
        for index in range(len(config.hidden_sizes))
    ]
    head = head_spec(config.head)
    return ReferenceDecoder(
        layers,
        head.make_outputs(config, weights),
        config.vocabulary,
        distribution=None if head.make_distribution is None else head.make_distribution(config),
        steps_batches=core.steps_batches,
    )
