"""The basic transforms: pure functions of logits, and their positions in the chain.

The order of the whole chain is: bias and bans; repetition, frequency and presence penalties, DRY (`penalties`);
top-n-sigma (`adaptive_filters`); temperature; top-k, typical, top-p, min-p; XTC, Mirostat (`adaptive_filters`); then
the draw. Top-n-sigma and the transforms after the temperature are filters, which remove tokens. A filter receives the
distribution that the transforms before it produced, renormalised. It returns new logits with minus infinity for removed
tokens, and never removes all tokens. Ties are resolved in favour of lower ids.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from seqloom.errors import ConfigError, SeqloomError
from seqloom.sampling.transform import Logits, Settings, Transform, TransformSpec

__all__ = [
    "BANS",
    "BIAS",
    "MIN_P",
    "TEMPERATURE",
    "TOLERANCE",
    "TOP_K",
    "TOP_P",
    "TYPICAL",
    "add_bias",
    "divide_logits",
    "dynamic_temperature",
    "keep",
    "log_softmax",
    "mask_disallowed",
    "min_p",
    "non_finite_error",
    "spec_with_one_setting",
    "temperature_scale",
    "top_k",
    "top_p",
    "typical_p",
]

TOLERANCE = 1e-9
"""Probability mass this close to a threshold counts as having reached it, so that rounding does not decide."""


def log_softmax(logits: Float[np.ndarray, " vocab"]) -> Logits:
    """Return log-probabilities in float64.

    Raises:
        SeqloomError: a logit is NaN or plus infinity, or all are minus infinity.
    """
    shifted = logits.astype(np.float64)
    largest = shifted.max()
    if not np.isfinite(largest):
        raise non_finite_error()
    shifted -= largest
    log_probabilities: Logits = shifted - np.log(np.exp(shifted).sum())
    return log_probabilities


def non_finite_error() -> SeqloomError:
    """Return the error for logits that contain NaN or infinity."""
    return SeqloomError("the model's output contains NaN or infinity: its weights have diverged; train again")


def add_bias(logits: Logits, bias: Logits) -> Logits:
    """Add `bias` to the logits."""
    biased: Logits = logits + bias
    return biased


def mask_disallowed(logits: Logits, allowed: Bool[np.ndarray, " vocab"] | None) -> Logits:
    """Remove tokens that are not allowed; if none is allowed, remove nothing."""
    return logits if allowed is None else keep(logits, allowed)


def temperature_scale(logits: Logits, temperature: float) -> Logits:
    """Divide logits by the temperature.

    Temperature 0 keeps only the likeliest token (the lowest id of a tie); infinity makes all possible tokens equally
    likely.
    """
    if temperature == 0:
        return top_k(logits, 1)
    return divide_logits(logits - logits.max(), temperature)


def dynamic_temperature(logits: Logits, temperature: float, deviation: float, exponent: float) -> Logits:
    """Divide logits by a temperature that rises with the entropy (dynamic temperature, kalomaze 2023).

    The relative entropy is the entropy of the distribution, divided by that of a uniform distribution over the possible
    tokens. From 0 to 1, it raises the temperature from `temperature - deviation`, at least 0, to
    `temperature + deviation`.

    Args:
        logits: logits of the next token.
        temperature: mean of the lowest and the highest temperature.
        deviation: largest deviation from `temperature`.
        exponent: exponent of the relative entropy.
    """
    num_possible = np.count_nonzero(np.isfinite(logits))
    if num_possible < 2:
        return logits
    log_probabilities = log_softmax(logits)
    probabilities = np.exp(log_probabilities)
    entropy = -np.sum(probabilities * np.where(probabilities > 0, log_probabilities, 0))
    relative_entropy = min(max(float(entropy / np.log(num_possible)), 0.0), 1.0)
    lowest, highest = max(temperature - deviation, 0.0), temperature + deviation
    return temperature_scale(logits, lowest + (highest - lowest) * relative_entropy**exponent)


def divide_logits(logits: Float64[np.ndarray, "*shape"], temperature: float) -> Float64[np.ndarray, "*shape"]:
    """Divide logits, none above 0, by the temperature; minus infinity stays, even at an infinite temperature."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.isneginf(logits), logits, logits / temperature)


def top_k(logits: Logits, k: int) -> Logits:
    """Keep exactly the `k` likeliest tokens; all if there are fewer."""
    return keep(logits, _mask_of_first(_descending(logits), max(k, 1)))


