"""What every decoder of one stream offers, whichever kernel stands behind it."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Shaped

__all__ = ["Decoder", "State"]

State = tuple[Shaped[Any, "..."], ...]
"""All that a decoder remembers. Its arrays are never changed in place: a state can be kept and used again."""


@runtime_checkable
class Decoder(Protocol):
    """Reads one stream of tokens and says what comes next; it knows nothing of text and draws nothing."""

    @property
    def vocabulary(self) -> int:
        """Number of token ids."""
        ...

    def initial_state(self) -> State:
        """What is remembered before the first token."""
        ...

    def step(self, token: int, state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read one token.

        Returns:
            The logits of the token that follows, and the new state.

        Raises:
            IndexError: the token is not in the vocabulary.
        """
        ...

    def read(self, tokens: Sequence[int], state: State) -> tuple[Float32[np.ndarray, " vocab"], State]:
        """Read tokens in order; the same as a `step` for each.

        Returns:
            The logits after the last token, and the new state.

        Raises:
            IndexError: a token is not in the vocabulary.
            ValueError: there are no tokens, so that nothing can be predicted.
        """
        ...
