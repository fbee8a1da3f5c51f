"""The contract of a codec: payloads of one type to token ids and back."""

import hashlib
import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import numpy as np
from jaxtyping import Int, Integer

from seqloom.codecs.unknown_symbols import UnknownSymbol
from seqloom.corpora.document import Corpus
from seqloom.corpora.payloads import Payload
from seqloom.errors import CodecError

__all__ = ["Codec", "Encoded", "JsonObject", "PayloadT", "TokenIds"]

_MAX_LABELS_SHOWN = 8

PayloadT = TypeVar("PayloadT", bound=Payload)

JsonObject = Mapping[str, Any]
"""A JSON object as Python reads it."""

TokenIds = Iterable[int] | Integer[np.ndarray, " tokens"]
"""Token ids in order, of any integer type."""


class Encoded(NamedTuple):
    """A part of an encoded payload.

    Attributes:
        ids: token ids, of any integer type.
        num_units: number of units of the payload, such as characters (see `Codec.unit`), that were read to produce this
            part.
    """

    ids: Integer[np.ndarray, " tokens"]
    num_units: int


class Codec(ABC, Generic[PayloadT]):
    """Payloads to token ids and back; owns the vocabulary.

    A payload is the content of a document, such as a text. A codec is immutable. Ids run from 0 to `len(codec) - 1`.
    Where the corpus has separate documents, one of these ids marks the boundary between them and encodes nothing. It is
    the last id, unless `extend` has appended others.

    Attributes:
        level: name in `registry.CODECS`, such as "char".
        payload_type: type of the payloads that the codec encodes.
        unit: what the size of a payload is counted in, in the singular: "character" for text.
        separator: text between the labels of two tokens in a sample or a prompt; "" where tokens are text themselves.
        head: registered head that a model of these tokens has, unless the user chooses another.
        factors: numbers of values of the parts of tokens (see `ModelConfig.factors`); empty for tokens without parts.
        has_rules: whether `faults` checks generated samples, which are drawn again if they break a rule.
        boundary: id between documents; None where the corpus is one running sequence.
    """

    level: ClassVar[str]
    separator: ClassVar[str] = " "
    head: ClassVar[str] = "softmax"
    factors: ClassVar[tuple[int, ...]] = ()
    has_rules: ClassVar[bool] = False
    payload_type: ClassVar[type[Payload]]
    unit: ClassVar[str]
    boundary: int | None

    @classmethod
    @abstractmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """Learn the vocabulary in one streaming pass.

        Args:
            corpus: training corpus; the codec has a boundary if `corpus.has_separate_documents`.
            vocabulary: largest number of ids; None is the level's default.

        Raises:
            ConfigError: `vocabulary` is too small.
            SourceError: the corpus is empty or holds payloads of another type.
        """

    @abstractmethod
    def extend(self, corpus: Corpus) -> Self:
        """Return this codec with the new symbols of `corpus`, and a boundary if needed; old ids keep their meaning."""

    @abstractmethod
    def encode(self, payload: PayloadT) -> Iterator[Encoded]:
        """Yield the parts of an encoded payload in order. No boundary comes before the first or after the last part.

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
        """Return the number of ids, the boundary included."""

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

    def token_label(self, token: int) -> str:
        """Return a short name of a token, without white space, such as "C4" for a pitch.

        If a codec does not encode text, its samples, prompts and plots show these labels with spaces between them. This
        default implementation returns the id as a string.
        """
        return str(token)

    @cached_property
    def token_bytes(self) -> tuple[bytes, ...]:
        """The UTF-8 bytes that each id adds to a sample's text: its label and the separator. The boundary adds none."""
        labels = (
            b"" if token == self.boundary else f"{self.token_label(token)}{self.separator}".encode()
            for token in range(len(self))
        )
        return tuple(labels)

    def faults(self, ids: TokenIds) -> list[str]:
        """Return the rules that a sample breaks, one line for each; empty for a correct sample."""
        return []

    def encode_text(self, text: str, *, skip_unknown: bool = False) -> Int[np.ndarray, " tokens"]:
        """Return the token ids of a prompt, which consists of labels.

        Args:
            text: labels with white space between them.
            skip_unknown: whether to leave out labels that no token has.

        Raises:
            CodecError: no token has one of the labels, and `skip_unknown` is False.
        """
        unknown = self.unknown_symbols(text)
        if unknown and not skip_unknown:
            shown = ", ".join(dict.fromkeys(repr(label) for _, label in unknown[:_MAX_LABELS_SHOWN]))
            raise CodecError(
                f"not in the vocabulary: {shown}; leave them out with `skip_unknown`, or write the labels of level "
                f"{self.level}, such as {self.token_label(0)!r}"
            )
        ids = self._ids_by_label
        return np.array([ids[label] for label in text.split() if label in ids], np.int64)

    def unknown_symbols(self, text: str) -> list[UnknownSymbol]:
        """Return the labels in `text` that no token has, with their positions."""
        labels = re.finditer(r"\S+", text)
        return [(label.start(), label[0]) for label in labels if label[0] not in self._ids_by_label]

    def known_text(self, text: str) -> str:
        """Return a prompt without the labels that no token has, each label followed by the separator."""
        return "".join(label + self.separator for label in text.split() if label in self._ids_by_label)

    def decode_text(self, ids: TokenIds) -> str:
        """Return what token ids add to a sample's text; an incomplete character at either end becomes U+FFFD.

        Raises:
            CodecError: an id is not in the vocabulary.
        """
        bytes_by_id = self.token_bytes
        id_list = ids.tolist() if isinstance(ids, np.ndarray) else [int(token) for token in ids]
        if id_list and not 0 <= min(id_list) <= max(id_list) < len(bytes_by_id):
            raise CodecError(f"a token id is outside 0..{len(bytes_by_id) - 1}")
        return b"".join(map(bytes_by_id.__getitem__, id_list)).decode("utf-8", "replace")

    def pending_space(self, text: str) -> str:
        """Return the end of a prompt that must become the beginning of the first generated token.

        Where the tokens of words begin with a space, this is a space at the end of the prompt. Here it is empty.
        """
        return ""

    @cached_property
    def _ids_by_label(self) -> dict[str, int]:
        return {self.token_label(token): token for token in range(len(self)) if token != self.boundary}

    @cached_property
    def fingerprint(self) -> str:
        """sha256, in hexadecimal, of `to_json` in canonical form (sorted keys, no white space)."""
        canonical = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def bos_id(self) -> int:
        """The id that stands before the first token of a sequence: the boundary, or 0 if the codec has none."""
        return 0 if self.boundary is None else self.boundary
