"""Short rated texts as arrays and as batches of tensors.

Every text ends with a boundary, the end-of-text token, and is padded with boundaries. Generator and discriminator read
the ratings of a text as condition features.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, Int64
from torch import Tensor

from seqloom.codecs.base import Codec
from seqloom.codecs.vocabulary import NUM_BYTES
from seqloom.codecs.words import WordCodec
from seqloom.data.conditions import Conditions
from seqloom.data.scale import Scale
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore

__all__ = [
    "UNKNOWN_WORDS_REASON", "ShortTexts", "TextBatch", "concatenate", "encode_texts", "too_long_reason", "unpadded_ids",
]  # fmt: skip

UNKNOWN_WORDS_REASON = "text with words outside the vocabulary"
"""Reason for which `encode_texts` skips a text with words that its codec can only spell in bytes."""


class TextBatch(NamedTuple):
    """A batch of texts.

    Attributes:
        tokens: token ids, padded with the boundary.
        mask: True up to and including the first boundary.
        conditions: condition features of the ratings.
        ratings: first rating, scaled to the range from 0 to 1.
    """

    tokens: Int[Tensor, "batch length"]
    mask: Bool[Tensor, "batch length"]
    conditions: Float[Tensor, "batch width"]
    ratings: Float[Tensor, " batch"]

    def ids(self, boundary: int) -> list[list[int]]:
        """Return the token ids of each text, without the boundary."""
        return unpadded_ids(self.tokens, self.mask, boundary)


def concatenate(*batches: TextBatch) -> TextBatch:
    """Return one batch with the texts of several batches, all of which are padded to the same length."""
    return TextBatch(*(torch.cat(parts) for parts in zip(*batches, strict=True)))


def unpadded_ids(
    tokens: Int[Tensor, "batch length"], mask: Bool[Tensor, "batch length"], boundary: int
) -> list[list[int]]:
    """Return the token ids of each text, without the boundary."""
    lengths = mask.sum(1).tolist()
    return [
        [token for token in row[:length] if token != boundary]
        for row, length in zip(tokens.tolist(), lengths, strict=True)
    ]


@dataclass(frozen=True)
class ShortTexts:
    """Texts up to a maximal length, each with a rating.

    Attributes:
        tokens: token ids, padded with the boundary.
        lengths: number of tokens of each text, with the boundary.
        conditions: condition features of the ratings.
        ratings: first rating, scaled to the range from 0 to 1.
    """

    tokens: Int64[np.ndarray, "texts length"]
    lengths: Int64[np.ndarray, " texts"]
    conditions: Float32[np.ndarray, "texts width"]
    ratings: Float32[np.ndarray, " texts"]

    def __len__(self) -> int:
        return len(self.tokens)

    def select(self, indices: Int[np.ndarray, " batch"], device: torch.device) -> TextBatch:
        """Return the texts at `indices`, cut to the longest of them."""
        longest = int(self.lengths[indices].max())
        tokens = torch.from_numpy(self.tokens[indices, :longest]).to(device)
        mask = torch.arange(longest, device=device) < torch.from_numpy(self.lengths[indices]).to(device)[:, None]
        conditions, ratings = (torch.from_numpy(part[indices]).to(device) for part in (self.conditions, self.ratings))
        return TextBatch(tokens, mask, conditions, ratings)

    def sample(self, seed: int, step: int, size: int, device: torch.device) -> TextBatch:
        """Return the batch of a training step.

        The batch depends on the arguments alone. Every epoch contains each text once, in a new order.

        Args:
            seed: seed of the order.
            step: number of the step.
            size: number of texts of the batch.
            device: device of the batch.
        """
        epoch, offset = divmod(step * size, len(self))
        # A batch may begin in one epoch and end in the next.
        indices = np.concatenate([self._order(seed, epoch), self._order(seed, epoch + 1)])[offset : offset + size]
        return self.select(indices, device)

    def _order(self, seed: int, epoch: int) -> Int64[np.ndarray, " texts"]:
        return np.random.default_rng([seed, epoch]).permutation(len(self))


def encode_texts(
    store: TokenStore, spans: Spans, codec: Codec[Any], conditions: Conditions, max_length: int, skipped: Counter[str]
) -> ShortTexts:
    """Return the usable texts of a part of a token store, which contains the tokens of a whole table.

    Args:
        store: tokens of the table's documents; boundaries divide a document into several texts.
        spans: part of the store, such as the training documents.
        codec: codec of the store, with a boundary.
        conditions: conditions, at least one; texts without the first rating are skipped.
        max_length: largest number of tokens of a text, with the boundary; longer texts are skipped.
        skipped: counter of skipped texts by reason; it is updated.
    """
    assert codec.boundary is not None
    scale = conditions.columns[0]
    assert isinstance(scale, Scale)
    condition_values = conditions.values_of(store)
    is_byte_fallback = np.zeros(len(codec), bool)  # True at ids of bytes that spell words outside the vocabulary
    if isinstance(codec, WordCodec) and (first_byte := codec.vocabulary.first_byte_id) is not None:
        is_byte_fallback[first_byte : first_byte + NUM_BYTES] = True
    usable, documents = [], []
    for start, stop, document in zip(spans.starts, spans.stops, spans.documents, strict=True):
        ids = np.asarray(store.records[start:stop], np.int64)  # a record of this store is a token id
        for passage in np.split(ids, np.flatnonzero(ids == codec.boundary)):
            text = passage[passage != codec.boundary]
            if not len(text):
                continue
            if is_byte_fallback[text].any():
                skipped[UNKNOWN_WORDS_REASON] += 1
            elif len(text) >= max_length:
                skipped[too_long_reason(max_length)] += 1
            elif np.isnan(condition_values[document, 0]):
                skipped["text without a rating"] += 1
            else:
                usable.append(text)
                documents.append(document)
    tokens = np.full((len(usable), max_length), codec.boundary, np.int64)
    for row, text in zip(tokens, usable, strict=True):
        row[: len(text)] = text
    values_of_texts = condition_values[np.array(documents, np.int64)] if documents else condition_values[:0]
    return ShortTexts(
        tokens,
        np.array([len(text) + 1 for text in usable], np.int64),
        conditions.features(values_of_texts),
        scale.to_unit(values_of_texts[:, 0]).astype(np.float32),
    )


def too_long_reason(max_length: int) -> str:
    """Return the reason for which `encode_texts` skips a text of `max_length` tokens or more, without the boundary."""
    return f"text of more than {max_length - 1} tokens"
