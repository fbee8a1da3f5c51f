"""How well a model predicts a text: nats a token and bits a character, by the protocol that is named."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float32, Int

from seqloom.data.batch import IGNORED
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore
from seqloom.evaluation.scorer import Scorer
from seqloom.evaluation.scoring_windows import Piece, full_pieces, groups, windows

__all__ = ["Likelihood", "block_likelihood", "full_likelihood", "window_likelihood"]


Features = Float32[np.ndarray, "documents features"] | None


@dataclass(frozen=True)
class Likelihood:
    """What a text costs under a model.

    Attributes:
        nats: in all.
        tokens: that were scored.
        num_units: size of what these tokens encode.
        unit: unit of the size, singular (see `Codec.unit`).
        left_out: how often each symbol that the model does not know was passed over, the most frequent first.
    """

    nats: float
    tokens: int
    num_units: int
    unit: str = "character"
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.nats_per_token:.4f} nats a token, {self.bits_per_unit:.4f} bits a {self.unit}, "
            f"perplexity {self.perplexity:.2f} ({self.tokens:,} tokens, {self.num_units:,} {self.unit}s)"
        )

    def __repr__(self) -> str:
        return f"<Likelihood: {self}>"

    @property
    def nats_per_token(self) -> float:
        """Mean negative log-probability of a token."""
        return self.nats / self.tokens

    @property
    def bits_per_unit(self) -> float:
        """Mean negative log2-probability of a unit."""
        return self.nats / math.log(2) / self.num_units

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
        """Of a token."""
        return math.exp(min(self.nats_per_token, 700.0))

    def measures(self) -> dict[str, float | int]:
        """Return the numbers for a report; bits per character only where the codec counts characters."""
        bits = {} if self.bits_per_char is None else {"bits_per_char": self.bits_per_char}
        return {
            "nats_per_token": self.nats_per_token,
            **bits,
            "perplexity": self.perplexity,
            "tokens": self.tokens,
            f"{self.unit}s": self.num_units,
        }


def full_likelihood(
    scorer: Scorer,
    store: TokenStore,
    spans: Spans,
    characters: Int[np.ndarray, " vocab"],
    *,
    features: Features = None,
) -> Likelihood:
    """Every token with all that came before it in its span.

    A long span is read in lanes; see `full_pieces`.

    Args:
        scorer: predicts.
        store: the tokens.
        spans: what to score.
        characters: how many characters each token spells.
        features: of each document's ratings, which the model is told; None leaves them unknown.
    """
    pieces = [
        piece for start, stop, document in _listed(spans) for piece in full_pieces(start, stop, start + 1, document)
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
    """Every token with what came before it in its block of `size` inputs, each block read from a zero state."""
    pieces = [
        Piece(first, min(first + size + 1, stop), first + 1, document)
        for start, stop, document in _listed(spans)
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
    """Only the token after each window of `size`, each window read from a zero state, one every `stride` tokens."""
    pieces = [
        Piece(first, first + size + 1, first + size, document)
        for start, stop, document in _listed(spans)
        for first in range(start, stop - size, stride)
    ]
    return _score(scorer, store, pieces, characters, features)


def _listed(spans: Spans) -> Iterator[tuple[int, int, int]]:
    return zip(spans.starts.tolist(), spans.stops.tolist(), spans.documents.tolist(), strict=True)


def _score(
    scorer: Scorer, store: TokenStore, pieces: list[Piece], characters: np.ndarray, features: Features
) -> Likelihood:
    nats, tokens, spelled = 0.0, 0, 0
    for group in groups([piece for piece in pieces if piece.stop - piece.start >= 2]):
        for window, log_probs in scorer.log_probs(windows(store.records, group, features)):
            targets = window.targets[window.targets != IGNORED]
            nats -= float(log_probs.sum())
            tokens += targets.size
            spelled += int(characters[targets].sum())
    return Likelihood(nats, tokens, spelled, store.unit)
