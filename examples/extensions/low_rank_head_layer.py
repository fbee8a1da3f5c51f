"""A head, part 2 of 2: the torch layer, which owns the loss."""

import torch
from examples.extensions.low_rank_head import RANK
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.models.head_layer import HeadLayer

__all__ = ["LowRankHead"]


class LowRankHead(HeadLayer):
    """Logits of a softmax whose weight is a product of two thin matrices."""

    def __init__(self, hidden: int, config: ModelConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.down = nn.Parameter(torch.randn(RANK, hidden, generator=generator) * 0.3)
        self.up = nn.Parameter(torch.randn(config.vocabulary, RANK, generator=generator) * 0.3)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))

    def forward(self, hidden: Tensor, tied: Tensor | None = None) -> Tensor:
        return hidden @ self.down.t() @ self.up.t() + self.bias

    def losses(
        self,
        hidden: Tensor,
        targets: Tensor,
        ignored: int,
        condition_bias: Tensor | None = None,
        tied: Tensor | None = None,
    ) -> list[Tensor]:
        logits = self(hidden)
        logits = logits if condition_bias is None else logits + condition_bias
        return [nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=ignored)]
