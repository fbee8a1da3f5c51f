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
    separator: ClassVar[str] = ""

    @cached_property
    @abstractmethod
    def token_bytes(self) -> tuple[bytes, ...]:
        """The UTF-8 bytes of each id; the boundary has none."""

    @abstractmethod
    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Integer[np.ndarray, " tokens"]]:
        """Encode the chunks of one text. The cuts between chunks may change the integer type of the ids, not the ids.

        Raises:
            CodecError: a symbol is not in the vocabulary.
        """

    @abstractmethod
    def unknown_symbols(self, text: str) -> list[UnknownSymbol]:
        """Return the symbols of `text` outside the vocabulary."""

    def known_text(self, text: str) -> str:
        """Return `text` without its symbols outside the vocabulary."""
        return remove_unknown(text, self.unknown_symbols(text))

    def encode(self, payload: TextPayload) -> Iterator[Encoded]:
        """Encode a text, with a boundary between its passages (parts that end like separate documents).

        Raises:
            CodecError: a symbol is not in the vocabulary.
        """
        counter = _CharacterCounter()
        for number, passage in enumerate(payload.passages()):
            if number and self.boundary is not None:
                yield Encoded(np.array([self.boundary]), num_units=0)
            for ids in self.encode_chunks(counter.read(passage)):
                yield Encoded(ids, num_units=counter.take())

    def decode(self, ids: TokenIds) -> TextPayload:
        """Return the text of token ids as a payload; see `decode_text`."""
        return TextPayload.from_text(self.decode_text(ids))

    def encode_text(self, text: str, *, skip_unknown: bool = False) -> Int[np.ndarray, " tokens"]:
        """Encode a string.

        Args:
            text: text of a single passage.
            skip_unknown: whether symbols that are not in the vocabulary are left out.

        Raises:
            CodecError: a symbol is not in the vocabulary and `skip_unknown` is False; the message says which, and
                where.
        """
        unknown = self.unknown_symbols(text)
        if unknown:
            if not skip_unknown:
                raise CodecError(describe_unknown(unknown, skippable=True))
            text = remove_unknown(text, unknown)
        id_arrays = list(self.encode_chunks([text]))
        return np.concatenate(id_arrays, dtype=np.int32) if id_arrays else np.zeros(0, np.int64)

    def __len__(self) -> int:
        return len(self.token_bytes)

    @cached_property
    def characters_per_token(self) -> Int[np.ndarray, " vocab"]:
        """Number of characters that start in each token: its bytes except the continuation bytes of UTF-8.

        The sum over the tokens of a whole text is the number of the text's characters, which is needed to convert nats
        per token to bits per character.
        """
        return np.array([sum(byte & 0xC0 != 0x80 for byte in spelling) for spelling in self.token_bytes], np.int64)

    @cached_property
    def units_per_token(self) -> Int[np.ndarray, " vocab"]:
        """Number of characters that start in each token."""
        return self.characters_per_token

    @property
    def bos_id(self) -> int:
        """The id that stands before the first token of a text: the boundary, else a line feed, else the first id."""
        if self.boundary is not None:
            return self.boundary
        bytes_by_id = self.token_bytes
        return bytes_by_id.index(b"\n") if b"\n" in bytes_by_id else 0


def as_text_codec(codec: Codec[Any]) -> TextCodec:
    """Return a codec after a check that it encodes text.

    Raises:
        CodecError: the codec encodes another kind of sequence.
    """
    if not isinstance(codec, TextCodec):
        kind = codec.payload_type.kind
        raise CodecError(
            f"the run was trained with the level {codec.level}, which encodes {kind}, but this works with text only: "
            "choose a run that was trained on text"
        )
    return codec


class _CharacterCounter:
    """Counts the characters of the chunks that pass through `read`."""

    def __init__(self) -> None:
        self._count = 0

    def read(self, chunks: Iterable[str]) -> Iterator[str]:
        for chunk in chunks:
            self._count += len(chunk)
            yield chunk

    def take(self) -> int:
        """Return the number of characters read since the last call, and start again at 0."""
        count, self._count = self._count, 0
        return count
