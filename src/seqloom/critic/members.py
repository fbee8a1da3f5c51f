"""The members of a critic: models that predict the ordinal targets of a rating from a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from seqloom.critic.ordinal_targets import OrdinalTargets
from seqloom.text_features.linear_models import OrdinalRegression, RidgeRegression
from seqloom.text_features.ngram_network import NGramNetwork
from seqloom.text_features.ngrams import NGrams, count_ngrams

if TYPE_CHECKING:
    from seqloom.text_features.encoder import Encoder

__all__ = ["Members"]

_RIDGE_SLOPE = 8
"""Factor that turns the ridge regression's distance from a threshold into a logit."""


@dataclass(frozen=True)
class Members:
    """The models that a critic combines; each predicts the ordinal targets of a rating.

    Attributes:
        ngrams: computation of the n-gram features, the input of all members but the encoder.
        ridge: ridge regression.
        ordinal: ordinal logistic regression.
        network: neural network on n-grams.
        encoder: convolutional encoder, or None.
    """

    ngrams: NGrams
    ridge: RidgeRegression
    ordinal: OrdinalRegression
    network: NGramNetwork
    encoder: "Encoder | None"

    def logits(self, texts: Sequence[str], targets: OrdinalTargets) -> dict[str, Float[np.ndarray, "texts thresholds"]]:
        """Return the logits of each member by name."""
        return self.logits_from_ngrams(self.ngrams.transform(count_ngrams(texts)), texts, targets)

    def logits_from_ngrams(
        self, ngram_features: Any, texts: Sequence[str], targets: OrdinalTargets
    ) -> dict[str, Float[np.ndarray, "texts thresholds"]]:
        """Return the logits of each member by name.

        Args:
            ngram_features: n-gram features of the texts, as sparse rows.
            texts: texts, for the encoder.
            targets: thresholds of the ordinal targets.
        """
        positions = np.asarray(targets.scale.positions)
        thresholds = (positions[1:] + positions[:-1]) / 2
        logits = {
            "ridge": _RIDGE_SLOPE * (self.ridge.predict(ngram_features)[:, None] - thresholds),
            "ordinal": self.ordinal.logits(ngram_features),
            "network": np.asarray(self.network.logits(ngram_features), np.float64),
        }
        if self.encoder is not None:
            logits["encoder"] = np.asarray(self.encoder.logits(texts), np.float64)
        return logits
