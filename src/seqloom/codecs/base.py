"""What every codec offers: text to token ids and back, losslessly, and each id's bytes."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Int, Integer

from seqloom.corpora.document import Corpus
from seqloom.errors import CodecError

__all__ = ["Codec", "Unknown", "describe_unknown", "without"]

Unknown = tuple[int, str]
"""Where in the text (in characters from 0) a symbol stands that the codec cannot spell, and the symbol."""


class Codec(ABC):
    """Documents to tokens and back. Owns the vocabulary.

    A codec is immutable. Ids run from 0 to `len(codec) - 1`. Where the corpus has separate documents, one
    more id, the last one unless the codec was extended, marks the boundary between them and spells nothing.

    Attributes:
        level: the registered name.
        boundary: the id between documents, or None for running text.
    """

    level: ClassVar[str]
    boundary: int | None

    @classmethod
    @abstractmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """Learn the vocabulary in one streaming pass.

        Args:
            corpus: what to read; `corpus.separate` decides whether there is a boundary.
            vocabulary: at most so many symbols; rarer ones are spelled in bytes. None is the level's default.

        Raises:
            ConfigError: the cap is too small to spell anything.
        """

    @abstractmethod
    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Integer[np.ndarray, " tokens"]]:
        """Encode a text that comes in pieces; the ids do not depend on where it was cut, their type may.

        Raises:
            CodecError: a symbol is not in the vocabulary.
        """

    @abstractmethod
    def unknown_symbols(self, text: str) -> list[Unknown]:
        """The symbols of `text` that cannot be spelled; empty for codecs that can spell everything."""

    @abstractmethod
    def extend(self, corpus: Corpus) -> Self:
        """This codec with the new symbols of `corpus` appended; every old id keeps its meaning."""

    @cached_property
    @abstractmethod
    def token_bytes(self) -> tuple[bytes, ...]:
        """The UTF-8 bytes that each id stands for; the boundary's are empty."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """All that `from_json` needs, in JSON's types."""

    @classmethod
    @abstractmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The codec that `to_json` described.

        Raises:
            CodecError: the description is damaged.
        """

    @cached_property
    def fingerprint(self) -> str:
        """sha256, in hexadecimal, of `to_json` in canonical form (sorted keys, no white space)."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @cached_property
    def characters_per_token(self) -> Int[np.ndarray, " vocab"]:
        """How many characters start in each token: its bytes that do not continue a UTF-8 sequence.

        Summed over the tokens of a whole text it is the number of characters, so that nats a token become
        bits a character.
        """
        return np.array([sum(byte & 0xC0 != 0x80 for byte in spelled) for spelled in self.token_bytes], np.int64)

    def __len__(self) -> int:
        return len(self.token_bytes)

    def encode(self, text: str, *, skip_unknown: bool = False) -> Int[np.ndarray, " tokens"]:
        """Encode one text.

        Raises:
            CodecError: a symbol is not in the vocabulary and `skip_unknown` is False; says which, and where.
        """
        unknown = self.unknown_symbols(text)
        if unknown:
            if not skip_unknown:
                raise CodecError(describe_unknown(unknown, skippable=True))
            text = without(text, unknown)
        pieces = list(self.encode_chunks([text]))
        return np.concatenate(pieces, dtype=np.int32) if pieces else np.zeros(0, np.int64)

    def pending_space(self, text: str) -> str:
        """The end of `text` that belongs to the token after it: a space, where words begin with theirs."""
        return ""

    def decode(self, ids: Iterable[int] | Integer[np.ndarray, " tokens"]) -> str:
        """The text that `ids` spell; an unfinished character at either end becomes U+FFFD.

        Raises:
            CodecError: an id is not in the vocabulary.
        """
        table = self.token_bytes
        indices = ids.tolist() if isinstance(ids, np.ndarray) else [int(index) for index in ids]
        if indices and not 0 <= min(indices) <= max(indices) < len(table):
            raise CodecError(f"a token id is outside 0..{len(table) - 1}")
        return b"".join(map(table.__getitem__, indices)).decode("utf-8", "replace")

    @property
    def bos_id(self) -> int:
        """The id that a text without a prompt follows: the boundary, else a new line, else the first id."""
        if self.boundary is not None:
            return self.boundary
        table = self.token_bytes
        return table.index(b"\n") if b"\n" in table else 0


def without(text: str, unknown: Iterable[Unknown]) -> str:
    """The text without its unknown symbols."""
    at = {position for position, _ in unknown}
    return "".join(symbol for position, symbol in enumerate(text) if position not in at) if at else text


def describe_unknown(unknown: list[Unknown], *, skippable: bool = False, most: int = 8) -> str:
    """One line that names the symbols, where each stands first (counted from 1), and what to do about them."""
    first: dict[str, int] = {}
    for position, symbol in unknown:
        first.setdefault(symbol, position)
    shown = ", ".join(
        f"{symbol!r} (U+{ord(symbol[0]):04X}) at character {at + 1}" for symbol, at in list(first.items())[:most]
    )
    more = f" and {len(first) - most} more" if len(first) > most else ""
    remedy = "leave them out with `skip_unknown`" if skippable else "take them out of the text"
    remedy += ", or train on text that has them"
    return f"not in the vocabulary: {shown}{more}; {remedy}"
