"""Likelihood of a text under a model, by one of three protocols: full context, blocks, windows.

A protocol decides which earlier tokens the model reads before it predicts a token. The zero state is the state of a
model that has read nothing yet. A span is a stretch of tokens of one document. A unit is what the codec counts: a
character of text, a note of music.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float32, Int

from seqloom.codecs.base import Codec
from seqloom.codecs.unknown_symbols import format_symbols
from seqloom.data.batch import IGNORED
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore
from seqloom.evaluation.scorer import Scorer
from seqloom.evaluation.scoring_windows import Piece, full_pieces, length_groups, windows

__all__ = ["Likelihood", "bits_measure", "block_likelihood", "full_likelihood", "start_token_of", "window_likelihood"]


Features = Float32[np.ndarray, "documents features"] | None


@dataclass(frozen=True)
class Likelihood:
    """Negative log-likelihood of a text.

    Attributes:
        nats: total negative log-likelihood.
        tokens: number of scored tokens.
        num_units: number of units that the scored tokens encode.
        unit: name of the unit, singular (see `Codec.unit`).
        skipped_symbols: count of each skipped symbol that is not in the vocabulary, the most frequent first.
    """

    nats: float
    tokens: int
    num_units: int
    unit: str = "character"
    skipped_symbols: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.nats_per_token:.4f} nats per token, {self.bits_per_unit:.4f} bits per {self.unit}, "
            f"perplexity {self.perplexity:.2f} ({self.tokens:,} tokens, {self.num_units:,} {self.unit}s)"
        )

    def __repr__(self) -> str:
        return f"<Likelihood: {self}>"

    @property
    def nats_per_token(self) -> float:
        """Mean negative log-probability per token, in nats."""
        return self.nats / self.tokens

    @property
    def left_out(self) -> str:
        """The skipped symbols in words; empty if none was skipped."""
        return format_symbols(self.skipped_symbols) if self.skipped_symbols else ""

    @property
    def bits_per_unit(self) -> float:
        """Mean negative log2-probability of a unit."""
        return self.nats_per_unit / math.log(2)

    @property
    def nats_per_unit(self) -> float:
        """Mean negative log-probability of a unit, in nats."""
        return self.nats / self.num_units

    @property
    def bits_per_char(self) -> float | None:
        """Mean negative log2-probability of a character; None where the codec counts another unit."""
        return self.bits_per_unit if self.unit == "character" else None

    @property
    def characters(self) -> int | None:
        """Number of characters; None where the codec counts another unit."""
        return self.num_units if self.unit == "character" else None

    @property
    def perplexity(self) -> float:
        """Exponential of `nats_per_token`."""
        return math.exp(min(self.nats_per_token, 700.0))  # a larger exponent overflows

    def measures(self) -> dict[str, float | int]:
        """Return the numbers for a report; see `bits_measure` for the name of the bits per unit."""
        return {
            "nats_per_token": self.nats_per_token,
            bits_measure(self.unit): self.bits_per_unit,
            "perplexity": self.perplexity,
            "tokens": self.tokens,
            f"{_as_key(self.unit)}s": self.num_units,
        }


def bits_measure(unit: str) -> str:
    """Return the key of the bits per unit in `Likelihood.measures`: "bits_per_char", or for example "bits_per_note"."""
    return "bits_per_char" if unit == "character" else f"bits_per_{_as_key(unit)}"


def _as_key(unit: str) -> str:
    return unit.replace(" ", "_")


def full_likelihood(
    scorer: Scorer,
    store: TokenStore,
    spans: Spans,
    units: Int[np.ndarray, " vocab"],
    *,
    features: Features = None,
    start_token: int | None = None,
) -> Likelihood:
    """Score every token of each span, in the context of all earlier tokens of the span.

    A long span is read in several parallel streams, where the context is limited; see `full_pieces`.

    Args:
        scorer: scorer of the model.
        store: tokens of the text.
        spans: spans to score.
        units: number of units that each token encodes (see `Codec.units_per_token`).
        features: features of the ratings and categories of each document; None if these are unknown.
        start_token: token from which the first one of a span is predicted (see `start_token_of`); None leaves the first
            token of each span out.
    """
    pieces = [
        piece
        for start, stop, document in _as_tuples(spans)
        for group in full_pieces(start, stop, document, start_token)
        for piece in group
    ]
    return _score(scorer, store, pieces, units, features)


def start_token_of(store: TokenStore, codec: Codec[Any]) -> int | None:
    """Return the token from which a model predicts the first token of a document, as `score` does too.

    It is None if the documents of the store begin with the boundary, which the model reads without predicting it.
    """
    has_boundaries = codec.boundary is not None and len(store.records) and store.records[0] == codec.boundary
    return None if has_boundaries else codec.bos_id


def block_likelihood(
    scorer: Scorer,
    store: TokenStore,
    spans: Spans,
    units: Int[np.ndarray, " vocab"],
    block_size: int,
    *,
    features: Features = None,
) -> Likelihood:
    """Read each block of `block_size` tokens from the zero state, and score the token after each of its tokens."""
    pieces = [
        Piece(start=first, stop=min(first + block_size + 1, stop), first_scored=first + 1, document=document)
        for start, stop, document in _as_tuples(spans)
        for first in range(start, stop - 1, block_size)
    ]
    return _score(scorer, store, pieces, units, features)


def window_likelihood(
    scorer: Scorer,
    store: TokenStore,
    spans: Spans,
    units: Int[np.ndarray, " vocab"],
    window_size: int,
    stride: int = 1,
    *,
    features: Features = None,
) -> Likelihood:
    """Score only the token after each window of `window_size` tokens, which the model reads from the zero state.

    A window starts every `stride` tokens.
    """
    pieces = [
        Piece(start=first, stop=first + window_size + 1, first_scored=first + window_size, document=document)
        for start, stop, document in _as_tuples(spans)
        for first in range(start, stop - window_size, stride)
    ]
    return _score(scorer, store, pieces, units, features)


def _as_tuples(spans: Spans) -> Iterator[tuple[int, int, int]]:
    return zip(spans.starts.tolist(), spans.stops.tolist(), spans.documents.tolist(), strict=True)


def _score(scorer: Scorer, store: TokenStore, pieces: list[Piece], units: np.ndarray, features: Features) -> Likelihood:
    nats, tokens, num_units = 0.0, 0, 0
    # A piece of one token has nothing to score. `store.records` are the token ids of all documents.
    for group in length_groups([piece for piece in pieces if piece.num_tokens >= 2]):
        for window, log_probs in scorer.log_probs(windows(store.records, group, features)):
            targets = window.targets[window.targets != IGNORED]
            nats -= float(log_probs.sum())
            tokens += targets.size
            num_units += int(units[targets].sum())
    return Likelihood(nats, tokens, num_units, store.unit)
