"""A regular expression that the whole text must match.

A token may follow if the text with it matches, or can still be extended to something that does (partial
matching).
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
from seqloom.sampling.constraints import Written
from seqloom.sampling.sample import FinishReason
from seqloom.sampling.utf8_completions import completions, uses_classes_only

__all__ = ["RegexConstraint", "matches"]

TIMEOUT_SECONDS = 5.0
"""The longest that one token may wait for the expression, however many candidates are tried."""


class _Node(NamedTuple):
    """A place in the tree of all spellings: what leads to it, the tokens that end there, where it goes on."""

    prefix: str
    ids: tuple[int, ...]
    branches: "tuple[_Node, ...]"


class RegexConstraint:
    """Refuses a token after which the text can no longer come to match a regular expression.

    Bytes that make no UTF-8 character are refused. After the first bytes of a character, what may come is
    decided by trying characters (see `completions`).

    Args:
        pattern: a regular expression as the package `regex` understands it.
        token_bytes: what each id spells.
    """

    finish_reason: FinishReason = "end"

    def __init__(self, pattern: str, token_bytes: Sequence[bytes]) -> None:
        self._pattern = pattern
        self._until = math.inf
        self._classes_only = uses_classes_only(pattern)
        self._token_bytes = tuple(token_bytes)
        spelled: list[tuple[str, int]] = []
        self._parts: list[int] = []
        for token, piece in enumerate(token_bytes):
            try:
                spelled.append((piece.decode(), token))
            except UnicodeDecodeError:
                self._parts.append(token)
        self._empty = [token for text, token in spelled if not text]
        self._tree = tuple(_branches(sorted(entry for entry in spelled if entry[0]), 0))

    def allowed(self, written: Written) -> Bool[np.ndarray, " vocab"]:
        """Whether the text with each token can still come to match.

        Raises:
            SeqloomError: the expression takes too long on this text.
        """
        self._until = time.monotonic() + TIMEOUT_SECONDS
        mask = np.zeros(len(self._token_bytes), np.bool_)
        split = _split(written)
        if split is None:
            return mask
        text, tail = split
        if tail:
            candidates: Sequence[int] = range(len(self._token_bytes))
        else:
            candidates = self._parts
            mask[list(self._reachable(text))] = True
            mask[self._empty] = self._extends(text)
        tried: dict[Hashable, bool] = {}
        for token in candidates:
            mask[token] = self._continues(text, tail + self._token_bytes[token], tried)
        return mask

    def may_end(self, written: Written) -> bool:
        """Whether the text matches as it stands."""
        split = _split(written)
        return split is not None and not split[1] and matches(self._pattern, split[0])

    def _reachable(self, text: str) -> Iterator[int]:
        """The tokens that may follow `text`; below a spelling that may not, none needs to be tried."""
        waiting = list(self._tree)
        while waiting:
            node = waiting.pop()
            if self._extends(text + node.prefix):
                yield from node.ids
                waiting.extend(node.branches)

    def _continues(self, text: str, piece: bytes, tried: dict[Hashable, bool]) -> bool:
        """Whether `text` may go on with `piece`; `tried` keeps the verdicts on kinds of characters."""
        split = _split(piece)
        if split is None:
            return False
        whole, tail = split
        if not tail or (whole and not self._extends(text + whole)):
            return not tail and self._extends(text + whole)
        named = "" if self._classes_only else {sign for sign in self._pattern + text if sign > "\x7f"}
        own = [(sign, sign) for sign in named if sign.encode("utf-8", "replace").startswith(tail)]
        for kind, sign in (*own, *completions(tail, self._classes_only)):
            if (whole, kind) not in tried:
                tried[whole, kind] = self._extends(text + whole + sign)
            if tried[whole, kind]:
                return True
        return False

    def _extends(self, text: str) -> bool:
        """Whether `text` matches, or something that begins with it may."""
        return _matched(self._pattern, text, partial=True, seconds=self._until - time.monotonic())


def matches(pattern: str, text: str) -> bool:
    """Whether the whole of `text` matches.

    Raises:
        SeqloomError: the expression takes too long on this text.
    """
    return _matched(pattern, text, partial=False, seconds=TIMEOUT_SECONDS)


def _matched(pattern: str, text: str, *, partial: bool, seconds: float) -> bool:
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


def _split(data: Written) -> tuple[str, bytes] | None:
    """The finished characters and the bytes of an unfinished one; None if some bytes make no character."""
    try:
        text, used = codecs.utf_8_decode(data, "strict", False)
    except UnicodeDecodeError:
        return None
    return text, bytes(data[used:])


def _branches(entries: Sequence[tuple[str, int]], depth: int) -> Iterator[_Node]:
    """The nodes for sorted spellings that agree in their first `depth` characters."""
    for _, group in groupby(entries, key=lambda entry: entry[0][depth]):
        below = list(group)
        prefix = _common(below[0][0], below[-1][0])
        ids = tuple(token for text, token in below if text == prefix)
        longer = [entry for entry in below if entry[0] != prefix]
        yield _Node(prefix, ids, tuple(_branches(longer, len(prefix))))


def _common(one: str, other: str) -> str:
    """What both begin with."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return "".join(sign for sign, _ in same)
