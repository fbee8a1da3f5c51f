"""Constraints on the text: one mechanism for banned strings, patterns and guards.

A constraint looks at the bytes generated so far and returns which tokens may follow. Rejected tokens are removed before
the draw, and the probabilities of the rest are renormalised. A guard is a function that is called for each candidate
token, for example to prevent copies from the corpus. The boundary is the token that ends a text.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool

from seqloom.sampling.sample import FinishReason

__all__ = ["BannedStrings", "CallbackConstraint", "Constraint", "TextBytes", "TokenPredicate"]

TextBytes = bytes | bytearray

TokenPredicate = Callable[[bytes, bytes], bool]
"""Function `(bytes generated so far, bytes of a candidate token) -> whether the token may follow`."""


@runtime_checkable
class Constraint(Protocol):
    """A constraint on the tokens that may follow a text.

    Attributes:
        finish_reason: finish reason of a sample that ends because this constraint rejects every token.
    """

    @property
    def finish_reason(self) -> FinishReason:
        """See the attributes of the class."""
        ...

    def allowed(self, text: TextBytes) -> Bool[np.ndarray, " vocab"]:
        """Return a mask of the tokens that may follow `text`; the entry of the boundary is ignored.

        The caller changes the mask and `text` afterwards. Therefore return a new mask, and keep no reference to `text`.
        """
        ...

    def may_end(self, text: TextBytes) -> bool:
        """Return whether the boundary may follow, which ends the text."""
        ...


class BannedStrings:
    """Reject a token that would complete a banned string.

    Args:
        banned: banned strings, none of them empty.
        token_bytes: bytes of each token id.
    """

    finish_reason: FinishReason = "stop"

    def __init__(self, banned: Sequence[bytes], token_bytes: Sequence[bytes]) -> None:
        self._contains_banned = np.array([any(string in piece for string in banned) for piece in token_bytes])
        # Beginning of a banned string -> mask of the tokens that complete the string after this beginning.
        self._completing: dict[bytes, Bool[np.ndarray, " vocab"]] = {}
        for string in banned:
            for cut in range(1, len(string)):
                beginning, rest = string[:cut], string[cut:]
                completes = np.array([piece.startswith(rest) for piece in token_bytes])
                if completes.any():
                    earlier = self._completing.get(beginning)  # from another banned string
                    self._completing[beginning] = completes if earlier is None else completes | earlier

    @property
    def static_mask(self) -> Bool[np.ndarray, " vocab"] | None:
        """Mask of the tokens that are allowed after any text; None if the allowed tokens depend on the text."""
        return None if self._completing else ~self._contains_banned

    def allowed(self, text: TextBytes) -> Bool[np.ndarray, " vocab"]:
        """Return False for tokens that contain a banned string, or complete one that begins at the end of `text`."""
        rejected = self._contains_banned.copy()
        for beginning, completes in self._completing.items():
            if text.endswith(beginning):
                rejected |= completes
        return ~rejected

    def may_end(self, text: TextBytes) -> bool:
        """Return True: the boundary adds no text."""
        return True


class CallbackConstraint:
    """Call a function for each token, which decides whether the token may follow.

    Args:
        predicate: function that returns whether a token may follow the bytes so far.
        token_bytes: bytes of each token id.
    """

    finish_reason: FinishReason = "stop"

    def __init__(self, predicate: TokenPredicate, token_bytes: Sequence[bytes]) -> None:
        self._predicate = predicate
        self._token_bytes = tuple(token_bytes)

    def allowed(self, text: TextBytes) -> Bool[np.ndarray, " vocab"]:
        """Return the predicate's answer for each token."""
        prefix = bytes(text)
        return np.array([bool(self._predicate(prefix, piece)) for piece in self._token_bytes])

    def may_end(self, text: TextBytes) -> bool:
        """Return True: the boundary adds no text."""
        return True
