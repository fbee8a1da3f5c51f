"""A small neural reader of n-grams: it learns what they say together.

The weighted n-grams of a text are embedded and summed, as in fastText (Joulin et al. 2016), and go through one hidden
layer. Most of them are dropped at random while it learns; else it would know its texts by heart.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor, nn

__all__ = ["NGramNetwork", "NetworkSettings"]

_LEAST = 3
"""Texts that have an n-gram which is learned."""

_SCALE = 4.0
"""Rows have length 1, and weights of hundreds of n-grams sum to it: this makes each of them about a tenth."""


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """How a network of n-grams is built and trained.

    Attributes:
        width: of the hidden layer.
        epochs: readings of the texts; more where they are few.
        updates: of the weights, at least.
        batch: texts an update.
        learning_rate: at its peak; falls to zero in a straight line.
        dropout: share of the hidden units dropped.
        feature_dropout: share of the n-grams dropped.
    """

    width: int = 48
    epochs: int = 4
    updates: int = 600
    batch: int = 32
    learning_rate: float = 2e-3
    dropout: float = 0.5
    feature_dropout: float = 0.3


class NGramNetwork:
    """Answers the thresholds of a rating from the weighted n-grams of a text.

    Args:
        arrays: the parameters: "places" (ids of the features that it knows), "embedding", "bias", "output" and
            "output_bias".
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = dict(arrays)

    @classmethod
    def fit(
        cls, rows: Any, above: Bool[np.ndarray, "texts thresholds"], settings: NetworkSettings, seed: int
    ) -> "NGramNetwork":
        """Learn from sparse rows.

        Args:
            rows: features of each text.
            above: the answers.
            settings: how it is built and trained.
            seed: of weights, order and dropout.
        """
        places = np.flatnonzero(np.bincount(rows.indices, minlength=rows.shape[1]) >= _LEAST)
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            network = _Network(len(places), above, settings)
            _train(network, rows[:, places], above, settings, seed)
        found = {name: value.numpy() for name, value in network.state_dict().items()}
        return cls({**found, "places": places.astype(np.int32)})

    def logits(self, rows: Any) -> Float32[np.ndarray, "texts thresholds"]:
        """The logits of the answers."""
        held = self._arrays
        summed = _SCALE * (rows[:, held["places"]] @ held["embedding"])
        hidden = nn.functional.gelu(torch.from_numpy((summed + held["bias"]).astype(np.float32)))
        logits: np.ndarray = hidden.numpy() @ held["output"] + held["output_bias"]
        return logits

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The parameters, by name."""
        return dict(self._arrays)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "NGramNetwork":
        """The network that `to_arrays` described."""
        return cls(arrays)


class _Network(nn.Module):
    def __init__(self, features: int, above: Bool[np.ndarray, "texts thresholds"], settings: NetworkSettings) -> None:
        super().__init__()
        shares = above.mean(axis=0).clip(1e-3, 1 - 1e-3)
        self._settings = settings
        self.embedding = nn.Parameter(0.1 * torch.randn(features, settings.width))
        self.bias = nn.Parameter(torch.zeros(settings.width))
        self.output = nn.Parameter(torch.randn(settings.width, above.shape[1]) / settings.width**0.5)
        self.output_bias = nn.Parameter(torch.from_numpy(np.log(shares / (1 - shares)).astype(np.float32)))

    def forward(self, rows: Any) -> Float[Tensor, "texts thresholds"]:
        weights = nn.functional.dropout(torch.from_numpy(_SCALE * rows.data), self._settings.feature_dropout)
        summed = nn.functional.embedding_bag(
            torch.from_numpy(rows.indices.astype(np.int64)),
            self.embedding,
            torch.from_numpy(rows.indptr[:-1].astype(np.int64)),
            mode="sum",
            per_sample_weights=weights,
        )
        hidden = nn.functional.dropout(nn.functional.gelu(summed + self.bias), self._settings.dropout)
        logits: Tensor = hidden @ self.output + self.output_bias
        return logits


def _train(
    network: _Network, rows: Any, above: Bool[np.ndarray, "texts thresholds"], settings: NetworkSettings, seed: int
) -> None:
    answers = torch.from_numpy(above.astype(np.float32))
    optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate, (0.9, 0.99))
    random, starts = np.random.default_rng(seed), range(0, rows.shape[0], settings.batch)
    epochs = max(settings.epochs, math.ceil(settings.updates / len(starts)))
    steps = epochs * len(starts)
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1, (step + 1) / 50) * (1 - step / steps))
    for _ in range(epochs):
        order = random.permutation(rows.shape[0])
        for start in starts:
            batch = order[start : start + settings.batch]
            loss = nn.functional.binary_cross_entropy_with_logits(network(rows[batch]), answers[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            rates.step()
