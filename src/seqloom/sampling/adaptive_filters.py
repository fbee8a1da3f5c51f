"""Filters beyond fixed shares of the probability: top-n-sigma, XTC and Mirostat, and their positions in the chain.

Top-n-sigma adapts to the spread of the logits, XTC excludes the likeliest tokens by chance, and Mirostat adapts to the
surprise of the text so far.
"""

import numpy as np

from seqloom.sampling.transform import Context, Logits, Settings, Transform, TransformSpec
from seqloom.sampling.transforms import TOLERANCE, keep, log_softmax, spec_with_one_setting

__all__ = ["MIROSTAT", "TOP_N_SIGMA", "XTC", "XTC_SALT", "excludes_top_choices", "mirostat", "top_n_sigma", "xtc"]

XTC_SALT = 0x585443
"""The letters "XTC", a part of the counter of its random numbers; the compiled kernels have the same salt."""


def top_n_sigma(logits: Logits, num_sigmas: float) -> Logits:
    """Keep tokens whose logit is at most `num_sigmas` standard deviations below the largest (Tang et al. 2024).

    The standard deviation is that of the possible logits, in the sense of a population.
    """
    possible = logits[np.isfinite(logits)]
    with np.errstate(over="ignore"):
        distance = num_sigmas * np.std(possible) * (1 + TOLERANCE)
    return keep(logits, logits >= logits.max() - distance)


def excludes_top_choices(context: Context, probability: float) -> bool:
    """Return whether XTC acts on this token, which happens with `probability`."""
    return bool(context.generator(XTC_SALT).random() < probability)


def xtc(logits: Logits, threshold: float) -> Logits:
    """Exclude the top choices: all tokens with a probability of at least `threshold`, except the least likely of them.

    XTC stands for "exclude top choices" (p-e-w 2024). The chain calls this function with a probability.
    """
    above = np.flatnonzero(np.exp(log_softmax(logits)) >= threshold * (1 - TOLERANCE))
    if len(above) < 2:
        return logits
    kept = np.ones(len(logits), np.bool_)
    kept[above] = False
    kept[above[np.argmin(logits[above])]] = True
    return keep(logits, kept)


def mirostat(logits: Logits, max_surprise: float) -> Logits:
    """Keep tokens with a surprise of at most `max_surprise` bits, and the likeliest token (Basu et al. 2021).

    The surprise of a token is the negative binary logarithm of its probability.
    """
    log_probabilities = log_softmax(logits)
    kept = log_probabilities >= -max_surprise * np.log(2) - TOLERANCE
    kept[np.argmax(logits)] = True
    return keep(logits, kept)


def _bind_xtc(settings: Settings, vocabulary: int) -> Transform:
    probability, threshold = (settings[name] for name in XTC.fields or ())
    return lambda logits, context: xtc(logits, threshold) if excludes_top_choices(context, probability) else logits


def _bind_mirostat(settings: Settings, vocabulary: int) -> Transform:
    """Bind Mirostat 2.0.

    The limit of the surprise starts at twice the target. After each token, it decreases by the learning rate times the
    excess of the token's surprise over the target. It is therefore a function of the total surprise of the text, and
    needs no state of its own.
    """
    target, learning_rate = (settings[name] for name in MIROSTAT.fields or ())

    def apply(logits: Logits, context: Context) -> Logits:
        excess = context.surprise - context.num_tokens * target
        return mirostat(logits, 2 * target - learning_rate * excess)

    return apply


TOP_N_SIGMA = spec_with_one_setting("top_n_sigma", top_n_sigma, position=28, neutral=0)
XTC = TransformSpec(
    position=80,
    fields=("xtc_probability", "xtc_threshold"),
    is_off=lambda settings: bool(settings["xtc_probability"] == 0),
    bind=_bind_xtc,
)
MIROSTAT = TransformSpec(
    position=90,
    fields=("mirostat_tau", "mirostat_eta"),
    is_off=lambda settings: bool(settings["mirostat_tau"] == 0),
    bind=_bind_mirostat,
)
