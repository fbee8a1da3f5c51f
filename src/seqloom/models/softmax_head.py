"""Softmax head with cross-entropy loss, and further heads for the tokens after the next (Gloeckle et al. 2024)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.models.head_layer import HeadLayer, at_least_float32

__all__ = ["SoftmaxHead"]


class SoftmaxHead(HeadLayer):
    """A linear map to one logit per token; `config.prediction_heads - 1` more maps predict the tokens after the next.

    Parameters: `weight [vocab, hidden]` and `bias [vocab]`; `ahead` has a further pair of them for each further map. A
    tied head has no `weight` of its own for the next token: it uses the weight of the embedding.

    Args:
        hidden: width of the core's outputs.
        config: shape of the network.
        generator: generator of the initial weights.
    """

    def __init__(self, hidden: int, config: ModelConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.weight = None if config.tied else _uniform_weight(config.vocabulary, hidden, generator)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        self.ahead = nn.ModuleList(
            _Linear(config.vocabulary, hidden, generator) for _ in range(config.prediction_heads - 1)
        )

    def forward(
        self, hidden: Float[Tensor, "*axes hidden"], tied: Float[Tensor, "vocab hidden"] | None = None
    ) -> Float[Tensor, "*axes vocab"]:
        """Return the logits of the next token; see `HeadLayer.forward`."""
        return nn.functional.linear(hidden, self._weight(tied), self.bias)

    def losses(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        targets: Int[Tensor, "batch time"],
        ignored: int,
        condition_bias: Float[Tensor, "batch time vocab"] | None = None,
        tied: Float[Tensor, "vocab hidden"] | None = None,
    ) -> list[Tensor]:
        """Return the mean loss of the next token in nats, then of each token after it; see `HeadLayer.losses`.

        For a later token, a position counts only if the later token lies inside the window, and if no target from the
        next token to the later one is ignored. A token that lies outside the window at every position gets no loss.
        """
        losses = [_mean_loss(hidden, targets, self._weight(tied), self.bias, ignored, condition_bias)]
        for distance, head in enumerate(self.ahead, start=1):
            later = targets[:, distance:]
            if later.shape[1] == 0:
                break
            for between in range(distance):
                later = later.masked_fill(targets[:, between : between + later.shape[1]] == ignored, ignored)
            assert isinstance(head, _Linear)
            losses.append(_mean_loss(hidden[:, :-distance], later, head.weight, head.bias, ignored))
        return losses

    def _weight(self, tied: Tensor | None) -> Tensor:
        weight = self.weight if tied is None else tied
        assert weight is not None
        return weight


class _Linear(nn.Module):
    def __init__(self, vocabulary: int, hidden: int, generator: torch.Generator | None) -> None:
        super().__init__()
        self.weight = _uniform_weight(vocabulary, hidden, generator)
        self.bias = nn.Parameter(torch.zeros(vocabulary))


def _uniform_weight(vocabulary: int, hidden: int, generator: torch.Generator | None) -> nn.Parameter:
    bound = (6 / (vocabulary + hidden)) ** 0.5
    return nn.Parameter(nn.init.uniform_(torch.empty(vocabulary, hidden), -bound, bound, generator=generator))


def _mean_loss(
    hidden: Tensor, targets: Tensor, weight: Tensor, bias: Tensor, ignored: int, condition_bias: Tensor | None = None
) -> Tensor:
    """Return the mean loss in nats over the targets that are not ignored; 0 if there are none."""
    is_counted = targets != ignored
    all_counted = bool(is_counted.all())

    def select(values: Tensor) -> Tensor:
        return values.flatten(0, 1) if all_counted else values[is_counted]

    targets = select(targets)
    if targets.numel() == 0:
        return hidden.sum() * 0  # a zero with a gradient, so that the caller can backpropagate
    logits = nn.functional.linear(select(hidden), weight, bias)
    if condition_bias is not None:
        logits = logits + select(condition_bias)
    return nn.functional.cross_entropy(at_least_float32(logits), targets)
