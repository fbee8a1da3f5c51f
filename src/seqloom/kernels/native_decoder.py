"""The decoder of one stream on the compiled kernels: the predictions of the reference decoder, faster."""

import threading
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
from jaxtyping import Float32

from seqloom.config import ModelConfig
from seqloom.errors import ConfigError
from seqloom.kernels.batched_decoder import BatchedDecoder
from seqloom.kernels.condition_bias import ConditionBias
from seqloom.kernels.decoder import State
from seqloom.kernels.native_weights import PRECISIONS, NativeWeights, decoding_kernels, default_precision
from seqloom.kernels.output_distribution import OutputDistribution
from seqloom.kernels.speculative import MAX_DRAFT_VOCAB
from seqloom.kernels.weights import checked_weights, draft_weights

__all__ = ["NativeDecoder", "native_decoder"]


class NativeDecoder:
    """A `Decoder` on the compiled kernels.

    Args:
        weights: packed weights.
        condition: biases that the conditions (such as a rating) add; None without conditions.
    """

    def __init__(self, weights: NativeWeights, condition: ConditionBias | None = None) -> None:
        self.weights = weights
        self.condition = condition
        self._lock = threading.Lock()  # all calls of `read` use the same stream

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self.weights.vocabulary

    @property
    def distribution(self) -> OutputDistribution | None:
        """Distribution whose parameters the head puts out in place of logits; None for logits."""
        return self.weights.distribution

    def conditioned(self, condition: ConditionBias) -> "NativeDecoder":
        """Return a decoder with these conditions that shares the weights of this one."""
        return NativeDecoder(self.weights, condition)

    def streams(self, count: int, threads: int | None = None) -> BatchedDecoder:
        """Return `count` streams with the biases of this decoder.

        The streams use the biases for later tokens, even at their first token: only `NativeDecoder.read` adds the
        biases for a first token.

        Args:
            count: number of streams.
            threads: number of threads that share the work; None starts one per processor.
        """
        return BatchedDecoder(self.weights, count, threads, self.condition)

    def initial_state(self) -> State:
        """Return the state before the first token: one array of bytes, read-only."""
        return self._zero_state

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token; return the logits of the next token and the new state.

        Raises:
            IndexError: the token is not in the vocabulary.
        """
        return self.read([token], state)

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; return the logits after the last and the new state.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens.
        """
        if not len(tokens):
            raise ValueError("there are no tokens to read, so there is nothing to predict from")
        remaining = np.asarray(tokens, np.int64)
        self.weights.check_tokens(remaining)
        with self._lock:
            stream = self._stream
            stream.set_state(0, state[0])
            # In the zero state no token was read yet; the first token has other biases than the rest.
            if self.condition is not None and np.array_equal(state[0], self._zero_state[0]):
                stream.set_condition([self.condition.first_token])
                stream.read(0, remaining[:1].astype(np.int32))
                stream.set_condition([self.condition])
                remaining = remaining[1:]
            if len(remaining):
                stream.read(0, remaining.astype(np.int32))
            return stream.logits(0), (_read_only(stream.state(0)),)

    @cached_property
    def _stream(self) -> BatchedDecoder:
        return self.streams(count=1, threads=1)

    @cached_property
    def _zero_state(self) -> State:
        return (_read_only(self.streams(count=1, threads=1).state(stream=0)),)


def native_decoder(
    config: ModelConfig, weights: Mapping[str, np.ndarray], precision: str | None = None
) -> NativeDecoder | None:
    """Return the decoder of a model on the compiled kernels.

    Args:
        config: shape of the network.
        weights: arrays by name; arrays that decoding does not need are ignored.
        precision: number format of the weights, one of `PRECISIONS`; None chooses `default_precision`.

    Returns:
        The decoder; None if the kernels are off or do not support the model, such as one with layer normalisation.

    Raises:
        ConfigError: the precision is unknown, or the core does not support it.
        RunError: arrays are missing, have another shape, or contain NaN or infinity; one line for each.
    """
    if precision is not None and precision not in PRECISIONS:
        raise ConfigError(f"`precision` got {precision!r}: choose from {', '.join(PRECISIONS)}")
    kernels = decoding_kernels(config)
    if kernels is None:
        return None
    checked, drafts = checked_weights(config, weights), draft_weights(config, weights, MAX_DRAFT_VOCAB)
    return NativeDecoder(
        NativeWeights(config, checked, kernels, precision or default_precision(config, kernels), drafts)
    )


def _read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
