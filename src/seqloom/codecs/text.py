"""Codecs of text: every token is a string of UTF-8 bytes, and the encoding is lossless."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Int, Integer

from seqloom.codecs.base import Codec, Encoded, TokenIds
from seqloom.codecs.unknown_symbols import UnknownSymbol, describe_unknown, remove_unknown
from seqloom.corpora.payloads import Payload, TextPayload
from seqloom.errors import CodecError

__all__ = ["TextCodec", "as_text_codec"]


class TextCodec(Codec[TextPayload]):
    """Text to token ids and back; the ids do not depend on the chunks of the text."""

    payload_type: ClassVar[type[Payload]] = TextPayload
    unit: ClassVar[str] = "character"

    @cached_property
    @abstractmethod
    def token_bytes(self) -> tuple[bytes, ...]:
        """The UTF-8 bytes of each id; the boundary has none."""

    @abstractmethod
    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Integer[np.ndarray, " tokens"]]:
        """Encode the chunks of one text; the ids do not depend on the cuts, their integer type may.

        Raises:
            CodecError: a symbol is not in the vocabulary.
        """

    @abstractmethod
    def unknown_symbols(self, text: str) -> list[UnknownSymbol]:
        """Return the symbols of `text` outside the vocabulary."""

    def encode(self, payload: TextPayload) -> Iterator[Encoded]:
        """Encode a text, with a boundary between its passages.

        Raises:
            CodecError: a symbol is not in the vocabulary.
        """
        counter = _CharacterCounter()
        for number, passage in enumerate(payload.passages()):
            if number and self.boundary is not None:
                yield Encoded(np.array([self.boundary]), 0)
            for ids in self.encode_chunks(counter.read(passage)):
                yield Encoded(ids, counter.reset())

    def decode(self, ids: TokenIds) -> TextPayload:
        """Return the text of token ids as a payload; see `decode_text`."""
        return TextPayload.from_text(self.decode_text(ids))

    def encode_text(self, text: str, *, skip_unknown: bool = False) -> Int[np.ndarray, " tokens"]:
        """Encode a string.

        Args:
            text: text without passages.
            skip_unknown: leave out symbols that are not in the vocabulary.

        Raises:
            CodecError: a symbol is not in the vocabulary and `skip_unknown` is False; says which, and where.
        """
        unknown = self.unknown_symbols(text)
        if unknown:
            if not skip_unknown:
                raise CodecError(describe_unknown(unknown, skippable=True))
            text = remove_unknown(text, unknown)
        parts = list(self.encode_chunks([text]))
        return np.concatenate(parts, dtype=np.int32) if parts else np.zeros(0, np.int64)

    def decode_text(self, ids: TokenIds) -> str:
        """Return the text of token ids; an incomplete character at either end becomes U+FFFD.

        Raises:
            CodecError: an id is not in the vocabulary.
        """
        table = self.token_bytes
        indices = ids.tolist() if isinstance(ids, np.ndarray) else [int(index) for index in ids]
        if indices and not 0 <= min(indices) <= max(indices) < len(table):
            raise CodecError(f"a token id is outside 0..{len(table) - 1}")
        return b"".join(map(table.__getitem__, indices)).decode("utf-8", "replace")

    def pending_space(self, text: str) -> str:
        """Return the end of `text` that belongs to the next token: a space, where words begin with theirs."""
        return ""

    def __len__(self) -> int:
        return len(self.token_bytes)

    @cached_property
    def characters_per_token(self) -> Int[np.ndarray, " vocab"]:
        """Characters that start in each token: its bytes except the continuation bytes of UTF-8.

        The sum over the tokens of a whole text is its number of characters, which converts nats per token to bits per
        character.
        """
        return np.array([sum(byte & 0xC0 != 0x80 for byte in spelling) for spelling in self.token_bytes], np.int64)

    @cached_property
    def units_per_token(self) -> Int[np.ndarray, " vocab"]:
        """Characters that start in each token."""
        return self.characters_per_token

    @property
    def bos_id(self) -> int:
        """The id before a text without a prompt: the boundary, else a new line, else the first id."""
        if self.boundary is not None:
            return self.boundary
        table = self.token_bytes
        return table.index(b"\n") if b"\n" in table else 0


def as_text_codec(codec: Codec[Any]) -> TextCodec:
    """Return a codec after a check that it encodes text.

    Raises:
        CodecError: the codec encodes another kind of sequence.
    """
    if not isinstance(codec, TextCodec):
        kind = codec.payload_type.kind
        raise CodecError(f"this works with text, and the level {codec.level} encodes {kind}: choose a run of text")
    return codec


class _CharacterCounter:
    """Counts the characters of chunks that pass through `read`."""

    def __init__(self) -> None:
        self._count = 0

    def read(self, chunks: Iterable[str]) -> Iterator[str]:
        for chunk in chunks:
            self._count += len(chunk)
            yield chunk

    def reset(self) -> int:
        """Return the number of characters since the last call."""
        count, self._count = self._count, 0
        return count
