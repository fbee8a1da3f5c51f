"""The torch layer of the mixture-density head; `kernels/heads/mixture_density.py` describes the distribution."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from seqloom.config import ModelConfig
from seqloom.kernels.heads.mixture_density import (
    BEYOND,
    LARGEST_LOG_DEVIATION,
    SMALLEST_DEVIATION,
    STEP_SCALE,
    num_choices,
    num_outputs,
)
from seqloom.models.head_layer import HeadLayer, at_least_float32

__all__ = ["MixtureDensityHead"]

_FARTHEST = 1000.0
"""Largest distance from a mean, in deviations, that counts: in float32, the derivative of torch's `log_ndtr` would be
infinite far beyond it."""

_UNIFORM_LOGIT = -3.0
"""Initial logit of the uniform component; that of a Gaussian is 0."""


class MixtureDensityHead(HeadLayer):
    """A linear map to the parameters of a mixture of bivariate Gaussians and the states of a pen.

    Parameters: `weight [outputs, hidden]` and `bias [outputs]`. The means start at random places, so that the
    components differ, and the weight of the uniform component is small.

    Args:
        hidden: width of the core's outputs.
        config: shape of the network.
        generator: generator of the initial weights.
    """

    def __init__(self, hidden: int, config: ModelConfig, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self._num_gaussians, self._num_choices = config.mixtures, num_choices(config)
        self._size, self._num_points = config.factors[0], math.prod(config.factors)
        width = num_outputs(config)
        bound = (6 / (width + hidden)) ** 0.5
        self.weight = nn.Parameter(nn.init.uniform_(torch.empty(width, hidden), -bound, bound, generator=generator))
        bias = torch.zeros(width)
        means = slice(self._num_choices, self._num_choices + 2 * config.mixtures)
        bias[means] = torch.empty(2 * config.mixtures).normal_(generator=generator)
        bias[[config.mixtures, 2 * config.mixtures + 1]] = _UNIFORM_LOGIT
        self.bias = nn.Parameter(bias)

    def forward(
        self, hidden: Float[Tensor, "*axes hidden"], tied: Float[Tensor, "vocab hidden"] | None = None
    ) -> Float[Tensor, "*axes outputs"]:
        """Return the parameters of the distribution of the next token; see `HeadLayer.forward`."""
        return nn.functional.linear(hidden, self.weight, self.bias)

    def log_probs(
        self, outputs: Float[Tensor, "positions outputs"], targets: Int[Tensor, " positions"]
    ) -> Float[Tensor, " positions"]:
        """Return the log-probabilities of tokens in nats; see `HeadLayer.log_probs`."""
        outputs, count = at_least_float32(outputs), self._num_gaussians
        choices = outputs[:, : self._num_choices].log_softmax(-1)
        mean_x, mean_y, log_x, log_y, slope = outputs[:, self._num_choices :].reshape(-1, 5, count).unbind(1)
        mean_x, mean_y = STEP_SCALE * mean_x, STEP_SCALE * mean_y
        deviation_x, deviation_y = (
            SMALLEST_DEVIATION + STEP_SCALE * log.clamp(max=LARGEST_LOG_DEVIATION).exp() for log in (log_x, log_y)
        )
        is_end = targets >= self._num_points
        points = targets.masked_fill(is_end, 0)
        place, is_lifted = points // 2, points % 2 == 1
        x, y = ((step - self._size // 2)[:, None] for step in (place // self._size, place % self._size))
        log_weights = torch.where(is_lifted[:, None], choices[:, count + 1 : 2 * count + 2], choices[:, : count + 1])
        log_mass_x = self._log_mass(x, mean_x, deviation_x)
        log_mass_y = self._log_mass(y, mean_y + slope * (x - mean_x), deviation_y)
        log_mass_uniform = log_mass_x.new_full((len(targets), 1), -2 * math.log(self._size))
        of_points = (log_weights + torch.cat([log_mass_x + log_mass_y, log_mass_uniform], 1)).logsumexp(-1)
        return torch.where(is_end, choices[:, -1], of_points)

    def _log_mass(self, steps: Tensor, mean: Tensor, deviation: Tensor) -> Float[Tensor, "positions components"]:
        """Return the logarithm of the mass of steps in Gaussians; steps at the edge include what is beyond it."""
        largest = self._size // 2
        low = (steps - 0.5).masked_fill(steps <= -largest, -BEYOND)
        high = (steps + 0.5).masked_fill(steps >= largest, BEYOND)
        return _log_interval_mass((low - mean) / deviation, (high - mean) / deviation)


def _log_interval_mass(low: Tensor, high: Tensor) -> Tensor:
    """Return the logarithm of the standard normal mass between two numbers, as `kernels/heads/normal.py` does."""
    low, high = (end.clamp(-_FARTHEST, _FARTHEST) for end in (low, high))
    is_right = low + high > 0
    log_left, log_right = (
        torch.special.log_ndtr(torch.where(is_right, mirrored, value))
        for mirrored, value in ((-high, low), (-low, high))
    )
    log_mass: Tensor = log_right + (-torch.expm1((log_left - log_right).clamp(max=-1e-7))).log()
    return log_mass
