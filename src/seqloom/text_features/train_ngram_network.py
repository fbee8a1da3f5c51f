"""Train an n-gram network. Only training needs torch, so this module is apart from `ngram_network`."""

import math
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seqloom.text_features.config import INPUT_SCALE, NetworkSettings
from seqloom.text_features.freed_memory import keep_freed_memory
from seqloom.training.adam import Adam

__all__ = ["train_parameters"]

_WARMUP_STEPS = 50
"""Number of steps in which the learning rate rises to its peak."""


def train_parameters(
    features: Any, above: Bool[np.ndarray, "texts thresholds"], settings: NetworkSettings, seed: int
) -> dict[str, np.ndarray]:
    """Train a network and return its parameters by name.

    Args:
        features: TF-IDF weights of n-grams as a sparse matrix `[texts, features]`.
        above: ordinal targets: whether the rating of each text exceeds each threshold.
        settings: size and training of the network.
        seed: seed of the weights, the order of the texts and dropout.
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        network = _Network(features.shape[1], above, settings)
        _train(network, features, above, settings, seed)
    return {name: value.numpy() for name, value in network.state_dict().items()}


class _Network(nn.Module):
    """A weighted sum of n-gram embeddings (embedding bag), one hidden layer with GELU, and one output per threshold.

    Args:
        num_features: number of n-grams.
        above: ordinal targets of the training texts; their frequencies determine the initial bias of the outputs.
        settings: size and training of the network.
    """

    def __init__(
        self, num_features: int, above: Bool[np.ndarray, "texts thresholds"], settings: NetworkSettings
    ) -> None:
        super().__init__()
        frequencies = above.mean(axis=0).clip(1e-3, 1 - 1e-3)
        self._settings = settings
        self.embedding = nn.Parameter(0.1 * torch.randn(num_features, settings.width))
        self.bias = nn.Parameter(torch.zeros(settings.width))
        self.output = nn.Parameter(torch.randn(settings.width, above.shape[1]) / settings.width**0.5)
        self.output_bias = nn.Parameter(torch.from_numpy(np.log(frequencies / (1 - frequencies)).astype(np.float32)))

    def forward(self, features: Any) -> Float[Tensor, "texts thresholds"]:
        weights = nn.functional.dropout(torch.from_numpy(INPUT_SCALE * features.data), self._settings.feature_dropout)
        embedded = nn.functional.embedding_bag(
            torch.from_numpy(features.indices.astype(np.int64)),
            self.embedding,
            torch.from_numpy(features.indptr[:-1].astype(np.int64)),
            mode="sum",
            per_sample_weights=weights,
        )
        hidden = nn.functional.dropout(nn.functional.gelu(embedded + self.bias), self._settings.dropout)
        logits: Tensor = hidden @ self.output + self.output_bias
        return logits


def _train(
    network: _Network, features: Any, above: Bool[np.ndarray, "texts thresholds"], settings: NetworkSettings, seed: int
) -> None:
    keep_freed_memory()  # every update allocates a dense gradient of the embedding
    targets = torch.from_numpy(above.astype(np.float32))
    optimizer = Adam(network.parameters(), settings.learning_rate, betas=(0.9, 0.99), fused=True)
    rng, batch_starts = np.random.default_rng(seed), range(0, features.shape[0], settings.batch)
    epochs = max(settings.epochs, math.ceil(settings.updates / len(batch_starts)))
    steps = epochs * len(batch_starts)
    for epoch in range(epochs):
        order = rng.permutation(features.shape[0])
        for step, start in enumerate(batch_starts, epoch * len(batch_starts)):
            warmup = min(1, (step + 1) / _WARMUP_STEPS)
            optimizer.param_groups[0]["lr"] = settings.learning_rate * (warmup * (1 - step / steps))
            batch = order[start : start + settings.batch]
            loss = nn.functional.binary_cross_entropy_with_logits(network(features[batch]), targets[batch])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
