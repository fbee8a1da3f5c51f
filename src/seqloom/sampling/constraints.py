"""What may be written next: one mechanism for bans, patterns and guards.

A constraint looks at the bytes written so far and says which tokens may follow. What it refuses is removed
before the draw and the rest is renormalised, so the draw is exactly from the model's distribution given that
no refused token comes.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool

from seqloom.sampling.sample import FinishReason

__all__ = ["BannedStrings", "CallbackConstraint", "Constraint", "TokenPredicate", "Written"]

Written = bytes | bytearray

TokenPredicate = Callable[[bytes, bytes], bool]
"""`(bytes written so far, bytes of a candidate token) -> whether the token may follow`."""


@runtime_checkable
class Constraint(Protocol):
    """Says which tokens may follow a text.

    Attributes:
        finish_reason: what a sample's end is called when this constraint alone refuses every token.
    """

    @property
    def finish_reason(self) -> FinishReason:
        """See above."""
        ...

    def allowed(self, written: Written) -> Bool[np.ndarray, " vocab"]:
        """A new array: whether each token may follow `written`, which must not be kept.

        What it says of the boundary is ignored.
        """
        ...

    def may_end(self, written: Written) -> bool:
        """Whether the text may end here by its boundary."""
        ...


class BannedStrings:
    """Refuses a token if the text would then hold a banned string.

    Args:
        banned: the strings, none of them empty.
        token_bytes: what each id spells.
    """

    finish_reason: FinishReason = "stop"

    def __init__(self, banned: Sequence[bytes], token_bytes: Sequence[bytes]) -> None:
        self._within = np.array([any(string in piece for string in banned) for piece in token_bytes])
        self._after: dict[bytes, Bool[np.ndarray, " vocab"]] = {}
        for string in banned:
            for cut in range(1, len(string)):
                completes = np.array([piece.startswith(string[cut:]) for piece in token_bytes])
                if completes.any():
                    earlier = self._after.get(string[:cut])
                    self._after[string[:cut]] = completes if earlier is None else completes | earlier

    @property
    def everywhere(self) -> Bool[np.ndarray, " vocab"] | None:
        """What is allowed after any text; None where that hangs on the text."""
        return None if self._after else ~self._within

    def allowed(self, written: Written) -> Bool[np.ndarray, " vocab"]:
        """False where a banned string lies in the token, or begins in the text and ends in the token."""
        refused = self._within.copy()
        for beginning, completes in self._after.items():
            if written.endswith(beginning):
                refused |= completes
        return ~refused

    def may_end(self, written: Written) -> bool:
        """Always: ending adds nothing."""
        return True


class CallbackConstraint:
    """Asks a callable about each token.

    Args:
        guard: says whether a token may follow the bytes written so far.
        token_bytes: what each id spells.
    """

    finish_reason: FinishReason = "stop"

    def __init__(self, guard: TokenPredicate, token_bytes: Sequence[bytes]) -> None:
        self._guard = guard
        self._token_bytes = tuple(token_bytes)

    def allowed(self, written: Written) -> Bool[np.ndarray, " vocab"]:
        """What the guard says of each token."""
        text = bytes(written)
        return np.array([bool(self._guard(text, piece)) for piece in self._token_bytes])

    def may_end(self, written: Written) -> bool:
        """Always: ending adds nothing."""
        return True
