"""A naive Bayes rater, which judges generated texts independently of the critic.

The rater belongs to another family of models than the critic and is never used to select texts. Its ratings of
generated texts are compared with its ratings of real texts. The rater predicts the ordinal targets of a text: for each
of several thresholds, whether the text's rating exceeds the threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from seqloom.critic.ordinal_targets import OrdinalTargets
from seqloom.data.scale import Scale, fit_scale

__all__ = ["NaiveBayesRater"]

_NUM_BUCKETS = 1 << 20
"""Number of hash buckets of the n-grams."""

_SMOOTHING = 0.5
"""Number of texts added to the count of every n-gram (additive smoothing)."""

_CONSTANT_LOGIT = 10.0
"""Magnitude of the logit of a target that is the same for all texts."""


@dataclass(frozen=True)
class NaiveBayesRater:
    """Naive Bayes on words and word pairs for every threshold, calibrated by logistic regression.

    Attributes:
        scale: scale of the ratings.
        weight: for every n-gram and threshold, log-ratio of the n-gram's frequencies in texts with ratings above and
            below the threshold.
        slope: factor on the sum of a text's weights, for each threshold.
        bias: bias of each threshold.
        middle: mean expected rating of unseen texts, scaled to 0..1.
        stretch_factor: standard deviation of the true ratings, divided by that of the expected ratings. Expected
            ratings lie closer to the middle than true ratings. `predict` therefore stretches them by this factor.
    """

    scale: Scale
    weight: Float[np.ndarray, "features thresholds"]
    slope: Float[np.ndarray, " thresholds"]
    bias: Float[np.ndarray, " thresholds"]
    middle: float
    stretch_factor: float

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        ratings: Float[np.ndarray, " texts"],
        name: str = "rating",
        calibration_texts: Sequence[str] | None = None,
    ) -> "NaiveBayesRater":
        """Fit to rated texts.

        The calibration is fitted to cross-validated sums: the weights in the sum of a text come from the half of the
        texts that does not contain the text.

        Args:
            texts: training texts.
            ratings: rating of each text.
            name: name of the rating.
            calibration_texts: the training texts, changed as the texts to rate will be, for example shortened; None for
                `texts`.
        """
        scale = fit_scale(name, ratings)
        targets = OrdinalTargets(scale)
        above = targets.above(ratings)
        features = _ngram_features(texts)
        calibration_features = features if calibration_texts is None else _ngram_features(calibration_texts)
        order = np.random.default_rng(0).permutation(len(texts))
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        sums = np.zeros(above.shape)
        for train, test in (halves, halves[::-1]):
            sums[test] = calibration_features[test] @ _log_ratios(features[train], above[train])
        calibrations = [
            _fit_calibration(sums_of_threshold, is_above)
            for sums_of_threshold, is_above in zip(sums.T, above.T, strict=True)
        ]
        slope, bias = (np.array(values) for values in zip(*calibrations, strict=True))
        expected = targets.expected_rating(sums * slope + bias)
        stretch_factor = float(scale.to_unit(ratings).std() / max(float(expected.std()), 1e-9))
        return cls(scale, _log_ratios(features, above), slope, bias, float(expected.mean()), stretch_factor)

    def predict(self, texts: Sequence[str]) -> Float[np.ndarray, " texts"]:
        """Return the rating of each text, stretched to the standard deviation of the true ratings."""
        if not len(texts):
            return np.zeros(0)
        logits = _ngram_features(texts) @ self.weight * self.slope + self.bias
        expected = OrdinalTargets(self.scale).expected_rating(logits)
        stretched = self.middle + self.stretch_factor * (expected - self.middle)
        return self.scale.from_unit(stretched.clip(0, 1))


def _ngram_features(texts: Sequence[str]) -> Any:
    """Return the hashed n-grams of each text as sparse rows. All n-grams of a text have the same weight.

    The weight is one divided by the square root of the text's number of n-grams, because the n-grams of long texts are
    redundant.
    """
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer

    ngrams = HashingVectorizer(
        n_features=_NUM_BUCKETS,
        ngram_range=(1, 2),
        binary=True,
        alternate_sign=False,
        norm=None,
        token_pattern=r"(?u)\b\w+\b|[!?]",
    ).transform(texts)
    norms = np.sqrt(np.maximum(np.diff(ngrams.indptr), 1))
    return sparse.diags(1 / norms) @ ngrams


def _log_ratios(
    ngram_features: Any, above: Bool[np.ndarray, "texts thresholds"]
) -> Float[np.ndarray, "features thresholds"]:
    """Return the log-ratio of each n-gram's relative frequencies among the texts above and below each threshold."""
    present = (ngram_features > 0).T.astype(np.float64)
    frequency_above = (present @ above + _SMOOTHING) / (above.sum(axis=0) + 2 * _SMOOTHING)
    frequency_below = (present @ ~above + _SMOOTHING) / ((~above).sum(axis=0) + 2 * _SMOOTHING)
    ratios: np.ndarray = np.log(frequency_above / frequency_below)
    return ratios


def _fit_calibration(sums: Float[np.ndarray, " texts"], above: Bool[np.ndarray, " texts"]) -> tuple[float, float]:
    """Return slope and bias of a logistic regression that predicts a target from the sum of a text's weights."""
    from sklearn.linear_model import LogisticRegression

    if above.all() or not above.any():
        return 0.0, _CONSTANT_LOGIT if above.all() else -_CONSTANT_LOGIT
    regression = LogisticRegression(C=1e6).fit(sums[:, None], above)
    return float(regression.coef_[0, 0]), float(regression.intercept_[0])
