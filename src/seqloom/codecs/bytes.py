"""One token a UTF-8 byte: a vocabulary of 256 that spells any text and is never fitted."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Self

import numpy as np
from jaxtyping import Integer

from seqloom.codecs.base import Codec, Unknown
from seqloom.codecs.utf8 import spellable, unspellable
from seqloom.codecs.vocabulary import NUM_BYTES
from seqloom.corpora.document import Corpus
from seqloom.errors import CodecError, ConfigError

__all__ = ["ByteCodec"]

_BLOCK = 1 << 16


class ByteCodec(Codec):
    """The 256 bytes; the id of a byte is its value.

    Args:
        separate: whether there is a boundary; its id is 256.
    """

    level = "byte"

    def __init__(self, *, separate: bool = False) -> None:
        self.boundary = NUM_BYTES if separate else None

    @classmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """The codec for `corpus`, without reading it.

        Raises:
            ConfigError: the cap is below the 256 bytes (and the boundary, if the documents are separate).
        """
        needed = NUM_BYTES + corpus.separate
        if vocabulary is not None and vocabulary < needed:
            raise ConfigError(
                f"`vocabulary` got {vocabulary}: the level byte always has {needed} ids here; leave it out"
            )
        return cls(separate=corpus.separate)

    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Integer[np.ndarray, " tokens"]]:
        """The UTF-8 bytes of a text that comes in pieces.

        Raises:
            CodecError: the text holds a lone surrogate.
        """
        for chunk in spellable(chunks):
            for start in range(0, len(chunk), _BLOCK):
                yield np.frombuffer(chunk[start : start + _BLOCK].encode(), np.uint8)

    def unknown_symbols(self, text: str) -> list[Unknown]:
        """The lone surrogates of `text`: everything else can be spelled."""
        return unspellable(text)

    def extend(self, corpus: Corpus) -> Self:
        """This codec, with a boundary if `corpus` needs one."""
        return type(self)(separate=corpus.separate or self.boundary is not None)

    @cached_property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The 256 bytes, and nothing for the boundary."""
        return tuple(bytes((value,)) for value in range(NUM_BYTES)) + ((b"",) if self.boundary is not None else ())

    def to_json(self) -> dict[str, Any]:
        """The level and the boundary's id."""
        return {"level": self.level, "boundary": self.boundary}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The codec that `to_json` described.

        Raises:
            CodecError: the description is damaged.
        """
        boundary = stored.get("boundary", "missing")
        if boundary not in (None, NUM_BYTES):
            raise CodecError(f"the codec is damaged: its boundary is {boundary!r}, not null or {NUM_BYTES}")
        return cls(separate=boundary is not None)
