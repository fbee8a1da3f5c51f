"""Constrain the whole text to match a regular expression.

A token is allowed if the text followed by the token matches, or can still be extended to a match (partial matching).
Tokens are bytes, and may begin or end within a character. Bytes that form no complete character yet are an incomplete
character.
"""

import codecs
import math
import time
from collections.abc import Hashable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, takewhile
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from seqloom.config.pattern_syntax import with_greedy_repeats
from seqloom.errors import SeqloomError
from seqloom.sampling.constraints import TextBytes
from seqloom.sampling.sample import FinishReason
from seqloom.sampling.utf8_completions import completions, uses_classes_only

__all__ = ["RegexConstraint", "matches"]

TIMEOUT_SECONDS = 5.0
"""Time limit for one mask of allowed tokens, and for the match of one whole text."""


class _Node(NamedTuple):
    """A node in the prefix tree of all tokens' texts.

    Attributes:
        prefix: text from the root to this node.
        ids: tokens with exactly this text.
        children: nodes whose prefixes extend this one.
    """

    prefix: str
    ids: tuple[int, ...]
    children: "tuple[_Node, ...]"


class RegexConstraint:
    """Reject a token after which no extension of the text can match a regular expression.

    Invalid UTF-8 is rejected. An incomplete character is allowed if at least one character that begins with its bytes
    is allowed. Only a selection of these characters is tried (see `completions`).

    Args:
        pattern: regular expression in the syntax of the package `regex`.
        token_bytes: bytes of each token id.
    """

    finish_reason: FinishReason = "end"  # of a text that matches

    def __init__(self, pattern: str, token_bytes: Sequence[bytes]) -> None:
        self._pattern = with_greedy_repeats(pattern)
        self._deadline = math.inf
        self._classes_only = uses_classes_only(pattern)  # one character of each class is then enough to try
        self._token_bytes = tuple(token_bytes)
        texts: list[tuple[str, int]] = []
        self._incomplete_tokens: list[int] = []  # tokens that begin or end within a character
        for token, piece in enumerate(token_bytes):
            try:
                texts.append((piece.decode(), token))
            except UnicodeDecodeError:
                self._incomplete_tokens.append(token)
        self._empty_tokens = [token for text, token in texts if not text]
        self._root_nodes = tuple(_sibling_nodes(sorted((text, token) for text, token in texts if text), num_shared=0))

    def allowed(self, text: TextBytes) -> Bool[np.ndarray, " vocab"]:
        """Return, for each token, whether the text followed by the token matches or can be extended to a match.

        Raises:
            SeqloomError: matching takes too long.
        """
        self._deadline = time.thread_time() + TIMEOUT_SECONDS
        mask = np.zeros(len(self._token_bytes), np.bool_)
        split = _split_incomplete(text)
        if split is None:
            return mask
        characters, tail = split
        if tail:  # every token continues an incomplete character, so that the tree of complete texts does not apply
            tokens_to_test: Sequence[int] = range(len(self._token_bytes))
        else:
            tokens_to_test = self._incomplete_tokens
            mask[list(self._tokens_in_tree(characters))] = True
            mask[self._empty_tokens] = self._can_match(characters)
        results: dict[Hashable, bool] = {}
        for token in tokens_to_test:
            mask[token] = self._may_follow(characters, tail + self._token_bytes[token], results)
        return mask

    def may_end(self, text: TextBytes) -> bool:
        """Return whether the text matches."""
        split = _split_incomplete(text)
        if split is None:
            return False
        characters, tail = split
        return not tail and matches(self._pattern, characters)

    def _tokens_in_tree(self, text: str) -> Iterator[int]:
        """Yield the tokens of the tree that may follow `text`; skip the descendants of a rejected node."""
        pending = list(self._root_nodes)
        while pending:
            node = pending.pop()
            if self._can_match(text + node.prefix):
                yield from node.ids
                pending.extend(node.children)

    def _may_follow(self, text: str, piece: bytes, results: dict[Hashable, bool]) -> bool:
        """Return whether `piece` may follow `text`.

        Args:
            text: complete characters of the text.
            piece: bytes of an incomplete character of the text, if any, and of a token.
            results: cache of results for this text. A key is the complete characters of `piece`, and the class of the
                character that completes the rest of `piece`.
        """
        split = _split_incomplete(piece)
        if split is None:
            return False
        characters, tail = split
        if not tail:
            return self._can_match(text + characters)
        if characters and not self._can_match(text + characters):
            return False
        # The pattern may require a character that it contains, or, by a back-reference, a character of the text.
        # `completions` may omit these characters.
        literals = "" if self._classes_only else {char for char in self._pattern + text if char > "\x7f"}
        literal_completions = [(char, char) for char in literals if char.encode("utf-8", "replace").startswith(tail)]
        for char_class, char in (*literal_completions, *completions(tail, self._classes_only)):
            if (characters, char_class) not in results:
                results[characters, char_class] = self._can_match(text + characters + char)
            if results[characters, char_class]:
                return True
        return False

    def _can_match(self, text: str) -> bool:
        """Return whether `text` matches or can be extended to a match."""
        return _fullmatch(self._pattern, text, partial=True, seconds=self._deadline - time.thread_time())


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole `text` matches.

    Raises:
        SeqloomError: matching takes too long.
    """
    return _fullmatch(pattern, text, partial=False, seconds=TIMEOUT_SECONDS)


def _fullmatch(pattern: str, text: str, *, partial: bool, seconds: float) -> bool:
    """Return whether the whole text matches, or, if `partial`, can be extended to a match; stop after `seconds`."""
    try:
        if seconds <= 0:
            raise TimeoutError
        return _compiled(pattern).fullmatch(text, partial=partial, timeout=seconds) is not None
    except TimeoutError:
        raise SeqloomError(
            f"`pattern` {pattern!r} takes more than {TIMEOUT_SECONDS:g} seconds to match {len(text)} "
            "characters: write it without nested repetitions, or lower `length`"
        ) from None


@lru_cache(maxsize=16)
def _compiled(pattern: str) -> Any:
    import regex

    return regex.compile(pattern)


def _split_incomplete(data: TextBytes) -> tuple[str, bytes] | None:
    """Return the complete characters, and the bytes of an incomplete one at the end; None for invalid UTF-8."""
    try:
        is_end = False  # so that an incomplete character at the end is not an error
        characters, num_decoded = codecs.utf_8_decode(data, "strict", is_end)
    except UnicodeDecodeError:
        return None
    return characters, bytes(data[num_decoded:])


def _sibling_nodes(entries: Sequence[tuple[str, int]], num_shared: int) -> Iterator[_Node]:
    """Yield nodes for tokens whose texts share their first `num_shared` characters: one for each next character.

    Args:
        entries: text and id of each token, sorted; every text is longer than `num_shared`.
        num_shared: number of shared characters.
    """
    for _, group in groupby(entries, key=lambda entry: entry[0][num_shared]):
        members = list(group)
        (first, _), (last, _) = members[0], members[-1]
        prefix = _common_prefix(first, last)  # of all members, since they are sorted
        ids = tuple(token for text, token in members if text == prefix)
        longer = [(text, token) for text, token in members if text != prefix]
        yield _Node(prefix, ids, tuple(_sibling_nodes(longer, num_shared=len(prefix))))


def _common_prefix(first: str, second: str) -> str:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    return "".join(char for char, _ in same)
