"""The interface of decoders: read one stream of tokens, and return the logits of the next token."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Shaped

from seqloom.kernels.output_distribution import OutputDistribution

__all__ = ["Decoder", "State"]

State = tuple[Shaped[Any, "..."], ...]
"""The complete state of a decoder. Its arrays are never changed in place: a state can be kept and used again."""


@runtime_checkable
class Decoder(Protocol):
    """A model that reads one stream of tokens and predicts the next token.

    A decoder knows neither the text that the tokens encode nor how tokens are drawn. The caller keeps the state: `step`
    and `read` take the state before the tokens and return the state after them.
    """

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        ...

    @property
    def distribution(self) -> OutputDistribution | None:
        """Distribution whose parameters `step` and `read` return in place of logits; None for logits."""
        ...

    def initial_state(self) -> State:
        """Return the state before the first token."""
        ...

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token.

        Returns:
            The logits of the next token, and the new state.

        Raises:
            IndexError: the token is not in the vocabulary.
        """
        ...

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order, as if by one `step` for each.

        Returns:
            The logits after the last token, and the new state.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens, so there is nothing to predict from.
        """
        ...
