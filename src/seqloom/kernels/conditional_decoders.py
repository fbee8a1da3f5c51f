"""Decoders that are told something beside the tokens: ratings, guidance by them, and noise."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float32

from seqloom.kernels.decoder import Decoder, State

__all__ = ["FirstTokenDecoder", "GuidedDecoder", "LatentDecoder"]


class FirstTokenDecoder:
    """A decoder that reads the first token with other weights than those that follow.

    The state is the number of tokens read, then the decoders' own.

    Args:
        first: reads the first token.
        rest: reads all others; its state is of the same kind.
    """

    def __init__(self, first: Decoder, rest: Decoder) -> None:
        self._first, self._rest = first, rest

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self._rest.vocabulary

    def initial_state(self) -> State:
        """No token read."""
        return (np.zeros((), np.int64), *self._rest.initial_state())

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token."""
        return self.read([token], state)

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; give the logits after the last and the new state.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens.
        """
        num_read, *inner = state
        after = tuple(inner)
        if num_read == 0:
            logits, after = self._first.read(tokens[:1], after)
            if len(tokens) == 1:
                return logits, (num_read + 1, *after)
        logits, after = self._rest.read(tokens[1:] if num_read == 0 else tokens, after)
        return logits, (num_read + len(tokens), *after)


class GuidedDecoder:
    """Leads a decoder that is told away from one that is not (Ho, Salimans 2022; Sanchez et al. 2023 for text).

    Its logits are `untold + guidance * (told - untold)`: 1 is the told one's, more exaggerates what it was told. Both
    read the same tokens; the state is the one's, then the other's.

    Args:
        told: of the ratings.
        untold: the same model, which knows none.
        guidance: how far to go.
    """

    def __init__(self, told: Decoder, untold: Decoder, guidance: float) -> None:
        self.conditional, self.unconditional, self.guidance = told, untold, guidance
        self._parts = len(told.initial_state())

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self.conditional.vocabulary

    def initial_state(self) -> State:
        """Of both."""
        return (*self.conditional.initial_state(), *self.unconditional.initial_state())

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token."""
        return self.read([token], state)

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; give the logits after the last and the new state.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens.
        """
        of_told, of_untold = self.split(state)
        told, after_told = self.conditional.read(tokens, of_told)
        untold, after_untold = self.unconditional.read(tokens, of_untold)
        logits = untold + np.float32(self.guidance) * (told - untold)
        return logits, (*after_told, *after_untold)

    def split(self, state: State) -> tuple[State, State]:
        """The states of the told and the untold one."""
        return state[: self._parts], state[self._parts :]


class LatentDecoder:
    """A model that is told noise of each text's own. By itself it decodes the text whose noise is the mean: zeros.

    Args:
        noise: how many numbers.
        told: makes the decoder that is told some noise.
    """

    def __init__(self, noise: int, told: Callable[[Float32[np.ndarray, " noise"]], Decoder]) -> None:
        self.noise, self.conditioned = noise, told
        self.mean = told(np.zeros(noise, np.float32))

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self.mean.vocabulary

    def initial_state(self) -> State:
        """No token read."""
        return self.mean.initial_state()

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token."""
        return self.mean.step(token, state)

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; give the logits after the last and the new state.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens.
        """
        return self.mean.read(tokens, state)
