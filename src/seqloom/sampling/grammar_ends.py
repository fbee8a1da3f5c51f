"""Where a text ends that must belong to a grammar.

A run that was trained on running text has no token that ends a text. Once the text belongs to the grammar, the model
draws freely, and a token that the grammar does not allow ends the text: with the pattern `[a-z]+`, the space after a
word does. A text that reaches its maximum length is cut after the last token with which it belonged to the grammar.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from seqloom.sampling.constraints import TextBytes
from seqloom.sampling.request import GenerationRequest, allowed_tokens
from seqloom.sampling.sample import FinishReason

__all__ = ["TokenChoice", "longest_match", "token_choice"]


class TokenChoice(NamedTuple):
    """The tokens that may be drawn after a text.

    Attributes:
        mask: tokens that may be drawn; None allows all.
        ending: tokens among them that end the text instead of extending it; None if there are none.
    """

    mask: Bool[np.ndarray, " vocab"] | None
    ending: Bool[np.ndarray, " vocab"] | None = None

    def ends(self, token: int) -> bool:
        """Return whether the token ends the text instead of extending it."""
        return self.ending is not None and bool(self.ending[token])


def token_choice(request: GenerationRequest, text: TextBytes, num_tokens: int) -> TokenChoice | FinishReason:
    """Return the tokens that may be drawn after a text, or a finish reason if there are none.

    Args:
        request: generation request.
        text: bytes generated so far.
        num_tokens: number of tokens generated so far.
    """
    allowed = allowed_tokens(request, text, num_tokens)
    if isinstance(allowed, str):
        return allowed
    grammar = request.grammar
    has_end = request.boundary is not None
    if allowed is None or grammar is None or has_end or num_tokens < max(1, request.config.min_length):
        return TokenChoice(allowed)
    if not grammar.may_end(text):
        return TokenChoice(allowed)
    drawable = allowed_tokens(request.without_grammar(), text, num_tokens)
    if drawable is None:
        return TokenChoice(None, ~allowed)
    assert not isinstance(drawable, str)  # `allowed` has fewer tokens
    return TokenChoice(drawable, drawable & ~allowed)


def longest_match(request: GenerationRequest, tokens: Sequence[int]) -> int:
    """Return how many of the tokens form the longest text that belongs to the grammar; all if none does.

    Args:
        request: generation request; without a grammar, all tokens count.
        tokens: ids of a text that has reached its maximum length.
    """
    grammar = request.grammar
    if grammar is None:
        return len(tokens)
    pieces = [request.added_bytes(token, position) for position, token in enumerate(tokens)]
    text = b"".join(pieces)
    for count in range(len(tokens), max(0, request.config.min_length - 1), -1):
        if grammar.may_end(text):
            return count
        text = text[: len(text) - len(pieces[count - 1])]
    return len(tokens)
