"""Decoding window by window, for models trained on windows that start from the zero state."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from seqloom.kernels.conditional_decoders import FirstTokenDecoder
from seqloom.kernels.decoder import Decoder, State
from seqloom.kernels.reference_decoder import ReferenceDecoder

__all__ = ["RollingWindowDecoder", "SlidingWindowDecoder", "sliding_window_decoder"]


def sliding_window_decoder(
    decoder: ReferenceDecoder | FirstTokenDecoder, window: int
) -> "RollingWindowDecoder | SlidingWindowDecoder":
    """Return a decoder that predicts each token from the last `window` tokens alone, read from the zero state.

    Args:
        decoder: decoder of one window.
        window: number of tokens per window, 1 or more.
    """
    if window < 1:
        raise ValueError(f"a window has {window} tokens: choose 1 or more")
    if isinstance(decoder, ReferenceDecoder) and decoder.steps_batches:
        return RollingWindowDecoder(decoder, window)
    return SlidingWindowDecoder(decoder, window)


class SlidingWindowDecoder:
    """Read the last `window` tokens again for every prediction, as the model read its training windows.

    The state is one array of ids: the tokens of the window, oldest first, fewer than `window` at the start.

    Args:
        decoder: decoder of one window.
        window: number of tokens per window.
    """

    def __init__(self, decoder: Decoder, window: int) -> None:
        self._decoder = decoder
        self._window = window

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self._decoder.vocabulary

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
    """The predictions of `SlidingWindowDecoder`, from one step of many streams per token instead of a window of steps.

    Every window that is still needed is a stream of its own: each token is read into all streams at once, one stream
    starts at the token from the zero state, and the stream that has now read `window` tokens predicts. So the weights
    are read once per token, not once per token of the window.

    The state is the number of tokens read, followed by the decoder's arrays with the streams stacked on a leading axis.

    Args:
        decoder: decoder that steps batches.
        window: number of tokens per window.
    """

    def __init__(self, decoder: ReferenceDecoder, window: int) -> None:
        self._decoder = decoder
        self._window = window

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self._decoder.vocabulary

    def initial_state(self) -> State:
        """Return the state before the first token, all streams at zero."""
        stacked = (np.zeros((self._window, *part.shape), part.dtype) for part in self._decoder.initial_state())
        return (np.zeros((), np.int64), *stacked)

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token into every stream; return the logits of the oldest."""
        output, state = self._advance(token, state)
        oldest = max(0, int(state[0]) - self._window) % self._window
        return self._decoder.logits(output[oldest]), state

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; tokens that have left the window by the end are skipped.

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
        num_read, *parts = state
        starting = int(num_read) % self._window
        streams = tuple(part.copy() for part in parts)
        for part in streams:
            part[starting] = 0
        output, streams = self._decoder.advance(token, streams)
        return output, (num_read + 1, *streams)