def typical_p(logits: Logits, mass: float) -> Logits:
    """Keep the tokens whose surprisal is closest to the entropy, until their probability reaches `mass`.

    The surprisal of a token is its negative log-probability (Meister et al. 2022).
    """
    log_probabilities = log_softmax(logits)
    probabilities = np.exp(log_probabilities)
    possible = probabilities > 0
    entropy = -np.sum(probabilities[possible] * log_probabilities[possible])
    distance = np.where(possible, np.abs(log_probabilities + entropy), np.inf)
    order = np.argsort(distance, kind="stable")
    return keep(logits, _mask_of_first(order, _count_to_reach(probabilities[order], mass)))


def top_p(logits: Logits, mass: float) -> Logits:
    """Keep the nucleus: the smallest set of likeliest tokens whose probability reaches `mass` (Holtzman et al. 2020).

    The token that crosses the threshold is included.
    """
    probabilities = np.exp(log_softmax(logits))
    order = _descending(logits)
    return keep(logits, _mask_of_first(order, _count_to_reach(probabilities[order], mass)))


def min_p(logits: Logits, share: float) -> Logits:
    """Keep tokens at least `share` times as likely as the likeliest one (Nguyen et al. 2024)."""
    return keep(logits, np.exp(logits - logits.max()) >= share * (1 - TOLERANCE))


def _bind_bias(settings: Settings, vocabulary: int) -> Transform:
    biases = settings["bias"]
    outside = [token for token in biases if token >= vocabulary]
    if outside:
        raise ConfigError(f"`bias` names token {outside[0]}: the vocabulary is 0..{vocabulary - 1}")
    bias = np.zeros(vocabulary)
    bias[list(biases)] = list(biases.values())
    return lambda logits, _: add_bias(logits, bias)


def _bind_temperature(settings: Settings, vocabulary: int) -> Transform:
    temperature, deviation, exponent = (settings[name] for name in TEMPERATURE.fields or ())
    if deviation == 0 or temperature in (0, np.inf):
        return lambda logits, _: temperature_scale(logits, temperature)
    return lambda logits, _: dynamic_temperature(logits, temperature, deviation, exponent)


def spec_with_one_setting(
    field: str, function: Callable[[Logits, Any], Logits], *, position: int, neutral: float
) -> TransformSpec:
    """Return the spec of a transform with a single setting.

    Args:
        field: field of `SamplingConfig` with the setting.
        function: function of logits and the setting.
        position: position in the chain.
        neutral: value of the setting at which the transform changes nothing.
    """

    def bind(settings: Settings, vocabulary: int) -> Transform:
        value = settings[field]
        return lambda logits, _: function(logits, value)

    return TransformSpec(
        position=position, fields=(field,), is_off=lambda settings: bool(settings[field] == neutral), bind=bind
    )


BIAS = TransformSpec(position=0, fields=("bias",), is_off=lambda settings: not settings["bias"], bind=_bind_bias)
BANS = TransformSpec(
    position=10,
    fields=(),
    bind=lambda settings, vocabulary: lambda logits, context: mask_disallowed(logits, context.allowed),
)
TEMPERATURE = TransformSpec(
    position=30,
    fields=("temperature", "dynatemp_range", "dynatemp_exponent"),
    is_off=lambda settings: bool(settings["temperature"] == 1 and settings["dynatemp_range"] == 0),
    bind=_bind_temperature,
)
TOP_K = spec_with_one_setting("top_k", top_k, position=40, neutral=0)
TYPICAL = spec_with_one_setting("typical_p", typical_p, position=50, neutral=1)
TOP_P = spec_with_one_setting("top_p", top_p, position=60, neutral=1)
MIN_P = spec_with_one_setting("min_p", min_p, position=70, neutral=0)


def _descending(logits: Logits) -> Int[np.ndarray, " vocab"]:
    """Return ids in order of decreasing probability; the lower id first in a tie."""
    return np.argsort(-logits, kind="stable")


def _count_to_reach(probabilities: Float64[np.ndarray, " vocab"], mass: float) -> int:
    """Return how many of the first probabilities are needed until their sum reaches `mass`; at least 1."""
    sums_before = np.cumsum(probabilities) - probabilities
    return max(1, int(np.count_nonzero(sums_before < mass - TOLERANCE)))


def _mask_of_first(order: Int[np.ndarray, " vocab"], count: int) -> Bool[np.ndarray, " vocab"]:
    """Return a mask of the first `count` ids of `order`."""
    mask = np.zeros(len(order), np.bool_)
    mask[order[:count]] = True
    return mask


def keep(logits: Logits, kept: Bool[Any, " vocab"]) -> Logits:
    """Set the logits of tokens that are not `kept` to minus infinity, unless no finite logit would remain."""
    return np.where(kept, logits, -np.inf) if np.isfinite(logits[kept]).any() else logits
