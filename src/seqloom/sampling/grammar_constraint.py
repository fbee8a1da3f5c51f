"""Constrain the whole text to a regular expression, a JSON schema or a grammar.

The package llguidance computes the tokens that may follow a text: those after which the text can still be extended to
one of the grammar's. Its matcher reads a text byte by byte, so it does not matter how the text is divided into tokens,
and tokens may begin or end within a character.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from seqloom.config.text_grammars import GrammarSetting, llguidance_grammar
from seqloom.errors import ConfigError, SeqloomError
from seqloom.sampling.constraints import TextBytes
from seqloom.sampling.sample import FinishReason

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

__all__ = ["TIMEOUT_SECONDS", "GrammarConstraint"]

TIMEOUT_SECONDS = 5.0
"""Limit of the processor time in which `regex` checks one finished text."""

_END = b"<end>"
"""Name of the token that llguidance allows after a complete text."""


class GrammarConstraint:
    """Reject a token after which no extension of the text belongs to a grammar.

    Args:
        setting: kind of the grammar.
        grammar: regular expression, JSON schema, or grammar in the syntax of Lark or GBNF.
        token_bytes: bytes of each token id.
    """

    finish_reason: FinishReason = "end"  # of a text that belongs to the grammar

    def __init__(self, setting: GrammarSetting, grammar: str, token_bytes: Sequence[bytes]) -> None:
        self._setting, self._grammar = setting, grammar
        pieces = tuple(sorted({piece for piece in token_bytes if piece}))
        position = {piece: index for index, piece in enumerate(pieces)}
        self._piece_of_token = np.array([position.get(piece, len(pieces)) for piece in token_bytes])
        self._first_byte_token = len(pieces)
        self._pieces = pieces
        self._matcher = self._new_matcher()
        self._text = b""  # what the matcher has read

    def check_start(self) -> None:
        """Check that the run can write the beginning of a text of the grammar.

        Raises:
            ConfigError: no token begins one.
        """
        if self.allowed(b"").any() or self.may_end(b""):
            return
        raise ConfigError(
            f"`{self._setting}` begins with {' or '.join(map(repr, self.next_characters(b'')))}, which this run never "
            "writes: use only characters of the training text"
        )

    def next_characters(self, text: TextBytes, limit: int = 3) -> list[str]:
        """Return characters after which the text can be extended to one of the grammar's, whether the run has them.

        Args:
            text: beginning of a text; it may end within a character, which is then completed.
            limit: largest number of characters.
        """
        complete = bytes(text).decode(errors="ignore").encode()
        started = [bytes(text)[len(complete) :]]
        characters: list[str] = []
        while started and len(characters) < limit:
            beginning = started.pop()
            if beginning and (character := beginning.decode(errors="ignore")):
                characters.append(character)
            elif self._read(complete + beginning):
                mask = np.frombuffer(self._matcher.compute_logit_bias(), np.uint8)
                allowed = np.flatnonzero(mask[self._first_byte_token : self._first_byte_token + 256])
                started += [beginning + bytes([byte]) for byte in reversed(allowed.tolist())]
        return characters

    def allowed(self, text: TextBytes) -> Bool[np.ndarray, " vocab"]:
        """Return, for each token, whether the text followed by the token can be extended to one of the grammar's.

        A token without bytes may follow if the text can be extended.

        Raises:
            SeqloomError: the grammar is too complex to follow.
        """
        if not self._read(bytes(text)):
            return np.zeros(len(self._piece_of_token), np.bool_)
        pieces = self._allowed_pieces()
        if self._matcher.is_error() and self._read_again(bytes(text)):
            pieces = self._allowed_pieces()
        self._check_matcher()
        can_go_on = bool(pieces.any()) or self._matcher.is_accepting()
        mask: Bool[np.ndarray, " vocab"] = np.append(pieces, can_go_on)[self._piece_of_token]
        return mask

    def _allowed_pieces(self) -> Bool[np.ndarray, " pieces"]:
        return np.frombuffer(self._matcher.compute_logit_bias(), np.uint8)[: self._first_byte_token] > 0

    def may_end(self, text: TextBytes) -> bool:
        """Return whether the text belongs to the grammar."""
        return self._read(bytes(text)) and self._matcher.is_accepting()

    def matches(self, text: str) -> bool:
        """Return whether a finished text belongs to the grammar.

        A regular expression and a JSON text are checked independently of llguidance as well.

        Raises:
            SeqloomError: the check takes too long.
        """
        return self.may_end(text.encode()) and (
            self._setting == "grammar"
            or (self._setting == "pattern" and _fullmatch(self._grammar, text))
            or (self._setting == "json_schema" and _is_json(text))
        )

    def _new_matcher(self) -> "LLMatcher":
        """Return a matcher at the beginning of a text.

        Raises:
            ConfigError: the grammar cannot be followed.
        """
        from llguidance import LLMatcher

        grammar = llguidance_grammar(self._setting, self._grammar)
        matcher = LLMatcher(_tokenizer(self._pieces), grammar, log_level=0)
        if matcher.is_error():
            raise ConfigError(f"`{self._setting}` cannot be followed: {matcher.get_error().splitlines()[0]}")
        return matcher

    def _read(self, text: bytes) -> bool:
        """Bring the matcher to a text; return whether the text can be extended to one of the grammar's."""
        shared = _shared_length(self._text, text)
        if shared < len(self._text):
            self._matcher.rollback(len(self._text) - shared)
        self._text = text[:shared]
        added = text[shared:]
        num_read = self._matcher.try_consume_tokens([self._first_byte_token + byte for byte in added])
        self._text += added[:num_read]
        if self._matcher.is_error():
            return self._read_again(text)
        return num_read == len(added)

    def _read_again(self, text: bytes) -> bool:
        """Read a text with a new matcher: the old one has grown with all texts that it has read, to its limit."""
        self._matcher, self._text = self._new_matcher(), b""
        num_read = self._matcher.try_consume_tokens([self._first_byte_token + byte for byte in text])
        self._check_matcher()
        self._text = text[:num_read]
        return num_read == len(text)

    def _check_matcher(self) -> None:
        if not self._matcher.is_error():
            return
        error = self._matcher.get_error().splitlines()[0]
        self._matcher, self._text = self._new_matcher(), b""
        if "NoExtension" in error:
            raise ConfigError(f"`{self._setting}` allows no text at all: write it in another way")
        raise SeqloomError(f"`{self._setting}` is too complex to follow ({error}): simplify it, or lower `length`")


