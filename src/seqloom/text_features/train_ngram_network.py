"""How the network of n-grams learns; apart from it, as rating a text needs no torch."""

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seqloom.text_features.config import SCALE, NetworkSettings

__all__ = ["learned"]


def learned(
    rows: Any, above: Bool[np.ndarray, "texts thresholds"], settings: NetworkSettings, seed: int
) -> dict[str, np.ndarray]:
    """The parameters of a network that has learned from sparse rows, by name; see `NGramNetwork.fit`."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        network = _Network(rows.shape[1], above, settings)
        _train(network, rows, above, settings, seed)
    return {name: value.numpy() for name, value in network.state_dict().items()}


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
        weights = nn.functional.dropout(torch.from_numpy(SCALE * rows.data), self._settings.feature_dropout)
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
    optimizer = torch.optim.Adam(network.parameters(), settings.learning_rate, (0.9, 0.99), fused=True)
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
