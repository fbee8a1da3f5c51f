"""Decoding window by window, for models trained on windows that start from a zero state."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from seqloom.kernels.conditional_decoders import FirstTokenDecoder
from seqloom.kernels.decoder import Decoder, State
from seqloom.kernels.reference_decoder import ReferenceDecoder

__all__ = ["SlidingWindowDecoder", "RollingWindowDecoder", "sliding_window_decoder"]


def sliding_window_decoder(decoder: ReferenceDecoder | FirstTokenDecoder, window: int) -> "RollingWindowDecoder | SlidingWindowDecoder":
    """A decoder that predicts each token from the last `window` ones alone, read from the zero state.

    Args:
        decoder: what reads a window.
        window: tokens that a prediction is made from.
    """
    if window < 1:
        raise ValueError(f"a window of {window} tokens holds nothing to predict from")
    if isinstance(decoder, ReferenceDecoder) and decoder.lanes:
        return RollingWindowDecoder(decoder, window)
    return SlidingWindowDecoder(decoder, window)


class SlidingWindowDecoder:
    """Reads the last `window` tokens anew for every prediction, as the model read its training windows.

    The state is one array of ids: the tokens of the window, oldest first, fewer than `window` at the start.
    """

    def __init__(self, decoder: Decoder, window: int) -> None:
        self._decoder = decoder
        self._window = window

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self._decoder.vocabulary

    def initial_state(self) -> State:
        """An empty window."""
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
            raise ValueError("there are no tokens to read, so nothing can be predicted")
        window = np.concatenate([state[0], np.asarray(tokens, np.int64)])[-self._window :]
        logits, _ = self._decoder.read(window.tolist(), self._decoder.initial_state())
        return logits, (window,)


class RollingWindowDecoder:
    """The same predictions as `RereadDecoder`, from one step of many lanes a token instead of a window of steps.

    Every window that is still to be predicted from is under way in a lane of its own: each token is read into all
    lanes at once, one lane begins at it from the zero state, and the lane that has now read `window` tokens predicts.
    The weights are so read once a token, not once a token of the window.

    The state is the number of tokens read, then the decoder's arrays with the lanes stacked before their axes.
    """

    def __init__(self, decoder: ReferenceDecoder, window: int) -> None:
        self._decoder = decoder
        self._window = window

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self._decoder.vocabulary

    def initial_state(self) -> State:
        """No token read, all lanes at zero."""
        stacked = (np.zeros((self._window, *part.shape), part.dtype) for part in self._decoder.initial_state())
        return (np.zeros((), np.int64), *stacked)

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token into every lane; the oldest predicts."""
        output, state = self._advance(token, state)
        oldest = max(0, int(state[0]) - self._window) % self._window
        return self._decoder.logits(output[oldest]), state

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; those that have left the window by the end are passed over.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens.
        """
        if not len(tokens):
            raise ValueError("there are no tokens to read, so nothing can be predicted")
        if len(tokens) > self._window:
            tokens, state = tokens[-self._window :], self.initial_state()
        for token in tokens[:-1]:
            _, state = self._advance(token, state)
        return self.step(tokens[-1], state)

    def _advance(self, token: int, state: State) -> tuple[Float32[np.ndarray, "lanes hidden"], State]:
        num_read, *parts = state
        beginning = int(num_read) % self._window
        lanes = tuple(part.copy() for part in parts)
        for part in lanes:
            part[beginning] = 0
        output, lanes = self._decoder.advance(token, lanes)
        return output, (num_read + 1, *lanes)
