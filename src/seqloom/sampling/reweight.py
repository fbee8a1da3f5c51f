"""Reweight probability distributions by a softmax temperature."""

import numpy as np
from jaxtyping import Float64
from numpy.typing import ArrayLike

from seqloom.config.settings import is_number
from seqloom.errors import ConfigError
from seqloom.sampling.transforms import divide_logits

__all__ = ["reweight"]


def reweight(probabilities: ArrayLike, temperature: float = 1.0) -> Float64[np.ndarray, "*batch vocab"]:
    """Reweight distributions by a softmax temperature: `p ** (1 / temperature)`, renormalised.

    Temperature 0 gives a uniform distribution over the likeliest tokens; an infinite temperature gives a uniform
    distribution over all tokens with a probability above 0.

    Args:
        probabilities: non-negative numbers, `[..., vocab]`; each row is normalised first.
        temperature: softmax temperature, 0 or more.

    Returns:
        Probabilities of the same shape; each row sums to 1.

    Raises:
        ConfigError: a number is negative, NaN or infinite, a row sums to 0, or the temperature is negative.
    """
    distributions = _checked_distributions(probabilities, temperature)
    if temperature == 1:
        scaled = distributions / distributions.max(axis=-1, keepdims=True)  # the sum of huge numbers would be infinite
        return np.asarray(scaled / scaled.sum(axis=-1, keepdims=True))
    with np.errstate(divide="ignore"):
        logs = np.log(distributions)
    logs -= logs.max(axis=-1, keepdims=True)
    weights = (logs == 0).astype(np.float64) if temperature == 0 else np.exp(divide_logits(logs, temperature))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _checked_distributions(probabilities: ArrayLike, temperature: float) -> Float64[np.ndarray, "*batch vocab"]:
    """Return the probabilities as an array, after a check of both arguments."""
    faults = []
    if not is_number(temperature) or not temperature >= 0:
        faults.append(f"temperature got {temperature!r}: choose 0 (always the likeliest) or more")
    try:
        distributions = np.asarray(probabilities, np.float64)
    except (TypeError, ValueError):
        raise ConfigError(*faults, "probabilities got something other than an array of numbers") from None
    if distributions.ndim == 0 or distributions.shape[-1] == 0:
        faults.append(f"probabilities got shape {list(distributions.shape)}: give at least one number on the last axis")
    elif not (np.isfinite(distributions).all() and (distributions >= 0).all()):
        faults.append("probabilities contain a negative number, NaN or infinity: give numbers from 0 up")
    elif not (distributions.max(axis=-1) > 0).all():
        faults.append("probabilities contain a row of zeros: at least one number must be above 0")
    if faults:
        raise ConfigError(*faults)
    return distributions