def _shared_length(first: bytes, second: bytes) -> int:
    """Return how many bytes two texts share at their beginning."""
    if second.startswith(first):  # almost always
        return len(first)
    least, most = 0, min(len(first), len(second))
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if first[:middle] == second[:middle] else (least, middle - 1)
    return least


class _Vocabulary:
    """The tokens of a tokenizer, in the form that llguidance reads: pieces of text, single bytes, and an end.

    The bytes are tokens of their own, so that the matcher can read any text. They are never offered.
    """

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.tokens = [*pieces, *(bytes([value]) for value in range(256)), _END]
        self.eos_token_id = len(self.tokens) - 1
        self.bos_token_id = None
        self.special_token_ids = [self.eos_token_id]
        self._first_byte_token = len(pieces)

    def __call__(self, text: bytes | str) -> list[int]:
        """Return the tokens of a text: its bytes."""
        data = text.encode() if isinstance(text, str) else text
        return [self._first_byte_token + byte for byte in data]


@lru_cache(maxsize=4)
def _tokenizer(pieces: tuple[bytes, ...]) -> "LLTokenizer":
    from llguidance import LLTokenizer, TokenizerWrapper

    return LLTokenizer(TokenizerWrapper(_Vocabulary(pieces)), slices=[])


def _fullmatch(pattern: str, text: str) -> bool:
    try:
        return _compiled(pattern).fullmatch(text, timeout=TIMEOUT_SECONDS) is not None
    except TimeoutError:
        raise SeqloomError(
            f"`pattern` {pattern!r} takes more than {TIMEOUT_SECONDS:g} seconds to match {len(text)} "
            "characters: write it without nested repetitions, or lower `length`"
        ) from None


@lru_cache(maxsize=16)
def _compiled(pattern: str) -> Any:
    import regex

    return regex.compile(pattern)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    except RecursionError:  # deeper than Python reads
        return True
    return True
