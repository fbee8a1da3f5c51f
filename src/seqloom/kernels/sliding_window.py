"""Decoding window by window, for models trained on windows that start from the zero state.

A window is the last tokens of a text, up to a fixed number. In training, the state of such a model never results from
more tokens than a window has. The decoders here keep to this limit.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from seqloom.kernels.conditional_decoders import FirstTokenDecoder
from seqloom.kernels.decoder import Decoder, State
from seqloom.kernels.output_distribution import OutputDistribution
from seqloom.kernels.reference_decoder import ReferenceDecoder

__all__ = ["RollingWindowDecoder", "SlidingWindowDecoder", "sliding_window_decoder"]


def sliding_window_decoder(
    decoder: ReferenceDecoder | FirstTokenDecoder, window: int
) -> "RollingWindowDecoder | SlidingWindowDecoder":
    """Return a decoder that predicts each token from the last `window` tokens alone, read from the zero state.

    Args:
        decoder: decoder that reads each window.
        window: number of tokens per window, 1 or more.
    """
    if window < 1:
        raise ValueError(f"a window has {window} tokens, but must have 1 or more")
    # `RollingWindowDecoder` is faster, but needs a decoder that reads a token into several streams at once.
    if isinstance(decoder, ReferenceDecoder) and decoder.steps_batches:
        return RollingWindowDecoder(decoder, window)
    return SlidingWindowDecoder(decoder, window)


class SlidingWindowDecoder:
    """Read the last `window` tokens again for every prediction, as the model read its training windows.

    The state is one array of ids: the tokens of the window, oldest first, fewer than `window` at the start.

    Args:
        decoder: decoder that reads each window.
        window: number of tokens per window.
    """

    def __init__(self, decoder: Decoder, window: int) -> None:
        self._decoder = decoder
        self._window = window

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self._decoder.vocabulary

    @property
    def distribution(self) -> OutputDistribution | None:
        """Distribution whose parameters the head puts out in place of logits; None for logits."""
        return self._decoder.distribution

    def initial_state(self) -> State:
        """Return an empty window."""
        return (np.zeros(0, np.int64),)

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Move the window on by one token and read it from the zero state."""
        return self.read([token], state)

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Move the window on by `tokens` and read it from the zero state.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens.
        """
        if not len(tokens):
            raise ValueError("there are no tokens to read, so there is nothing to predict from")
        window = np.concatenate([state[0], np.asarray(tokens, np.int64)])[-self._window :]
        logits, _ = self._decoder.read(window.tolist(), self._decoder.initial_state())
        return logits, (window,)


class RollingWindowDecoder:
    """Make the predictions of `SlidingWindowDecoder` with one step of `window` streams per token.

    A token lies in `window` windows: it is the first token of one, the second of another, and so on. Each window is a
    stream, and all streams read the token at once. The stream of the window that begins with the token starts from the
    zero state; the stream of the window that ends with the token predicts the next one. The decoder thus reads its
    weights once per token instead of `window` times.

    The state is the number of tokens read, followed by the decoder's arrays with the streams stacked on a leading axis.

    Args:
        decoder: decoder that reads a token into several streams at once (`steps_batches`).
        window: number of tokens per window.
    """

    def __init__(self, decoder: ReferenceDecoder, window: int) -> None:
        self._decoder = decoder
        self._window = window

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self._decoder.vocabulary

    @property
    def distribution(self) -> OutputDistribution | None:
        """Distribution whose parameters the head puts out in place of logits; None for logits."""
        return self._decoder.distribution

    def initial_state(self) -> State:
        """Return the state before the first token, all streams at zero."""
        stacked = (np.zeros((self._window, *array.shape), array.dtype) for array in self._decoder.initial_state())
        return (np.zeros((), np.int64), *stacked)

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token into every stream; return the logits of the oldest."""
        output, state = self._advance(token, state)
        num_read, *_ = state
        # Token number t starts stream t % window, so the oldest stream started with the first token of the window.
        oldest = max(0, int(num_read) - self._window) % self._window
        return self._decoder.logits(output[oldest]), state

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; of more than `window` tokens, read only the last `window`, from the zero state.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens.
        """
        if not len(tokens):
            raise ValueError("there are no tokens to read, so there is nothing to predict from")
        if len(tokens) > self._window:
            tokens, state = tokens[-self._window :], self.initial_state()
        for token in tokens[:-1]:
            _, state = self._advance(token, state)
        return self.step(tokens[-1], state)

    def _advance(self, token: int, state: State) -> tuple[Float32[np.ndarray, "streams hidden"], State]:
        """Start a stream at this token in place of the oldest one; read the token into every stream."""
        num_read, *arrays = state
        started = int(num_read) % self._window
        streams = tuple(array.copy() for array in arrays)
        for array in streams:
            array[started] = 0
        output, streams = self._decoder.advance(token, streams)
        return output, (num_read + 1, *streams)
