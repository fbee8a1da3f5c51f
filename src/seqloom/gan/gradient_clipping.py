"""Gradients that are neither too long nor no numbers at all."""

import math
from collections.abc import Iterable

from torch import nn

from seqloom.errors import TrainingError

__all__ = ["clip_gradients"]


def clip_gradients(parameters: Iterable[nn.Parameter], most: float, of: str) -> None:
    """Scale gradients down to a norm.

    Args:
        parameters: whose gradients they are; together they have the norm.
        most: the norm that they may have.
        of: what they belong to: "generator" or "discriminator".

    Raises:
        TrainingError: they are not finite.
    """
    if not math.isfinite(float(nn.utils.clip_grad_norm_(parameters, most))):
        raise TrainingError(f"the gradient of the {of} is not finite: try a lower `{of}_learning_rate`")
