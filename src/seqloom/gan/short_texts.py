"""Whole texts with their ratings, as the two networks learn from them."""

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

__all__ = ["ShortTexts", "TextBatch", "concatenate", "encode_texts", "too_long_reason", "unpadded_ids"]


class TextBatch(NamedTuple):
    """Some texts.

    Attributes:
        tokens: each text's end is the boundary, and so is what stands after it.
        kept: True up to the first boundary, which counts.
        ratings: features of their ratings.
        levels: the first rating's, from 0 to 1.
    """

    tokens: Int[Tensor, "batch length"]
    kept: Bool[Tensor, "batch length"]
    ratings: Float[Tensor, "batch width"]
    levels: Float[Tensor, " batch"]

    def ids(self, boundary: int) -> list[list[int]]:
        """The ids of each text, without its end."""
        return unpadded_ids(self.tokens, self.kept, boundary)


def concatenate(*batches: TextBatch) -> TextBatch:
    """The texts of several batches of equal length, one after another."""
    return TextBatch(*(torch.cat(parts) for parts in zip(*batches, strict=True)))


def unpadded_ids(
    tokens: Int[Tensor, "batch length"], kept: Bool[Tensor, "batch length"], boundary: int
) -> list[list[int]]:
    """The ids of each text, without its end."""
    numbers = kept.sum(1).tolist()
    return [
        [token for token in row[:number] if token != boundary]
        for row, number in zip(tokens.tolist(), numbers, strict=True)
    ]


@dataclass(frozen=True)
class ShortTexts:
    """Texts of at most some length, their ratings known.

    Attributes:
        tokens: as in a batch.
        lengths: tokens of each, the boundary included.
        ratings: features of their ratings.
        levels: the first rating's.
    """

    tokens: Int64[np.ndarray, "texts length"]
    lengths: Int64[np.ndarray, " texts"]
    ratings: Float32[np.ndarray, "texts width"]
    levels: Float32[np.ndarray, " texts"]

    def __len__(self) -> int:
        return len(self.tokens)

    def select(self, places: Int[np.ndarray, " batch"], device: torch.device) -> TextBatch:
        """Some of them."""
        longest = int(self.lengths[places].max())
        tokens = torch.from_numpy(self.tokens[places, :longest]).to(device)
        kept = torch.arange(longest, device=device) < torch.from_numpy(self.lengths[places]).to(device)[:, None]
        ratings, levels = (torch.from_numpy(part[places]).to(device) for part in (self.ratings, self.levels))
        return TextBatch(tokens, kept, ratings, levels)

    def sample(self, seed: int, number: int, size: int, device: torch.device) -> TextBatch:
        """The batch of an update, which hangs on nothing else: epoch by epoch every text once."""
        epoch, within = divmod(number * size, len(self))
        places = np.concatenate([self._order(seed, epoch), self._order(seed, epoch + 1)])[within : within + size]
        return self.select(places, device)

    def _order(self, seed: int, epoch: int) -> Int64[np.ndarray, " texts"]:
        return np.random.default_rng([seed, epoch]).permutation(len(self))


def encode_texts(
    store: TokenStore, spans: Spans, codec: Codec[Any], conditions: Conditions, length: int, tally: Counter[str]
) -> ShortTexts:
    """The texts of a part of a store.

    Args:
        store: of separate documents.
        spans: which of them.
        codec: of the store.
        conditions: of their ratings, at least one; texts without the first are left out.
        length: tokens of the longest text, its boundary included; longer ones are left out.
        tally: counts what is left out, by reason.
    """
    assert codec.boundary is not None
    scale = conditions.columns[0]
    assert isinstance(scale, Scale)
    values = conditions.values_of(store)
    spelled_out = np.zeros(len(codec), bool)
    if isinstance(codec, WordCodec) and (first := codec.vocabulary.first_byte) is not None:
        spelled_out[first : first + NUM_BYTES] = True
    rows, owners = [], []
    for start, stop, document in zip(spans.starts, spans.stops, spans.documents, strict=True):
        ids = np.asarray(store.records[start:stop], np.int64)
        for passage in np.split(ids, np.flatnonzero(ids == codec.boundary)):
            own = passage[passage != codec.boundary]
            if not len(own):
                continue
            if spelled_out[own].any():
                tally["text with words outside the vocabulary"] += 1
            elif len(own) >= length:
                tally[too_long_reason(length)] += 1
            elif np.isnan(values[document, 0]):
                tally["text without a rating"] += 1
            else:
                rows.append(own)
                owners.append(document)
    tokens = np.full((len(rows), length), codec.boundary, np.int64)
    for row, own in zip(tokens, rows, strict=True):
        row[: len(own)] = own
    known = values[np.array(owners, np.int64)] if owners else values[:0]
    return ShortTexts(
        tokens,
        np.array([len(own) + 1 for own in rows], np.int64),
        conditions.features(known),
        scale.to_unit(known[:, 0]).astype(np.float32),
    )


def too_long_reason(length: int) -> str:
    """Why `texts_of` leaves a text out that does not end within so many tokens."""
    return f"text of more than {length - 1} tokens"
