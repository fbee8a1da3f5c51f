"""The mixture-density head: a mixture of bivariate Gaussians and the states of a pen (Bishop 1994, Graves 2013).

A token is a point: a whole number of steps to the right, from -r to r, one down, likewise, and whether the pen is then
lifted; or the end of the drawing. As in sketch-rnn (Ha, Eck 2017), the model draws a component and the state of the
pen, then the step from the component's Gaussian. There are three differences:

- The weights of the components depend on the state of the pen, so a choice is a pair of both.
- A further component is uniform over all steps. It bounds the loss of a point that no Gaussian expects.
- The Gaussians are those of whole steps: the probability of a step is the mass of its unit square, and at the edge also
  that of everything beyond it. Probabilities can thus be compared with those of other models of the same steps, and a
  component that narrows to one step does not reach an infinite density.

With K Gaussians, the first outputs are the logits of the K + 1 components with the pen down, the uniform one
last, of the same with the pen lifted, and of the end if there is one. Then follow K means of x, K means of y where x is
at its mean, K logarithms of the deviation of x, K of the deviation of y for a given x, and K slopes: the change of the
mean of y as x changes by 1. A temperature multiplies the covariance.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64

from seqloom.config import ModelConfig
from seqloom.kernels.cores.spec import Shapes, Weights
from seqloom.kernels.heads.normal import log_interval_mass
from seqloom.kernels.heads.spec import HeadSpec
from seqloom.kernels.output_distribution import Outputs

__all__ = [
    "BEYOND",
    "LARGEST_LOG_DEVIATION",
    "SMALLEST_DEVIATION",
    "SPEC",
    "STEP_SCALE",
    "PointMixture",
    "num_choices",
    "num_outputs",
]

STEP_SCALE = 16.0
"""Steps that an output of 1 stands for in a mean; a deviation of e^0."""

SMALLEST_DEVIATION = 0.2
"""Smallest standard deviation, in steps: one step then has almost all of the mass."""

LARGEST_LOG_DEVIATION = 6.0
"""Limit of the outputs for deviations."""

BEYOND = 10_000.0
"""Steps that stand for everything beyond the edge."""

_NEGLIGIBLE = -30.0
"""Logarithm of a weight below which `PointMixture.all_log_probs` leaves a component out."""

Components = Float64[np.ndarray, " components"]


def num_choices(config: ModelConfig) -> int:
    """Return the number of choices: each component with each state of the pen, and the end if there is one."""
    return 2 * (config.mixtures + 1) + config.vocabulary - math.prod(config.factors)


def num_outputs(config: ModelConfig) -> int:
    """Return the number of outputs: the logits of the choices, and five parameters of each Gaussian."""
    return num_choices(config) + 5 * config.mixtures


class _Gaussians(NamedTuple):
    """The parameters of all Gaussians, in steps."""

    mean_x: Components
    mean_y: Components
    deviation_x: Components
    deviation_y: Components
    slope: Components


class PointMixture:
    """An `OutputDistribution` of points; see the module.

    Args:
        config: shape of the network.
    """

    def __init__(self, config: ModelConfig) -> None:
        self._num_gaussians, self._size = config.mixtures, config.factors[0]
        self._largest_step, self._num_points = self._size // 2, math.prod(config.factors)
        self.num_choices = num_choices(config)
        self.end_choice = 2 * (config.mixtures + 1) if config.vocabulary > self._num_points else None

    def token(self, outputs: Outputs, choice: int, temperature: float, uniforms: Sequence[float]) -> int:
        """See `OutputDistribution`; the normal numbers come from the Box-Muller transform."""
        if choice == self.end_choice:
            return self._num_points
        is_lifted, component = divmod(choice, self._num_gaussians + 1)
        if component == self._num_gaussians:
            x, y = (int(uniform * self._size) - self._largest_step for uniform in uniforms)
            return self._token(x, y, is_lifted)
        mean_x, mean_y, deviation_x, deviation_y, slope = (values[component] for values in self._gaussians(outputs))
        radius, angle = math.sqrt(-2 * math.log(1 - uniforms[0]) * temperature), 2 * math.pi * uniforms[1]
        x = self._whole_step(mean_x + deviation_x * radius * math.cos(angle))
        y = self._whole_step(mean_y + slope * (x - mean_x) + deviation_y * radius * math.sin(angle))
        return self._token(x, y, is_lifted)

    def log_prob(
        self, outputs: Outputs, token: int, choices: Float64[np.ndarray, " choices"], temperature: float
    ) -> float:
        """See `OutputDistribution`; the temperature is above 0."""
        if token >= self._num_points:
            return float(choices[-1])
        place, is_lifted = divmod(token, 2)
        x, y = (step - self._largest_step for step in divmod(place, self._size))
        gaussians, spread = self._gaussians(outputs), math.sqrt(temperature)
        log_weights = choices[is_lifted * (self._num_gaussians + 1) :][: self._num_gaussians + 1]
        log_masses = self._log_mass(np.array(x), gaussians.mean_x, gaussians.deviation_x * spread) + self._log_mass(
            np.array(y), gaussians.mean_y + gaussians.slope * (x - gaussians.mean_x), gaussians.deviation_y * spread
        )
        return float(np.logaddexp.reduce(log_weights + np.append(log_masses, -2 * math.log(self._size))))

    def all_log_probs(self, outputs: Outputs) -> Float64[np.ndarray, " vocab"]:
        """See `OutputDistribution`."""
        logits = outputs[: self.num_choices].astype(np.float64)
        choices = logits - np.logaddexp.reduce(logits)
        gaussians = self._gaussians(outputs)
        steps = np.arange(-self._largest_step, self._largest_step + 1)
        log_weights = choices[: 2 * (self._num_gaussians + 1)].reshape(2, -1)
        probabilities = np.zeros((self._size, self._size, 2)) + np.exp(log_weights[:, -1]) / self._size**2
        for component, (mean_x, mean_y, deviation_x, deviation_y, slope) in enumerate(zip(*gaussians, strict=True)):
            weights = np.exp(log_weights[:, component])
            log_masses = self._log_mass(steps, mean_x, deviation_x)
            (columns,) = np.nonzero(log_masses + log_weights[:, component].max() > _NEGLIGIBLE)
            means_y = mean_y + slope * (steps[columns, None] - mean_x)
            masses = np.exp(log_masses[columns, None] + self._log_mass(steps[None], means_y, deviation_y))
            probabilities[columns] += masses[:, :, None] * weights
        with np.errstate(divide="ignore"):
            return np.concatenate([np.log(probabilities.ravel()), choices[2 * (self._num_gaussians + 1) :]])

    def _gaussians(self, outputs: Outputs) -> _Gaussians:
        parameters = outputs[self.num_choices :].astype(np.float64).reshape(5, self._num_gaussians)
        deviations = SMALLEST_DEVIATION + STEP_SCALE * np.exp(np.minimum(parameters[2:4], LARGEST_LOG_DEVIATION))
        means = STEP_SCALE * parameters[:2]
        return _Gaussians(means[0], means[1], deviations[0], deviations[1], parameters[4])

    def _token(self, x: int, y: int, is_lifted: int) -> int:
        return ((x + self._largest_step) * self._size + y + self._largest_step) * 2 + is_lifted

    def _whole_step(self, value: float) -> int:
        return round(min(max(value, -self._largest_step), self._largest_step))

    def _log_mass(
        self, steps: np.ndarray, mean: np.ndarray | float, deviation: np.ndarray | float
    ) -> Float64[np.ndarray, "*axes"]:
        """Return the logarithm of the mass of steps in Gaussians; steps at the edge include what is beyond it."""
        low = np.where(steps <= -self._largest_step, -BEYOND, steps - 0.5)
        high = np.where(steps >= self._largest_step, BEYOND, steps + 0.5)
        return log_interval_mass((low - mean) / deviation, (high - mean) / deviation)


def _shapes(config: ModelConfig, width: int) -> Shapes:
    return {"weight": (num_outputs(config), width), "bias": (num_outputs(config),)}


def _make_outputs(config: ModelConfig, weights: Weights) -> Callable[[np.ndarray], Outputs]:
    weight, bias = weights["head.weight"], weights["head.bias"]

    def outputs(hidden: np.ndarray) -> Outputs:
        values: Outputs = weight @ hidden + bias
        return values

    return outputs


SPEC = HeadSpec(
    layer="seqloom.models.mixture_density_head:MixtureDensityHead",
    shapes=_shapes,
    make_outputs=_make_outputs,
    num_outputs=num_outputs,
    make_distribution=PointMixture,
    starts_at_frequencies=False,
    is_native=True,
)
