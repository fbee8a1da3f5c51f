"""Decoding window by window, for models trained on windows that start from a zero state."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32

from seqloom.kernels.decoder import Decoder, State

__all__ = ["WindowedDecoder"]


class WindowedDecoder:
    """Reads the last `window` tokens anew for every prediction, as the model read its training windows.

    The state is one array of ids: the tokens of the window, oldest first, fewer than `window` at the start.

    Args:
        decoder: what reads a window.
        window: tokens that a prediction is made from.
    """

    def __init__(self, decoder: Decoder, window: int) -> None:
        if window < 1:
            raise ValueError(f"a window of {window} tokens holds nothing to predict from")
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
