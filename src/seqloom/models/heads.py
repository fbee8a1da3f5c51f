"""From the core's outputs to a distribution: loss and draw."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seqloom.config import ModelConfig

__all__ = ["AHEAD_WEIGHT", "SoftmaxHead"]

AHEAD_WEIGHT = 0.3
"""Weight of the mean loss over the tokens after the next one, beside 1 for the next one itself."""


class SoftmaxHead(nn.Module):
    """A linear map to one logit a token, and further ones for the tokens after the next (Gloeckle et al. 2024).

    Args:
        hidden: width of the core's outputs.
        config: vocabulary, `ahead` and `tied`.
        tied: the embedding's weight `[vocab, hidden]`, where it is shared.
        generator: draws the initial weights.
    """

    def __init__(
        self,
        hidden: int,
        config: ModelConfig,
        tied: nn.Parameter | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if tied is None:
            self.weight = _initial(config.vocabulary, hidden, generator)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        self.ahead = nn.ModuleList(
            _Linear(config.vocabulary, hidden, generator) for _ in range(config.prediction_heads - 1)
        )

    def forward(self, hidden: Float[Tensor, "*axes hidden"], weight: Tensor) -> Float[Tensor, "*axes vocab"]:
        """The logits of the next token."""
        return nn.functional.linear(hidden, weight, self.bias)

    def losses(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        targets: Int[Tensor, "batch time"],
        weight: Tensor,
        ignored: int,
        added: Float[Tensor, "batch time vocab"] | None = None,
    ) -> list[Tensor]:
        """Mean nats of the next token, then of each token after it.

        Targets equal to `ignored` do not count, and neither do tokens beyond the window or beyond an ignored one;
        `added` goes to the next token's logits.
        """
        losses = [_nats(hidden, targets, weight, self.bias, ignored, added)]
        for distance, head in enumerate(self.ahead, start=1):
            later = targets[:, distance:]
            if later.shape[1] == 0:
                break
            for between in range(distance):
                later = later.masked_fill(targets[:, between : between + later.shape[1]] == ignored, ignored)
            assert isinstance(head, _Linear)
            losses.append(_nats(hidden[:, :-distance], later, head.weight, head.bias, ignored))
        return losses

    def draw(
        self, logits: Float[Tensor, "batch vocab"], generator: torch.Generator | None = None
    ) -> Int[Tensor, " batch"]:
        """One token a row, from the softmax of its logits."""
        return torch.multinomial(logits.float().softmax(-1), 1, generator=generator).squeeze(1)


class _Linear(nn.Module):
    def __init__(self, vocabulary: int, hidden: int, generator: torch.Generator | None) -> None:
        super().__init__()
        self.weight = _initial(vocabulary, hidden, generator)
        self.bias = nn.Parameter(torch.zeros(vocabulary))


def _initial(vocabulary: int, hidden: int, generator: torch.Generator | None) -> nn.Parameter:
    bound = (6 / (vocabulary + hidden)) ** 0.5
    return nn.Parameter(nn.init.uniform_(torch.empty(vocabulary, hidden), -bound, bound, generator=generator))


def _nats(
    hidden: Tensor, targets: Tensor, weight: Tensor, bias: Tensor, ignored: int, added: Tensor | None = None
) -> Tensor:
    wanted = targets != ignored
    everything = bool(wanted.all())

    def asked(values: Tensor) -> Tensor:
        return values.flatten(0, 1) if everything else values[wanted]

    targets = asked(targets)
    if targets.numel() == 0:
        return hidden.sum() * 0
    logits = nn.functional.linear(asked(hidden), weight, bias)
    if added is not None:
        logits = logits + asked(added)
    return nn.functional.cross_entropy(logits.float(), targets)
