"""How well a model predicts a text: nats a token and bits a character, by the protocol that is named."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Int

from seqloom.data.batch import IGNORED
from seqloom.data.split import Spans
from seqloom.data.store import TokenStore
from seqloom.models.language_model import LanguageModel

__all__ = ["WARM_UP", "Likelihood", "block_likelihood", "full_likelihood", "window_likelihood"]

WARM_UP = 1024
"""Tokens of context that are read again, unscored, before a long text's second and later lanes."""

_TIME = 256
_LANES = 32


@dataclass(frozen=True)
class Likelihood:
    """What a text costs under a model.

    Attributes:
        nats: in all.
        tokens: that were scored.
        characters: that these tokens spell.
        left_out: how often each symbol that the model does not know was passed over, the most frequent first.
    """

    nats: float
    tokens: int
    characters: int
    left_out: Mapping[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        return (
            f"{self.nats_per_token:.4f} nats a token, {self.bits_per_char:.4f} bits a character, "
            f"perplexity {self.perplexity:.2f} ({self.tokens:,} tokens, {self.characters:,} characters)"
        )

    def __repr__(self) -> str:
        return f"<Likelihood: {self}>"

    @property
    def nats_per_token(self) -> float:
        """Mean negative log-probability of a token."""
        return self.nats / self.tokens

    @property
    def bits_per_char(self) -> float:
        """Mean negative log2-probability of a character."""
        return self.nats / math.log(2) / self.characters

    @property
    def perplexity(self) -> float:
        """Of a token."""
        return math.exp(min(self.nats_per_token, 700.0))


@dataclass(frozen=True)
class _Piece:
    """Records `start` to `stop` are read from a zero state; targets from record `scored` on count."""

    start: int
    stop: int
    scored: int


def full_likelihood(
    model: LanguageModel, store: TokenStore, spans: Spans, characters: Int[np.ndarray, " vocab"]
) -> Likelihood:
    """Every token with all that came before it in its span.

    A span longer than `32 * WARM_UP` tokens is read in several lanes; each but the first reads the `WARM_UP` tokens
    before it first, so that its state is that of the full context but for what lies further back.

    Args:
        model: is not changed.
        store: the tokens.
        spans: what to score.
        characters: how many characters each token spells.
    """
    pieces: list[_Piece] = []
    for start, stop in zip(spans.starts.tolist(), spans.stops.tolist(), strict=True):
        lanes = min(_LANES, max(1, (stop - start) // (4 * WARM_UP)))
        cuts = np.linspace(start + 1, stop, lanes + 1).astype(int).tolist()
        pieces += [_Piece(max(start, first - 1 - WARM_UP), last, first) for first, last in itertools.pairwise(cuts)]
    return _score(model, store, pieces, characters)


def block_likelihood(
    model: LanguageModel, store: TokenStore, spans: Spans, characters: Int[np.ndarray, " vocab"], size: int
) -> Likelihood:
    """Every token with what came before it in its block of `size` inputs, each block read from a zero state."""
    pieces = [
        _Piece(first, min(first + size + 1, stop), first + 1)
        for start, stop in zip(spans.starts.tolist(), spans.stops.tolist(), strict=True)
        for first in range(start, stop - 1, size)
    ]
    return _score(model, store, pieces, characters)


def window_likelihood(
    model: LanguageModel,
    store: TokenStore,
    spans: Spans,
    characters: Int[np.ndarray, " vocab"],
    size: int,
    stride: int = 1,
) -> Likelihood:
    """Only the token after each window of `size`, each window read from a zero state, one every `stride` tokens."""
    pieces = [
        _Piece(first, first + size + 1, first + size)
        for start, stop in zip(spans.starts.tolist(), spans.stops.tolist(), strict=True)
        for first in range(start, stop - size, stride)
    ]
    return _score(model, store, pieces, characters)


def _score(model: LanguageModel, store: TokenStore, pieces: list[_Piece], characters: np.ndarray) -> Likelihood:
    nats, tokens, spelled = 0.0, 0, 0
    for group in _groups([piece for piece in pieces if piece.stop - piece.start >= 2]):
        for losses, targets in _read(model, store, group):
            nats += float(losses.double().sum())
            tokens += targets.size
            spelled += int(characters[targets].sum())
    return Likelihood(nats, tokens, spelled)


def _groups(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    """Pieces of like length together, so that little is padded."""
    ordered = sorted(pieces, key=lambda piece: piece.start - piece.stop)
    lanes = 4 * _LANES if ordered and ordered[0].stop - ordered[0].start <= 4 * _TIME else _LANES
    for first in range(0, len(ordered), lanes):
        yield ordered[first : first + lanes]


@torch.no_grad()
def _read(
    model: LanguageModel, store: TokenStore, pieces: list[_Piece]
) -> Iterator[tuple[torch.Tensor, Int[np.ndarray, " scored"]]]:
    device = model.head.bias.device
    state = model.initial_state(len(pieces))
    starts = np.array([piece.start for piece in pieces])[:, None]
    stops = np.array([piece.stop for piece in pieces])[:, None]
    scored = np.array([piece.scored for piece in pieces])[:, None]
    for offset in range(0, int((stops - starts).max()) - 1, _TIME):
        records = starts + np.arange(offset, min(offset + _TIME, int((stops - starts).max()) - 1))
        following = np.minimum(records + 1, stops - 1)
        tokens = store.records[np.minimum(records, stops - 1)].astype(np.int64)
        targets = store.records[following].astype(np.int64)
        targets[(records + 1 >= stops) | (records + 1 < scored)] = IGNORED
        hidden, state = model(torch.from_numpy(tokens).to(device), state)
        wanted = targets != IGNORED
        if wanted.any():
            chosen = targets[wanted]
            logits = model.logits(hidden[torch.from_numpy(wanted).to(device)]).float()
            yield (
                torch.nn.functional.cross_entropy(logits, torch.from_numpy(chosen).to(device), reduction="none"),
                chosen,
            )
