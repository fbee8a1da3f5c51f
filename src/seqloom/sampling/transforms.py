"""Pure functions over logits, and the order in which they are applied.

The order: bias and bans, repetition, temperature, top-k, typical, top-p, min-p, then the draw. Each filter
looks at the distribution that the ones before it left, renormalised; gives new logits with minus infinity for
tokens that it removes; and never removes all. Of tokens that are equally good, the lower ids are kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float64, Int
from numpy.typing import ArrayLike

from seqloom.config.sampling import SamplingConfig
from seqloom.config.settings import is_number
from seqloom.errors import ConfigError, SeqloomError

__all__ = [
    "Context",
    "Transform",
    "add_bias",
    "apply_chain",
    "build_chain",
    "log_softmax",
    "mask_disallowed",
    "min_p",
    "non_finite_error",
    "repetition_penalty",
    "reweight",
    "temperature_scale",
    "top_k",
    "top_p",
    "typical_p",
]

Logits = Float64[np.ndarray, " vocab"]

TOLERANCE = 1e-9
"""Masses this near to a threshold count as having reached it, so that rounding does not decide."""


@dataclass(frozen=True)
class Context:
    """What a transform may know beside the logits.

    Attributes:
        recent: ids of the tokens that count for repetition.
        allowed: False for tokens that must not be drawn; None where all may be.
    """

    recent: Int[np.ndarray, " recent"]
    allowed: Bool[np.ndarray, " vocab"] | None


Transform = Callable[[Logits, Context], Logits]


def build_chain(config: SamplingConfig, vocabulary: int) -> tuple[Transform, ...]:
    """The transforms that `config` asks for, in order; those that would change nothing are left out.

    Raises:
        ConfigError: a bias names a token that is not in the vocabulary.
    """
    outside = [token for token in config.bias if token >= vocabulary]
    if outside:
        raise ConfigError(f"`bias` names token {outside[0]}: the vocabulary is 0..{vocabulary - 1}")
    bias = np.zeros(vocabulary)
    bias[list(config.bias)] = list(config.bias.values())
    wanted: list[tuple[bool, Transform]] = [
        (bool(config.bias), lambda logits, _: add_bias(logits, bias)),
        (True, lambda logits, context: mask_disallowed(logits, context.allowed)),
        (
            config.repetition_penalty != 1,
            lambda logits, context: repetition_penalty(logits, context.recent, config.repetition_penalty),
        ),
        (config.temperature != 1, lambda logits, _: temperature_scale(logits, config.temperature)),
        (config.top_k > 0, lambda logits, _: top_k(logits, config.top_k)),
        (config.typical_p < 1, lambda logits, _: typical_p(logits, config.typical_p)),
        (config.top_p < 1, lambda logits, _: top_p(logits, config.top_p)),
        (config.min_p > 0, lambda logits, _: min_p(logits, config.min_p)),
    ]
    return tuple(transform for asked, transform in wanted if asked)


def apply_chain(chain: tuple[Transform, ...], logits: Logits, context: Context) -> Logits:
    """Fold `chain` over `logits`, first to last."""
    return reduce(lambda left, transform: transform(left, context), chain, logits)


def log_softmax(logits: Float[np.ndarray, " vocab"]) -> Logits:
    """Log-probabilities in float64.

    Raises:
        SeqloomError: the logits hold NaN or infinity.
    """
    wide = logits.astype(np.float64)
    peak = wide.max()
    if not np.isfinite(peak):
        raise non_finite_error()
    wide -= peak
    log_probabilities: Logits = wide - np.log(np.exp(wide).sum())
    return log_probabilities


def non_finite_error() -> SeqloomError:
    """What is raised where logits hold NaN or infinity."""
    return SeqloomError("the model's output holds NaN or infinity: its weights have diverged; train again")


def add_bias(logits: Logits, bias: Logits) -> Logits:
    """Add `bias` to the logits."""
    biased: Logits = logits + bias
    return biased


def mask_disallowed(logits: Logits, allowed: Bool[np.ndarray, " vocab"] | None) -> Logits:
    """Remove tokens that are not allowed; where none is, nothing is removed."""
    return logits if allowed is None else _keep(logits, allowed)


def repetition_penalty(logits: Logits, recent: Int[np.ndarray, " recent"], penalty: float) -> Logits:
    """Raise the probabilities of recent tokens to the power `penalty` (after Keskar et al. 2019).

    Log-probabilities are multiplied, not raw logits, so that an offset of all logits makes no difference.
    """
    penalized = log_softmax(logits)
    seen = np.unique(recent)
    penalized[seen] *= penalty
    return penalized


def temperature_scale(logits: Logits, temperature: float) -> Logits:
    """Divide by the temperature; 0 leaves the likeliest (the lowest id of equals), infinity all alike."""
    if temperature == 0:
        return top_k(logits, 1)
    return _divided(logits - logits.max(), temperature)


def top_k(logits: Logits, k: int) -> Logits:
    """Keep the `k` likeliest tokens, exactly so many where there are as many."""
    return _keep(logits, _first(_descending(logits), max(k, 1)))


def typical_p(logits: Logits, mass: float) -> Logits:
    """Keep the tokens whose surprise is nearest to the entropy, up to `mass` (Meister et al. 2022)."""
    log_probabilities = log_softmax(logits)
    probabilities = np.exp(log_probabilities)
    possible = probabilities > 0
    entropy = -np.sum(probabilities[possible] * log_probabilities[possible])
    distance = np.where(possible, np.abs(log_probabilities + entropy), np.inf)
    order = np.argsort(distance, kind="stable")
    return _keep(logits, _first(order, _count_to_reach(probabilities[order], mass)))


def top_p(logits: Logits, mass: float) -> Logits:
    """Keep the smallest set of tokens whose mass reaches `mass`, the token that crosses included.

    The nucleus of Holtzman et al. 2020.
    """
    probabilities = np.exp(log_softmax(logits))
    order = _descending(logits)
    return _keep(logits, _first(order, _count_to_reach(probabilities[order], mass)))


def min_p(logits: Logits, share: float) -> Logits:
    """Keep the tokens that are at least `share` times as likely as the likeliest (Nguyen et al. 2024)."""
    return _keep(logits, np.exp(logits - logits.max()) >= share * (1 - TOLERANCE))


def reweight(probabilities: ArrayLike, temperature: float = 1.0) -> Float64[np.ndarray, "*batch vocab"]:
    """Reweight distributions by a softmax temperature: `p ** (1 / temperature)`, renormalised.

    Temperature 0 is uniform over the likeliest; infinity is uniform over what has any probability at all.

    Args:
        probabilities: non-negative numbers, `[..., vocab]`; each row is normalised first.
        temperature: 0 or more.

    Raises:
        ConfigError: a number is negative, NaN or infinite, a row sums to 0, or the temperature is negative.
    """
    rows = _checked_rows(probabilities, temperature)
    if temperature == 1:
        scaled = rows / rows.max(axis=-1, keepdims=True)
        return np.asarray(scaled / scaled.sum(axis=-1, keepdims=True))
    with np.errstate(divide="ignore"):
        logs = np.log(rows)
    logs -= logs.max(axis=-1, keepdims=True)
    weights = (logs == 0).astype(np.float64) if temperature == 0 else np.exp(_divided(logs, temperature))
    return np.asarray(weights / weights.sum(axis=-1, keepdims=True))


def _checked_rows(probabilities: ArrayLike, temperature: float) -> Float64[np.ndarray, "*batch vocab"]:
    faults = []
    if not is_number(temperature) or not temperature >= 0:
        faults.append(f"temperature got {temperature!r}: choose 0 (always the likeliest) or more")
    try:
        rows = np.asarray(probabilities, np.float64)
    except (TypeError, ValueError):
        raise ConfigError(*faults, "probabilities got something that is no array of numbers") from None
    if rows.ndim == 0 or rows.shape[-1] == 0:
        faults.append(f"probabilities got shape {list(rows.shape)}: give at least one number on the last axis")
    elif not (np.isfinite(rows).all() and (rows >= 0).all()):
        faults.append("probabilities hold a negative number, NaN or infinity: give numbers from 0 up")
    elif not (rows.max(axis=-1) > 0).all():
        faults.append("probabilities hold a row of zeros: at least one number must be above 0")
    if faults:
        raise ConfigError(*faults)
    return rows


def _divided(logits: Float64[np.ndarray, "*shape"], temperature: float) -> Float64[np.ndarray, "*shape"]:
    """Logits at most 0, divided; minus infinity stays, however high the temperature."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.where(np.isneginf(logits), logits, logits / temperature)


def _descending(logits: Logits) -> Int[np.ndarray, " vocab"]:
    """Ids from the likeliest down; the lower id first where tokens are equally likely."""
    return np.argsort(-logits, kind="stable")


def _count_to_reach(ordered: Logits, mass: float) -> int:
    """How many of the ordered probabilities it takes to reach `mass`."""
    before = np.cumsum(ordered) - ordered
    return max(1, int(np.count_nonzero(before < mass - TOLERANCE)))


def _first(order: Int[np.ndarray, " vocab"], count: int) -> Bool[np.ndarray, " vocab"]:
    kept = np.zeros(len(order), np.bool_)
    kept[order[:count]] = True
    return kept


def _keep(logits: Logits, kept: Bool[Any, " vocab"]) -> Logits:
    return np.where(kept, logits, -np.inf) if np.isfinite(logits[kept]).any() else logits
