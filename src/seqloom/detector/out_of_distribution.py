"""Recognize texts that are unlike all training texts, such as texts in another language.

The known share of a text is the share of its patterns (words or character n-grams) that occur in the training texts. A
text is out of distribution if a known share is far below the usual value for real texts.
"""

import numpy as np
from jaxtyping import Bool, Float

from seqloom.detector.members import LIGHT_OUTPUTS

__all__ = ["fit_known_share_limits", "is_out_of_distribution"]

_LIMIT_FACTORS = {"letters": 0.6, "words": 0.65}
"""Limit of the known share, divided by the usual value, for each kind of pattern; "letters" are character n-grams
within words."""

_QUANTILE = 0.02
"""The usual value is this low quantile of the known shares of real texts. So nearly all real texts exceed it."""


def fit_known_share_limits(real_outputs: Float[np.ndarray, "texts outputs"]) -> Float[np.ndarray, " kinds"]:
    """Return the minimal known shares of letter patterns and of words.

    Args:
        real_outputs: outputs of the light members (fast models on patterns of words and characters) for real texts.
    """
    usual = np.quantile(_known_shares(real_outputs), _QUANTILE, axis=0)
    limits: np.ndarray = usual * np.array(list(_LIMIT_FACTORS.values()))
    return limits


def is_out_of_distribution(
    outputs: Float[np.ndarray, "texts outputs"], limits: Float[np.ndarray, " kinds"]
) -> Bool[np.ndarray, " texts"]:
    """Return, for each text, whether any of its known shares is below the limit.

    Args:
        outputs: outputs of the light members.
        limits: result of `fit_known_share_limits`.
    """
    return np.asarray((_known_shares(outputs) < limits).any(axis=1))


def _known_shares(outputs: Float[np.ndarray, "texts outputs"]) -> Float[np.ndarray, "texts kinds"]:
    """Return the known shares of each text's letter patterns and words, from the outputs of the light members.

    A share is computed for real and for generated training texts separately; the larger of the two is returned.
    """
    known_shares = []
    for kind in _LIMIT_FACTORS:
        unseen_columns = [LIGHT_OUTPUTS.index(f"{kind}, unseen, {side}") for side in ("real", "generated")]
        known_shares.append(1 - outputs[:, unseen_columns].min(axis=1))
    return np.stack(known_shares, axis=1)
