"""Constrain the whole text to match a regular expression.

A token is allowed if the text with it matches or can still be extended to a match (partial matching).
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

from seqloom.errors import SeqloomError
from seqloom.sampling.constraints import TextBytes
from seqloom.sampling.sample import FinishReason
from seqloom.sampling.utf8_completions import completions, uses_classes_only

__all__ = ["RegexConstraint", "matches"]

TIMEOUT_SECONDS = 5.0
"""Limit for one token, over all its candidates."""


class _Node(NamedTuple):
    """A node in the prefix tree of all tokens' texts.

    Attributes:
        prefix: text from the root to this node.
        ids: tokens with exactly this text.
        branches: child nodes.
    """

    prefix: str
    ids: tuple[int, ...]
    branches: "tuple[_Node, ...]"


class RegexConstraint:
    """Reject a token after which no extension of the text can match a regular expression.

    Invalid UTF-8 is rejected. An incomplete character is allowed if one of its completions is (see `completions`).

    Args:
        pattern: regular expression in the syntax of the package `regex`.
        token_bytes: bytes of each token id.
    """

    finish_reason: FinishReason = "end"

    def __init__(self, pattern: str, token_bytes: Sequence[bytes]) -> None:
        self._pattern = pattern
        self._deadline = math.inf
        self._classes_only = uses_classes_only(pattern)
        self._token_bytes = tuple(token_bytes)
        texts: list[tuple[str, int]] = []
        self._incomplete: list[int] = []
        for token, piece in enumerate(token_bytes):
            try:
                texts.append((piece.decode(), token))
            except UnicodeDecodeError:
                self._incomplete.append(token)
        self._empty = [token for text, token in texts if not text]
        self._tree = tuple(_branches(sorted(entry for entry in texts if entry[0]), 0))

    def allowed(self, text: TextBytes) -> Bool[np.ndarray, " vocab"]:
        """Return whether the text with each token matches or can be extended to a match.

        Raises:
            SeqloomError: matching takes too long.
        """
        self._deadline = time.monotonic() + TIMEOUT_SECONDS
        mask = np.zeros(len(self._token_bytes), np.bool_)
        split = _split(text)
        if split is None:
            return mask
        characters, tail = split
        if tail:
            candidates: Sequence[int] = range(len(self._token_bytes))
        else:
            candidates = self._incomplete
            mask[list(self._reachable(characters))] = True
            mask[self._empty] = self._can_match(characters)
        tried: dict[Hashable, bool] = {}
        for token in candidates:
            mask[token] = self._may_follow(characters, tail + self._token_bytes[token], tried)
        return mask

    def may_end(self, text: TextBytes) -> bool:
        """Return whether the text matches."""
        split = _split(text)
        return split is not None and not split[1] and matches(self._pattern, split[0])

    def _reachable(self, text: str) -> Iterator[int]:
        """Yield the tokens that may follow `text`; the descendants of a rejected node are skipped."""
        pending = list(self._tree)
        while pending:
            node = pending.pop()
            if self._can_match(text + node.prefix):
                yield from node.ids
                pending.extend(node.branches)

    def _may_follow(self, text: str, piece: bytes, tried: dict[Hashable, bool]) -> bool:
        """Return whether `piece` may follow `text`; `tried` caches the results by kind of character."""
        split = _split(piece)
        if split is None:
            return False
        characters, tail = split
        if not tail or (characters and not self._can_match(text + characters)):
            return not tail and self._can_match(text + characters)
        literals = "" if self._classes_only else {char for char in self._pattern + text if char > "\x7f"}
        matching = [(char, char) for char in literals if char.encode("utf-8", "replace").startswith(tail)]
        for kind, char in (*matching, *completions(tail, self._classes_only)):
            if (characters, kind) not in tried:
                tried[characters, kind] = self._can_match(text + characters + char)
            if tried[characters, kind]:
                return True
        return False

    def _can_match(self, text: str) -> bool:
        """Return whether `text` matches or can be extended to a match."""
        return _fullmatch(self._pattern, text, partial=True, seconds=self._deadline - time.monotonic())


def matches(pattern: str, text: str) -> bool:
    """Return whether the whole `text` matches.

    Raises:
        SeqloomError: matching takes too long.
    """
    return _fullmatch(pattern, text, partial=False, seconds=TIMEOUT_SECONDS)


def _fullmatch(pattern: str, text: str, *, partial: bool, seconds: float) -> bool:
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


def _split(data: TextBytes) -> tuple[str, bytes] | None:
    """Return the complete characters and the bytes of an incomplete one; None for invalid UTF-8."""
    try:
        text, used = codecs.utf_8_decode(data, "strict", False)
    except UnicodeDecodeError:
        return None
    return text, bytes(data[used:])


def _branches(entries: Sequence[tuple[str, int]], depth: int) -> Iterator[_Node]:
    """Yield the nodes for sorted texts that share their first `depth` characters."""
    for _, group in groupby(entries, key=lambda entry: entry[0][depth]):
        members = list(group)
        prefix = _common_prefix(members[0][0], members[-1][0])
        ids = tuple(token for text, token in members if text == prefix)
        longer = [entry for entry in members if entry[0] != prefix]
        yield _Node(prefix, ids, tuple(_branches(longer, len(prefix))))


def _common_prefix(first: str, second: str) -> str:
    same = takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False))
    return "".join(char for char, _ in same)
