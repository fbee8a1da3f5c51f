"""Clip gradients by norm and detect divergence."""

import math
from collections.abc import Iterable

from torch import nn

from seqloom.errors import TrainingError

__all__ = ["clip_gradients"]


def clip_gradients(parameters: Iterable[nn.Parameter], max_norm: float, network: str) -> None:
    """Scale all gradients down by the same factor if their total norm is above a limit.

    Args:
        parameters: parameters with gradients.
        max_norm: limit of the total norm.
        network: "generator" or "discriminator", for the error message.

    Raises:
        TrainingError: a gradient is not finite.
    """
    if not math.isfinite(float(nn.utils.clip_grad_norm_(parameters, max_norm))):
        raise TrainingError(f"the gradient of the {network} is not finite: try a lower `{network}_learning_rate`")
