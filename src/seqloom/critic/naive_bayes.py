"""A judge of another family: naive Bayes, which counts words and knows nothing of what the critic knows.

It never filters. What it says of generated texts is held against what it says of real ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from seqloom.critic.ordinal_targets import OrdinalTargets
from seqloom.data.scale import Scale, fit_scale

__all__ = ["NaiveBayesRater"]

_FEATURES = 1 << 20
_PRIOR = 0.5
"""Of every n-gram, in texts (additive smoothing)."""


@dataclass(frozen=True)
class NaiveBayesRater:
    """Naive Bayes of words and pairs of words for every threshold, its confidence set by logistic regression.

    Attributes:
        scale: of the ratings.
        weight: of every n-gram: how much likelier it is above the threshold.
        slope: of every threshold: how far the sum of weights is to be believed.
        bias: of every threshold.
        middle: mean level of what it expects of texts that it has not seen.
        spread: how many times as far from the middle true levels lie as expected ones: what is expected shrinks.
    """

    scale: Scale
    weight: Float[np.ndarray, "features thresholds"]
    slope: Float[np.ndarray, " thresholds"]
    bias: Float[np.ndarray, " thresholds"]
    middle: float
    spread: float

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        ratings: Float[np.ndarray, " texts"],
        name: str = "rating",
        shown: Sequence[str] | None = None,
    ) -> "NaiveBayesRater":
        """Learn from rated texts; each half of them sets the confidence in what the other half teaches.

        Args:
            texts: to learn from.
            ratings: of each.
            name: of the rating.
            shown: the same texts in the form that will be judged, where that is another: cut short, for one.
        """
        scale = fit_scale(name, ratings)
        thresholds = OrdinalTargets(scale)
        above = thresholds.above(ratings)
        rows = _rows(texts)
        seen = rows if shown is None else _rows(shown)
        order = np.random.default_rng(0).permutation(len(texts))
        halves = order[: len(order) // 2], order[len(order) // 2 :]
        sums = np.zeros(above.shape)
        for known, left in (halves, halves[::-1]):
            sums[left] = seen[left] @ _ratios(rows[known], above[known])
        pairs = [_confidence(sums[:, k], above[:, k]) for k in range(above.shape[1])]
        slope, bias = (np.array(part) for part in zip(*pairs, strict=True))
        expected = thresholds.level(sums * slope + bias)
        spread = float(scale.to_unit(ratings).std() / max(float(expected.std()), 1e-9))
        return cls(scale, _ratios(rows, above), slope, bias, float(expected.mean()), spread)

    def predict(self, texts: Sequence[str]) -> Float[np.ndarray, " texts"]:
        """The rating of each text: as far from the middle as true ratings are."""
        if not len(texts):
            return np.zeros(0)
        expected = OrdinalTargets(self.scale).level(_rows(texts) @ self.weight * self.slope + self.bias)
        levels = self.middle + self.spread * (expected - self.middle)
        return self.scale.from_unit(levels.clip(0, 1))


def _rows(texts: Sequence[str]):  # type: ignore[no-untyped-def]
    """Which n-grams each text has, over the root of their number: long texts repeat themselves."""
    from scipy import sparse
    from sklearn.feature_extraction.text import HashingVectorizer

    rows = HashingVectorizer(
        n_features=_FEATURES,
        ngram_range=(1, 2),
        binary=True,
        alternate_sign=False,
        norm=None,
        token_pattern=r"(?u)\b\w+\b|[!?]",
    ).transform(texts)
    lengths = np.sqrt(np.maximum(np.diff(rows.indptr), 1))
    return sparse.diags(1 / lengths) @ rows


def _ratios(rows, above: np.ndarray) -> np.ndarray:  # type: ignore[no-untyped-def]
    """The log-ratio of each n-gram's share of the texts above and below."""
    present = (rows > 0).T.astype(np.float64)
    high = (present @ above + _PRIOR) / (above.sum(axis=0) + 2 * _PRIOR)
    low = (present @ ~above + _PRIOR) / ((~above).sum(axis=0) + 2 * _PRIOR)
    ratios: np.ndarray = np.log(high / low)
    return ratios


def _confidence(sums: np.ndarray, above: np.ndarray) -> tuple[float, float]:
    from sklearn.linear_model import LogisticRegression

    if above.all() or not above.any():
        return 0.0, 10.0 if above.all() else -10.0
    found = LogisticRegression(C=1e6).fit(sums[:, None], above)
    return float(found.coef_[0, 0]), float(found.intercept_[0])
