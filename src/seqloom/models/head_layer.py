"""The contract of a head's torch layer: the distribution of the next token, and its loss.

A tied head uses the weight of the embedding as its own. `HeadLayer` predicts the next token only; a subclass can
predict further tokens.
"""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

__all__ = ["AHEAD_WEIGHT", "HeadLayer", "at_least_float32"]

AHEAD_WEIGHT = 0.3
"""Weight in the training objective of the mean loss of all tokens after the next one; the next token has weight 1."""


class HeadLayer(nn.Module, ABC):
    """Map the core's outputs to the distribution of the next token.

    The `HeadSpec` of a head (see `kernels/heads/spec.py`) names the class.

    The constructor takes the width of the core's outputs, a `ModelConfig`, and the generator of the initial weights.
    The parameters include those of the spec's `shapes`; among them is `bias`, which is added to the outputs. A subclass
    defines `forward`. It overrides `log_probs` if its outputs are not logits, and `losses` if it can compute them
    faster, or predicts further tokens.

    Attributes:
        bias: bias of the outputs.
    """

    bias: nn.Parameter

    @abstractmethod
    def forward(
        self, hidden: Float[Tensor, "*axes hidden"], tied: Float[Tensor, "vocab hidden"] | None = None
    ) -> Float[Tensor, "*axes outputs"]:
        """Return the logits of the next token, or the parameters of another distribution.

        Args:
            hidden: outputs of the core.
            tied: weight of the embedding, if the head shares it; None otherwise.
        """

    def log_probs(
        self, outputs: Float[Tensor, "positions outputs"], targets: Int[Tensor, " positions"]
    ) -> Float[Tensor, " positions"]:
        """Return the log-probabilities of tokens in nats.

        Args:
            outputs: what `forward` returned, plus the bias of the conditions.
            targets: ids of the tokens.
        """
        return -nn.functional.cross_entropy(outputs, targets, reduction="none")

    def losses(
        self,
        hidden: Float[Tensor, "batch time hidden"],
        targets: Int[Tensor, "batch time"],
        ignored: int,
        condition_bias: Float[Tensor, "batch time outputs"] | None = None,
        tied: Float[Tensor, "vocab hidden"] | None = None,
    ) -> list[Tensor]:
        """Return the mean loss of the next token in nats, then of each token after it that the head predicts.

        Args:
            hidden: outputs of the core.
            targets: ids of the next tokens.
            ignored: target that does not count.
            condition_bias: bias that conditions add to the outputs; None without conditions.
            tied: weight of the embedding, if the head shares it; None otherwise.
        """
        outputs = self(hidden, tied)
        outputs = outputs if condition_bias is None else outputs + condition_bias
        is_counted = targets != ignored
        if not is_counted.any():
            return [hidden.sum() * 0]  # a zero with a gradient, so that the caller can backpropagate
        return [-self.log_probs(at_least_float32(outputs[is_counted]), targets[is_counted]).mean()]


def at_least_float32(values: Float[Tensor, "*axes"]) -> Float[Tensor, "*axes"]:
    """Return numbers in float32, or in float64 if they have it: losses need more digits than bfloat16 has."""
    return values if values.dtype == torch.float64 else values.float()
