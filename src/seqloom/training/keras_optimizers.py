"""Adam and RMSprop as Keras 3 updates weights: epsilon is added in other places than in torch.

Torch divides by the root of the corrected second moment plus epsilon. Keras's RMSprop divides by the root of the second
moment plus epsilon, and its Adam corrects the bias of the second moment after it has added epsilon to the root (the
form of Kingma and Ba 2015 that they call efficient, section 2).
"""

import math
from collections.abc import Iterable
from typing import Any

import torch

from seqloom.training.adam import Adam

__all__ = ["EPSILON", "KerasAdam", "KerasRmsprop", "keras_epsilon"]

EPSILON = 1e-7


def keras_epsilon(step: int, betas: tuple[float, float]) -> float:
    """Return the epsilon with which torch's Adam makes the update that Keras makes; `step` counts from 1."""
    return EPSILON / math.sqrt(1 - betas[1] ** step)


class KerasAdam(Adam):
    """Adam of Keras; groups whose epsilon is not `EPSILON` at the beginning keep theirs."""

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float, betas: tuple[float, float], *, fused: bool) -> None:
        super().__init__(groups, lr=lr, betas=betas, eps=EPSILON, fused=fused)
        self._corrected = [group for group in self.param_groups if group["eps"] == EPSILON]

    def step(self, closure: Any = None) -> Any:
        """Make an update."""
        for group in self._corrected:
            done = (int(state["step"]) for parameter in group["params"] if (state := self.state.get(parameter)))
            group["eps"] = keras_epsilon(max(done, default=0) + 1, group["betas"])
        return super().step(closure)


class KerasRmsprop(torch.optim.Optimizer):
    """RMSprop of Keras, without momentum.

    Args:
        groups: parameters, in groups.
        lr: learning rate.
        alpha: decay rate of the mean of squared gradients.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float, alpha: float) -> None:
        super().__init__(groups, {"lr": lr, "alpha": alpha, "eps": EPSILON})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Make an update."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state |= {"step": torch.zeros(()), "square_avg": torch.zeros_like(parameter)}
                state["step"] += 1
                mean = state["square_avg"]
                mean.mul_(group["alpha"]).addcmul_(parameter.grad, parameter.grad, value=1 - group["alpha"])
                parameter.addcdiv_(parameter.grad, (mean + group["eps"]).sqrt(), value=-group["lr"])
        return None
