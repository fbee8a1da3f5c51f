"""The common part of codecs whose tokens have names: the vocabulary consists of the names that the corpus has."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, Self

import numpy as np
from jaxtyping import Int

from seqloom.codecs.base import Codec, Encoded, JsonObject, PayloadT, TokenIds
from seqloom.codecs.vocabulary import Vocabulary
from seqloom.corpora.document import Corpus
from seqloom.errors import CodecError, ConfigError

__all__ = ["NamedTokens"]


class NamedTokens(Codec[PayloadT]):
    """Tokens by name; the last one is the boundary.

    Args:
        vocabulary: names of the tokens.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.boundary = vocabulary.boundary

    @classmethod
    @abstractmethod
    def names_of(cls, payload: PayloadT) -> Sequence[str]:
        """Return the names of the tokens of a payload."""

    @classmethod
    @abstractmethod
    def payload_of(cls, names: Iterable[str]) -> PayloadT:
        """Return the payload of tokens in any order."""

    @classmethod
    @abstractmethod
    def is_unit(cls, name: str) -> bool:
        """Return whether a token begins a unit, such as a note."""

    @classmethod
    def fit(cls, corpus: Corpus, *, vocabulary: int | None = None) -> Self:
        """Collect the tokens of all documents, the most frequent first."""
        names = [name for name, _ in cls._count(corpus).most_common()]
        needed = len(names) + corpus.has_separate_documents
        if vocabulary is not None and vocabulary < needed:
            raise ConfigError(f"`vocabulary` got {vocabulary}, and the source has {needed} tokens: leave it out")
        return cls(Vocabulary.build(names, byte_fallback=False, has_boundary=corpus.has_separate_documents))

    def extend(self, corpus: Corpus) -> Self:
        """Append the tokens that this codec lacks."""
        new = [name for name, _ in self._count(corpus).most_common() if name not in self.vocabulary.ids]
        return type(self)(self.vocabulary.extend(new, has_boundary=corpus.has_separate_documents))

    @classmethod
    def _count(cls, corpus: Corpus) -> Counter[str]:
        counts: Counter[str] = Counter()
        for document in corpus:
            counts.update(cls.names_of(document.payload_as(cls.payload_type)))  # type: ignore[arg-type]
        return counts

    def encode(self, payload: PayloadT) -> Iterator[Encoded]:
        """Yield the tokens of a document."""
        names = self.names_of(payload)
        ids = self.vocabulary.ids
        if unknown := next((name for name in names if name not in ids), None):
            raise CodecError(f"not in the vocabulary: {unknown.strip()!r}; train on a source that has it")
        yield Encoded(np.array([ids[name] for name in names], np.int64), sum(map(self.is_unit, names)))

    def decode(self, ids: TokenIds) -> PayloadT:
        """Return the payload of tokens in any order; a token that makes no sense where it stands is left out."""
        tokens = self.vocabulary.tokens
        numbers = [int(token) for token in ids]
        if unknown := next((number for number in numbers if not 0 <= number < len(tokens)), None):
            raise CodecError(f"token {unknown} is outside 0..{len(tokens) - 1}")
        return self.payload_of(name for number in numbers if isinstance(name := tokens[number], str))

    def token_label(self, token: int) -> str:
        """Return the name of a token."""
        return str(self.vocabulary.tokens[token])

    def __len__(self) -> int:
        return len(self.vocabulary.tokens)

    @cached_property
    def units_per_token(self) -> Int[np.ndarray, " vocab"]:
        """1 for the tokens that begin a unit."""
        return np.array([isinstance(name, str) and self.is_unit(name) for name in self.vocabulary.tokens], np.int64)

    def to_json(self) -> dict[str, Any]:
        """Return the names of all tokens."""
        return {"level": self.level, "tokens": list(self.vocabulary.tokens)}

    @classmethod
    def from_json(cls, stored: JsonObject) -> Self:
        """Return the codec described by `to_json`."""
        return cls(Vocabulary.from_json(stored.get("tokens")))
