"""How surprising each token of a text is to a model."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from seqloom.models.language_model import LanguageModel

__all__ = ["TokenScore", "token_scores"]

_TIME = 256


@dataclass(frozen=True)
class TokenScore:
    """One token in its context.

    Attributes:
        token: its id.
        log_prob: nats; 0 or less.
        rank: how many tokens were likelier; 0 is the likeliest.
        entropy: nats of the distribution it was drawn from.
    """

    token: int
    log_prob: float
    rank: int
    entropy: float


@torch.no_grad()
def token_scores(model: LanguageModel, tokens: Int[Tensor, " time"]) -> Iterator[TokenScore]:
    """Score every token but the first, each after all that come before it (Gehrmann et al. 2019).

    Args:
        model: is not changed.
        tokens: ids, the first of which is only read.
    """
    state = model.initial_state(1)
    for start in range(0, len(tokens) - 1, _TIME):
        inputs = tokens[start : start + _TIME]
        targets = tokens[start + 1 : start + _TIME + 1]
        hidden, state = model(inputs[: len(targets)].unsqueeze(0), state)
        log_probs = model.logits(hidden[0]).double().log_softmax(-1)
        chosen = log_probs.gather(1, targets.unsqueeze(1))
        ranks = (log_probs > chosen).sum(1)
        entropies = -(log_probs.exp() * log_probs).sum(1)
        rows = zip(targets.tolist(), chosen[:, 0].tolist(), ranks.tolist(), entropies.tolist(), strict=True)
        yield from (TokenScore(*row) for row in rows)
