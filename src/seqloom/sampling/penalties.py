"""The penalties of recent tokens: repetition, frequency, presence and DRY, and their positions in the chain.

Recent tokens are the last `repetition_window` tokens of prompt and text together. All penalties are invariant to a
constant that is added to all logits, and none makes a token impossible.
"""

import numpy as np
from jaxtyping import Bool, Float64, Int

from seqloom.sampling.transform import Logits, Settings, Transform, TransformSpec
from seqloom.sampling.transforms import log_softmax

__all__ = [
    "DRY",
    "FREQUENCY",
    "MAX_DRY_PENALTY",
    "PRESENCE",
    "REPETITION",
    "dry_penalties",
    "frequency_penalty",
    "presence_penalty",
    "repetition_penalty",
]

MAX_DRY_PENALTY = 1e6
"""Largest penalty of DRY, which otherwise grows without bound; the compiled kernels have the same limit."""

_LOWEST_LOGIT = -1e300
"""Logit of a token with a probability of 0 that stays possible where every other token is banned."""


def repetition_penalty(logits: Logits, recent: Int[np.ndarray, " recent"], penalty: float) -> Logits:
    """Raise the probabilities of recent tokens to the power `penalty` (after Keskar et al. 2019).

    Log-probabilities are multiplied instead of raw logits, so that a constant added to all logits changes nothing.
    """
    penalized = log_softmax(logits)
    seen = np.unique(recent)
    possible = seen[np.isfinite(penalized[seen])]
    with np.errstate(over="ignore"):  # a product that no number holds becomes the lowest number, a possible logit
        penalized[possible] = np.maximum(penalized[possible] * penalty, _LOWEST_LOGIT)
    return penalized


def frequency_penalty(logits: Logits, recent: Int[np.ndarray, " recent"], penalty: float) -> Logits:
    """Subtract `penalty` from the logit of each recent token as often as the token occurs (OpenAI 2020)."""
    penalized: Logits = logits - penalty * np.bincount(recent, minlength=len(logits))
    return penalized


def presence_penalty(logits: Logits, recent: Int[np.ndarray, " recent"], penalty: float) -> Logits:
    """Subtract `penalty` once from the logit of each recent token (OpenAI 2020)."""
    penalized = logits.copy()
    penalized[np.unique(recent)] -= penalty
    return penalized


def dry_penalties(
    history: Int[np.ndarray, " window"],
    breakers: Bool[np.ndarray, " vocab"],
    *,
    multiplier: float,
    base: float,
    allowed_length: int,
) -> Float64[np.ndarray, " vocab"]:
    """Return what to subtract from the logits of tokens that would extend a repeat (DRY, p-e-w 2024).

    A repeat is a sequence of tokens at the end of the history that already occurs earlier in it. The token that follows
    the earlier occurrence would extend the repeat. Its penalty is `multiplier * base ** (length - allowed_length)` for
    the longest such repeat; shorter repeats than `allowed_length` have no penalty. A breaker is never a part of a
    repeat, and never penalised.

    Args:
        history: recent token ids in their order.
        breakers: True for tokens that end a repeat.
        multiplier: penalty of a repeat of the allowed length.
        base: factor by which each further token increases the penalty.
        allowed_length: length of the shortest repeat that is penalised.
    """
    allowed_length = min(allowed_length, len(history) + 1)  # no repeat is that long
    newest_first = history[::-1].tolist()
    num_before_breaker = next((age for age, token in enumerate(newest_first) if breakers[token]), len(history))
    lengths = np.zeros(len(breakers), np.int64)
    for age, length in enumerate(_common_prefixes(newest_first)[1:], start=1):
        following = newest_first[age - 1]
        lengths[following] = max(lengths[following], min(length, num_before_breaker))
    is_penalized = (lengths >= allowed_length) & ~breakers
    with np.errstate(over="ignore"):
        penalties = multiplier * np.power(float(base), np.maximum(lengths - allowed_length, 0))
    return np.where(is_penalized, np.minimum(penalties, MAX_DRY_PENALTY), 0.0)


def _common_prefixes(tokens: list[int]) -> list[int]:
    """Return, for each position, how many tokens from there equal the first tokens (Z algorithm, Gusfield 1997)."""
    lengths = [0] * len(tokens)
    start = end = 0  # of the match that reaches farthest
    for position in range(1, len(tokens)):
        length = min(lengths[position - start], end - position) if position < end else 0
        while position + length < len(tokens) and tokens[length] == tokens[position + length]:
            length += 1
        if position + length > end:
            start, end = position, position + length
        lengths[position] = length
    return lengths


def _bind_repetition(settings: Settings, vocabulary: int) -> Transform:
    penalty = settings["repetition_penalty"]
    return lambda logits, context: repetition_penalty(logits, context.recent, penalty)


def _bind_frequency(settings: Settings, vocabulary: int) -> Transform:
    penalty = settings["frequency_penalty"]
    return lambda logits, context: frequency_penalty(logits, context.recent, penalty)


def _bind_presence(settings: Settings, vocabulary: int) -> Transform:
    penalty = settings["presence_penalty"]
    return lambda logits, context: presence_penalty(logits, context.recent, penalty)


def _bind_dry(settings: Settings, vocabulary: int) -> Transform:
    multiplier, base, allowed_length = (settings[name] for name in DRY.fields or ())
    nothing = np.zeros(vocabulary, np.bool_)
    return lambda logits, context: np.subtract(
        logits,
        dry_penalties(
            context.history,
            nothing if context.breakers is None else context.breakers,
            multiplier=multiplier,
            base=base,
            allowed_length=allowed_length,
        ),
    )


REPETITION = TransformSpec(
    position=20,
    fields=("repetition_penalty",),
    is_off=lambda settings: bool(settings["repetition_penalty"] == 1),
    bind=_bind_repetition,
)
FREQUENCY = TransformSpec(
    position=22,
    fields=("frequency_penalty",),
    is_off=lambda settings: bool(settings["frequency_penalty"] == 0),
    bind=_bind_frequency,
)
PRESENCE = TransformSpec(
    position=24,
    fields=("presence_penalty",),
    is_off=lambda settings: bool(settings["presence_penalty"] == 0),
    bind=_bind_presence,
)
DRY = TransformSpec(
    position=26,
    fields=("dry_multiplier", "dry_base", "dry_allowed_length"),
    is_off=lambda settings: bool(settings["dry_multiplier"] == 0),
    bind=_bind_dry,
)
