"""Recognize texts that are unlike all training texts, such as texts in another language."""

import numpy as np
from jaxtyping import Bool, Float

from seqloom.detector.members import LIGHT_OUTPUTS

__all__ = ["fit_known_share_limits", "is_out_of_distribution"]

_LIMIT_FACTORS = {"letters": 0.6, "words": 0.65}
"""Limit of the known share, the share of a text's patterns that occur in training texts, relative to its usual value.

The keys are kinds of patterns: "letters" are character n-grams within words.
"""

_QUANTILE = 0.02
"""The usual value is this quantile of the known shares of real texts, so that nearly all real texts exceed it."""


def fit_known_share_limits(real_outputs: Float[np.ndarray, "texts outputs"]) -> Float[np.ndarray, " kinds"]:
    """Return the minimal share of known letter patterns and of known words, from light outputs of real texts."""
    usual = np.quantile(_known_shares(real_outputs), _QUANTILE, axis=0)
    limits: np.ndarray = usual * np.array(list(_LIMIT_FACTORS.values()))
    return limits


def is_out_of_distribution(
    outputs: Float[np.ndarray, "texts outputs"], limits: Float[np.ndarray, " kinds"]
) -> Bool[np.ndarray, " texts"]:
    """Return whether a known share of each text is below its limit, from the outputs of the light members."""
    return np.asarray((_known_shares(outputs) < limits).any(axis=1))


def _known_shares(outputs: Float[np.ndarray, "texts outputs"]) -> Float[np.ndarray, "texts kinds"]:
    """Return the share of each text's letter patterns and words that occur in training texts of either side."""
    columns = []
    for kind in _LIMIT_FACTORS:
        unseen = [LIGHT_OUTPUTS.index(f"{kind}, unseen, {side}") for side in ("real", "generated")]
        columns.append(1 - outputs[:, unseen].min(axis=1))
    return np.stack(columns, axis=1)
