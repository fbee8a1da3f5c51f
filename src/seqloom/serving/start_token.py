"""The token that stands before a document, as clients see it.

The boundary of a run plays this part. A run on one running text has none: it gets an id after those of the vocabulary.
To read this token is to forget everything before it. The token that the model then reads is the one that stands before
a text in `Run.score` and `Run.evaluate`, so that log-probabilities over HTTP are those in process.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from seqloom.codecs.base import Codec
from seqloom.errors import CodecError

__all__ = ["START_NAME", "StartToken"]

START_NAME = "<|start|>"
"""How clients write the token."""


@dataclass(frozen=True)
class StartToken:
    """The token that stands before a document.

    Attributes:
        id: id for clients.
        read_as: id that the model reads from its zero state.
        is_predicted: whether the model predicts this token at the end of a document.
        vocabulary: number of ids for clients, this one included.
    """

    id: int
    read_as: int
    is_predicted: bool
    vocabulary: int

    @classmethod
    def of(cls, codec: Codec[Any]) -> "StartToken":
        """Return the token for a codec."""
        if codec.boundary is not None:
            return cls(codec.boundary, codec.boundary, is_predicted=True, vocabulary=len(codec))
        return cls(len(codec), codec.bos_id, is_predicted=False, vocabulary=len(codec) + 1)

    def check(self, ids: Sequence[int]) -> None:
        """Check ids from a client.

        Raises:
            CodecError: an id is not in the vocabulary.
        """
        wrong = next((token for token in ids if not 0 <= token < self.vocabulary), None)
        if wrong is not None:
            raise CodecError(f"the token id {wrong} does not exist: choose from 0 to {self.vocabulary - 1}")

    def ids_to_read(self, ids: Sequence[int]) -> list[int]:
        """Return the ids after the last start token, with what the model reads in its place.

        Raises:
            CodecError: an id is not in the vocabulary.
        """
        self.check(ids)
        (*_, last) = self.documents(ids)
        return last

    def documents(self, ids: Sequence[int]) -> Iterator[list[int]]:
        """Yield the ids of each document, each but the first after what the model reads as the start token.

        The first one also begins with it if `ids` do.
        """
        document: list[int] = []
        for position, token in enumerate(ids):
            if token == self.id:
                if position:
                    yield document
                document = [self.read_as]
            else:
                document.append(token)
        yield document
