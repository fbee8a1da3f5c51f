"""The contract of a head's torch layer: the distribution of the next token, and its loss."""

from abc import ABC, abstractmethod

from jaxtyping import Float, Int
from torch import Tensor, nn

__all__ = ["AHEAD_WEIGHT", "HeadLayer"]

AHEAD_WEIGHT = 0.3
"""Weight in the training objective of the mean loss of all tokens after the next one; the next token has weight 1."""


class HeadLayer(nn.Module, ABC):
    """Map the core's outputs to the distribution of the next token; a head's spec names its class.

    The constructor takes the width of the core's outputs, a `ModelConfig`, and the generator of the initial weights.
    The parameters include those of the spec's `shapes`; among them is `bias`, which is added to the logits. A subclass
    defines `forward`; it overrides `losses` if it can compute them faster, or predicts further tokens.

    Attributes:
        bias: bias of the logits.
    """

    bias: nn.Parameter

    @abstractmethod
    def forward(
        self, hidden: Float[Tensor, "*axes hidden"], tied: Float[Tensor, "vocab hidden"] | None = None
    ) -> Float[Tensor, "*axes vocab"]:
        """Return the logits of the next token.

        Args:
            hidden: outputs of the core.
            tied: weight of the embedding, if the head shares it.
        """

    def losses(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        targets: Int[Tensor, "batch time"],
        ignored: int,
        condition_bias: Float[Tensor, "batch time vocab"] | None = None,
        tied: Float[Tensor, "vocab hidden"] | None = None,
    ) -> list[Tensor]:
        """Return the mean loss of the next token in nats, then of each token after it that the head predicts.

        Args:
            hidden: outputs of the core.
            targets: ids of the next tokens.
            ignored: target that does not count.
            condition_bias: bias of the next token's logits from conditions; None for none.
            tied: weight of the embedding, if the head shares it.
        """
        logits = self(hidden, tied)
        logits = logits if condition_bias is None else logits + condition_bias
        counted = targets != ignored
        if not counted.any():
            return [hidden.sum() * 0]
        return [nn.functional.cross_entropy(logits[counted].float(), targets[counted])]
