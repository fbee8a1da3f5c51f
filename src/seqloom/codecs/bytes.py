"""One token per UTF-8 byte: a vocabulary of 256 that encodes any text and needs no fitting."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Self

import numpy as np
from jaxtyping import Integer

from seqloom.codecs.base import JsonObject
from seqloom.codecs.text import TextCodec
from seqloom.codecs.unknown_symbols import UnknownSymbol
from seqloom.codecs.utf8 import check_surrogates, lone_surrogates
from seqloom.codecs.vocabulary import NUM_BYTES
from seqloom.corpora.document import Corpus
from seqloom.errors import CodecError, ConfigError

__all__ = ["ByteCodec"]

_BLOCK_CHARACTERS = 1 << 16
"""Number of characters encoded at once."""


class ByteCodec(TextCodec):
    """The 256 bytes; the id of a byte is its value.

    Args:
        has_boundary: whether the codec has an id for the boundary between documents: 256.
    """

    level = "byte"

    def __init__(self, *, has_boundary: bool = False) -> None:
        self.boundary = NUM_BYTES if has_boundary else None

    @classmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """Return the codec for `corpus`, which is not read.

        Raises:
            ConfigError: `vocabulary` is below the 256 bytes (and the boundary, if there are documents).
        """
        num_ids = NUM_BYTES + corpus.has_separate_documents
        if vocabulary is not None and vocabulary < num_ids:
            raise ConfigError(
                f"`vocabulary` got {vocabulary}: the level byte always has {num_ids} ids here; leave it out"
            )
        return cls(has_boundary=corpus.has_separate_documents)

    def encode_chunks(self, chunks: Iterable[str]) -> Iterator[Integer[np.ndarray, " tokens"]]:
        """Yield the UTF-8 bytes of one text.

        Raises:
            CodecError: the text has a lone surrogate.
        """
        for chunk in check_surrogates(chunks):
            for start in range(0, len(chunk), _BLOCK_CHARACTERS):
                yield np.frombuffer(chunk[start : start + _BLOCK_CHARACTERS].encode(), np.uint8)

    def unknown_symbols(self, text: str) -> list[UnknownSymbol]:
        """Return the lone surrogates of `text`; everything else can be encoded."""
        return lone_surrogates(text)

    def extend(self, corpus: Corpus) -> Self:
        """Return this codec, with a boundary if `corpus` needs one."""
        return type(self)(has_boundary=corpus.has_separate_documents or self.boundary is not None)

    @cached_property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The 256 bytes, and an empty string for the boundary."""
        return tuple(bytes((value,)) for value in range(NUM_BYTES)) + ((b"",) if self.boundary is not None else ())

    def to_json(self) -> dict[str, Any]:
        """Return the level and the id of the boundary."""
        return {"level": self.level, "boundary": self.boundary}

    @classmethod
    def from_json(cls, stored: JsonObject) -> Self:
        """Return the codec described by `to_json`.

        Raises:
            CodecError: the description is damaged.
        """
        boundary = stored.get("boundary", "missing")
        if boundary not in (None, NUM_BYTES):
            raise CodecError(f"the codec is damaged: its boundary is {boundary!r}, not null or {NUM_BYTES}")
        return cls(has_boundary=boundary is not None)
