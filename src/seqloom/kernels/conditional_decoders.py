"""Decoders whose predictions depend on more than the tokens: on conditions, on guidance and on noise."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float32

from seqloom.kernels.decoder import Decoder, State
from seqloom.kernels.output_distribution import OutputDistribution

__all__ = ["FirstTokenDecoder", "GuidedDecoder", "LatentDecoder"]


class FirstTokenDecoder:
    """A decoder that reads the first token with other weights than all later tokens.

    Models with conditions need it, because conditions can add a further bias at the first token. The state is the
    number of tokens read, followed by the state that the two inner decoders share.

    Args:
        first: decoder of the first token.
        rest: decoder of all other tokens; its state has the same form.
    """

    def __init__(self, first: Decoder, rest: Decoder) -> None:
        self._first, self._rest = first, rest

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self._rest.vocabulary

    @property
    def distribution(self) -> OutputDistribution | None:
        """Distribution whose parameters the head puts out in place of logits; None for logits."""
        return self._rest.distribution

    def initial_state(self) -> State:
        """Return the state before the first token."""
        return (np.zeros((), np.int64), *self._rest.initial_state())

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token; see `Decoder.step`."""
        return self.read([token], state)

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; see `Decoder.read`.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens.
        """
        num_read, *arrays = state
        inner_state = tuple(arrays)
        if num_read == 0:
            logits, inner_state = self._first.read(tokens[:1], inner_state)
            if len(tokens) == 1:
                return logits, (num_read + 1, *inner_state)
        logits, inner_state = self._rest.read(tokens[1:] if num_read == 0 else tokens, inner_state)
        return logits, (num_read + len(tokens), *inner_state)


class GuidedDecoder:
    """Classifier-free guidance (Ho, Salimans 2022; Sanchez et al. 2023 for text).

    The logits are `unconditional + guidance * (conditional - unconditional)`. A guidance of 1 yields the logits of the
    conditional decoder; a larger one exaggerates the condition. Means and logarithms of deviations, the outputs of
    a mixture, are extrapolated like logits. Both decoders read the same tokens. The state is that
    of the conditional decoder, followed by that of the unconditional one.

    Args:
        conditional: decoder with the condition.
        unconditional: decoder of the same model without the condition.
        guidance: guidance scale.
    """

    def __init__(self, conditional: Decoder, unconditional: Decoder, guidance: float) -> None:
        self.conditional, self.unconditional, self.guidance = conditional, unconditional, guidance
        self._num_conditional_arrays = len(conditional.initial_state())

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self.conditional.vocabulary

    @property
    def distribution(self) -> OutputDistribution | None:
        """Distribution whose parameters the head puts out in place of logits; None for logits."""
        return self.conditional.distribution

    def initial_state(self) -> State:
        """Return the state before the first token."""
        return (*self.conditional.initial_state(), *self.unconditional.initial_state())

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token; see `Decoder.step`."""
        return self.read([token], state)

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; see `Decoder.read`.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens.
        """
        conditional_state, unconditional_state = self.split(state)
        conditional, conditional_state = self.conditional.read(tokens, conditional_state)
        unconditional, unconditional_state = self.unconditional.read(tokens, unconditional_state)
        logits = unconditional + np.float32(self.guidance) * (conditional - unconditional)
        return logits, (*conditional_state, *unconditional_state)

    def split(self, state: State) -> tuple[State, State]:
        """Return the states of the conditional and of the unconditional decoder."""
        return state[: self._num_conditional_arrays], state[self._num_conditional_arrays :]


class LatentDecoder:
    """A model whose texts depend on Gaussian noise: `with_noise` returns the decoder of one sample.

    Used as a decoder itself, the model reads and predicts with the mean of the noise, zeros.

    Args:
        noise_size: dimension of the noise.
        with_noise: function from a noise vector to the decoder with this noise.

    Attributes:
        mean: decoder with zero noise.
    """

    def __init__(self, noise_size: int, with_noise: Callable[[Float32[np.ndarray, " noise"]], Decoder]) -> None:
        self.noise_size, self.with_noise = noise_size, with_noise
        self.mean = with_noise(np.zeros(noise_size, np.float32))

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        return self.mean.vocabulary

    @property
    def distribution(self) -> OutputDistribution | None:
        """Distribution whose parameters the head puts out in place of logits; None for logits."""
        return self.mean.distribution

    def initial_state(self) -> State:
        """Return the state before the first token."""
        return self.mean.initial_state()

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token; see `Decoder.step`."""
        return self.mean.step(token, state)

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; see `Decoder.read`.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens.
        """
        return self.mean.read(tokens, state)
