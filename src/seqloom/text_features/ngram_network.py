"""A small neural network on n-grams, which learns what n-grams mean in combination.

The weighted n-grams of a text are embedded and summed, as in fastText (Joulin et al. 2016), and pass through one hidden
layer. Strong dropout of the n-grams prevents overfitting. The network predicts ordinal targets: for each of several
thresholds, whether the text's rating exceeds the threshold.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from seqloom.text_features.config import INPUT_SCALE, NetworkSettings

__all__ = ["NGramNetwork"]

_MIN_DOCUMENT_FREQUENCY = 3
"""Smallest number of texts that contain an n-gram; the network ignores rarer n-grams."""


class NGramNetwork:
    """Predict the ordinal targets of a text from its weighted n-grams.

    Args:
        arrays: parameters by name: "places" (indices of the used features), "embedding", "bias", "output" and
            "output_bias".
    """

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._arrays = dict(arrays)

    @classmethod
    def fit(
        cls, features: Any, above: Bool[np.ndarray, "texts thresholds"], settings: NetworkSettings, seed: int
    ) -> "NGramNetwork":
        """Fit a network to sparse rows of features.

        Args:
            features: TF-IDF weights of n-grams as a sparse matrix `[texts, features]`.
            above: ordinal targets.
            settings: size and training of the network.
            seed: seed of the weights, the order of the texts and dropout.
        """
        from seqloom.text_features.train_ngram_network import train_parameters

        document_frequencies = np.bincount(features.indices, minlength=features.shape[1])
        used_features = np.flatnonzero(document_frequencies >= _MIN_DOCUMENT_FREQUENCY)
        parameters = train_parameters(features[:, used_features], above, settings, seed)
        return cls({**parameters, "places": used_features.astype(np.int32)})

    def logits(self, features: Any) -> Float32[np.ndarray, "texts thresholds"]:
        """Return the logits of the ordinal targets."""
        arrays = self._arrays
        embedded = INPUT_SCALE * (features[:, arrays["places"]] @ arrays["embedding"])
        hidden = _gelu((embedded + arrays["bias"]).astype(np.float32))
        logits: np.ndarray = hidden @ arrays["output"] + arrays["output_bias"]
        return logits

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return the parameters by name."""
        return dict(self._arrays)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "NGramNetwork":
        """Restore a network from the result of `to_arrays`."""
        return cls(arrays)


def _gelu(values: Float32[np.ndarray, "texts hidden"]) -> Float32[np.ndarray, "texts hidden"]:
    """Return Gaussian error linear units (Hendrycks and Gimpel 2016) in the exact form that torch uses."""
    from scipy.special import erf

    activations: np.ndarray = values * (0.5 * (1 + erf(values * np.float32(0.5**0.5))))
    return activations.astype(np.float32)
