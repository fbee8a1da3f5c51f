"""A head, part 2 of 2: the torch layer of a mixture of softmaxes; its loss is that of every head."""

import torch
from examples.extensions.mixture_head import NUM_COMPONENTS
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.models.head_layer import HeadLayer

__all__ = ["MixtureHead"]


class MixtureHead(HeadLayer):
    """Log-probabilities of a mixture, plus the bias."""

    def __init__(self, hidden: int, config: ModelConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        spread = hidden**-0.5
        self.gate = nn.Parameter(torch.randn(NUM_COMPONENTS, hidden, generator=generator) * spread)
        weight = torch.randn(NUM_COMPONENTS, config.vocabulary, hidden, generator=generator)
        self.weight = nn.Parameter(weight * spread)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))

    def forward(self, hidden: Tensor, tied: Tensor | None = None) -> Tensor:
        gates = (hidden @ self.gate.t()).log_softmax(-1)
        components = torch.einsum("...h,cvh->...cv", hidden, self.weight).log_softmax(-1)
        return (gates.unsqueeze(-1) + components).logsumexp(-2) + self.bias
