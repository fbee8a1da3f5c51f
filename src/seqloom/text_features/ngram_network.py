"""A small neural reader of n-grams: it learns what they say together.

The weighted n-grams of a text are embedded and summed, as in fastText (Joulin et al. 2016), and go through one hidden
layer. Most of them are dropped at random while it learns; else it would know its texts by heart.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from seqloom.text_features.config import SCALE, NetworkSettings

__all__ = ["NGramNetwork"]

_LEAST = 3
"""Texts that have an n-gram which is learned."""


class NGramNetwork:
    """Answers the thresholds of a rating from the weighted n-grams of a text.

    Args:
        arrays: the parameters: "places" (ids of the features that it knows), "embedding", "bias", "output" and
            "output_bias".
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = dict(arrays)

    @classmethod
    def fit(
        cls, rows: Any, above: Bool[np.ndarray, "texts thresholds"], settings: NetworkSettings, seed: int
    ) -> "NGramNetwork":
        """Learn from sparse rows.

        Args:
            rows: features of each text.
            above: the answers.
            settings: how it is built and trained.
            seed: of weights, order and dropout.
        """
        from seqloom.text_features.train_ngram_network import learned

        texts_with = np.bincount(rows.indices, minlength=rows.shape[1])
        places = np.flatnonzero(texts_with >= _LEAST)
        return cls({**learned(rows[:, places], above, settings, seed), "places": places.astype(np.int32)})

    def logits(self, rows: Any) -> Float32[np.ndarray, "texts thresholds"]:
        """The logits of the answers."""
        held = self._arrays
        summed = SCALE * (rows[:, held["places"]] @ held["embedding"])
        hidden = _gelu((summed + held["bias"]).astype(np.float32))
        logits: np.ndarray = hidden @ held["output"] + held["output_bias"]
        return logits

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The parameters, by name."""
        return dict(self._arrays)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "NGramNetwork":
        """The network that `to_arrays` described."""
        return cls(arrays)


def _gelu(values: Float32[np.ndarray, "texts hidden"]) -> Float32[np.ndarray, "texts hidden"]:
    """Gaussian error linear units (Hendrycks, Gimpel 2016), as torch has them."""
    from scipy.special import erf

    found: np.ndarray = values * (0.5 * (1 + erf(values * np.float32(0.5**0.5))))
    return found.astype(np.float32)
