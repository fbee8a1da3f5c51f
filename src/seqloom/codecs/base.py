"""The contract of a codec: payloads of one type to token ids and back."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import numpy as np
from jaxtyping import Int, Integer

from seqloom.corpora.document import Corpus
from seqloom.corpora.payloads import Payload

__all__ = ["Codec", "Encoded", "JsonObject", "PayloadT", "TokenIds"]

PayloadT = TypeVar("PayloadT", bound=Payload)

JsonObject = Mapping[str, Any]
"""A JSON object as Python reads it."""

TokenIds = Iterable[int] | Integer[np.ndarray, " tokens"]


class Encoded(NamedTuple):
    """A part of an encoded payload.

    Attributes:
        ids: token ids, of any integer type.
        num_units: units of the payload (see `Codec.unit`) read since the part before this one.
    """

    ids: Integer[np.ndarray, " tokens"]
    num_units: int


class Codec(ABC, Generic[PayloadT]):
    """Payloads to token ids and back; owns the vocabulary.

    A codec is immutable. Ids run from 0 to `len(codec) - 1`. Where the corpus has separate documents, one further id,
    the last one unless the codec was extended, marks the boundary between them and encodes nothing.

    Attributes:
        level: registered name.
        payload_type: type of the payloads.
        unit: what the size of a payload is counted in, singular: "character" for text.
        boundary: id between documents, or None for a running sequence.
    """

    level: ClassVar[str]
    payload_type: ClassVar[type[Payload]]
    unit: ClassVar[str]
    boundary: int | None

    @classmethod
    @abstractmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """Learn the vocabulary in one streaming pass.

        Args:
            corpus: training corpus; the codec has a boundary if `corpus.has_documents`.
            vocabulary: largest number of ids; None is the level's default.

        Raises:
            ConfigError: `vocabulary` is too small.
            SourceError: the corpus is empty or holds payloads of another type.
        """

    @abstractmethod
    def extend(self, corpus: Corpus) -> Self:
        """Return this codec with the new symbols of `corpus` appended; every old id keeps its meaning."""

    @abstractmethod
    def encode(self, payload: PayloadT) -> Iterator[Encoded]:
        """Encode a payload, streaming. No boundary comes before or after it.

        Raises:
            CodecError: a symbol is not in the vocabulary.
        """

    @abstractmethod
    def decode(self, ids: TokenIds) -> PayloadT:
        """Return the payload of token ids.

        Raises:
            CodecError: an id is not in the vocabulary.
        """

    @abstractmethod
    def __len__(self) -> int:
        """Return the vocabulary size, boundary included."""

    @cached_property
    @abstractmethod
    def units_per_token(self) -> Int[np.ndarray, " vocab"]:
        """Units encoded by each token: their sum over an encoded payload is the size of the payload."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return everything that `from_json` needs, in JSON types."""

    @classmethod
    @abstractmethod
    def from_json(cls, stored: JsonObject) -> Self:
        """Return the codec described by `to_json`.

        Raises:
            CodecError: the description is damaged.
        """

    @cached_property
    def fingerprint(self) -> str:
        """sha256, in hexadecimal, of `to_json` in canonical form (sorted keys, no white space)."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def bos_id(self) -> int:
        """The id before a sequence without a prompt: the boundary, or 0 without one."""
        return 0 if self.boundary is None else self.boundary
