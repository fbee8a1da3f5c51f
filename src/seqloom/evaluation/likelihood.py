"""Likelihood of a text under a model, by one of three protocols: full context, blocks, windows."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Int

from seqloom.data.batch import IGNORED
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore
from seqloom.evaluation.scorer import Scorer
from seqloom.evaluation.scoring_windows import Piece, full_pieces, length_groups, windows

__all__ = ["Likelihood", "block_likelihood", "full_likelihood", "window_likelihood"]


Features = Float32[np.ndarray, "documents features"] | None


@dataclass(frozen=True)
class Likelihood:
    """Negative log-likelihood of a text.

    Attributes:
        nats: total negative log-likelihood.
        tokens: number of scored tokens.
        characters: number of characters of these tokens.
        skipped_symbols: count of each skipped symbol that is not in the vocabulary, the most frequent first.
    """

    nats: float
    tokens: int
    characters: int
    skipped_symbols: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.nats_per_token:.4f} nats a token, {self.bits_per_char:.4f} bits a character, "
            f"perplexity {self.perplexity:.2f} ({self.tokens:,} tokens, {self.characters:,} characters)"
        )

    def __repr__(self) -> str:
        return f"<Likelihood: {self}>"

    @property
    def nats_per_token(self) -> float:
        """Mean negative log-probability per token, in nats."""
        return self.nats / self.tokens

    @property
    def bits_per_char(self) -> float:
        """Mean negative log-probability per character, in bits."""
        return self.nats / math.log(2) / self.characters

    @property
    def perplexity(self) -> float:
        """Exponential of `nats_per_token`."""
        return math.exp(min(self.nats_per_token, 700.0))


def full_likelihood(
    scorer: Scorer,
    store: TokenStore,
    spans: Spans,
    characters: Int[np.ndarray, " vocab"],
    *,
    features: Features = None,
) -> Likelihood:
    """Score every token after all earlier tokens of its span.

    A long span is read in several streams; see `full_pieces`.

    Args:
        scorer: scorer of the model.
        store: tokens of the text.
        spans: spans to score.
        characters: number of characters of each token.
        features: features of each document's conditions; None leaves them unknown.
    """
    pieces = [
        piece for start, stop, document in _as_tuples(spans) for piece in full_pieces(start, stop, start + 1, document)
    ]
    return _score(scorer, store, pieces, characters, features)


def block_likelihood(
    scorer: Scorer,
    store: TokenStore,
    spans: Spans,
    characters: Int[np.ndarray, " vocab"],
    size: int,
    *,
    features: Features = None,
) -> Likelihood:
    """Score every token after the earlier tokens of its block of `size` inputs, each block from the zero state."""
    pieces = [
        Piece(first, min(first + size + 1, stop), first + 1, document)
        for start, stop, document in _as_tuples(spans)
        for first in range(start, stop - 1, size)
    ]
    return _score(scorer, store, pieces, characters, features)


def window_likelihood(
    scorer: Scorer,
    store: TokenStore,
    spans: Spans,
    characters: Int[np.ndarray, " vocab"],
    size: int,
    stride: int = 1,
    *,
    features: Features = None,
) -> Likelihood:
    """Score the token after each window of `size` tokens, one every `stride` tokens, each from the zero state."""
    pieces = [
        Piece(first, first + size + 1, first + size, document)
        for start, stop, document in _as_tuples(spans)
        for first in range(start, stop - size, stride)
    ]
    return _score(scorer, store, pieces, characters, features)


def _as_tuples(spans: Spans) -> Iterator[tuple[int, int, int]]:
    return zip(spans.starts.tolist(), spans.stops.tolist(), spans.documents.tolist(), strict=True)


def _score(
    scorer: Scorer, store: TokenStore, pieces: list[Piece], characters: np.ndarray, features: Features
) -> Likelihood:
    nats, tokens, num_characters = 0.0, 0, 0
    for group in length_groups([piece for piece in pieces if piece.stop - piece.start >= 2]):
        for window, log_probs in scorer.log_probs(windows(store.records, group, features)):
            targets = window.targets[window.targets != IGNORED]
            nats -= float(log_probs.sum())
            tokens += targets.size
            num_characters += int(characters[targets].sum())
    return Likelihood(nats, tokens, num_characters)
