"""Metrics of binary classification, with bootstrap confidence intervals (Efron 1979)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

__all__ = [
    "FALSE_POSITIVE_RATES",
    "Interval",
    "LabelledSample",
    "binomial_interval",
    "brier_score",
    "calibration_error",
    "positive_fraction",
    "roc_auc",
    "true_positive_rate",
]

FALSE_POSITIVE_RATES = (0.01, 0.001)
"""False positive rates at which the true positive rate is reported."""

_NUM_BINS = 10
"""Number of bins of the calibration error."""

_QUANTILES = (0.025, 0.975)
_DECIMALS = 12  # the rest is rounding noise of sums over texts
"""Quantiles of the bootstrap samples that bound a 95 % confidence interval."""

_MAX_RESAMPLES, _MIN_RESAMPLES = 1000, 200
"""Usual number of bootstrap samples, and the smallest number for very many texts."""

_MAX_RESAMPLED_TEXTS = 4_000_000
"""Largest number of texts in all bootstrap samples together, except where `_MIN_RESAMPLES` samples have more."""

_MAX_WEIGHTS = 1 << 20
"""Number of weights in memory at a time."""

Weights = Float[np.ndarray, "draws texts"]
Measure = Callable[[Weights], Float[np.ndarray, " draws"]]
"""A metric: function from several weightings of the texts (rows) to one value of the metric per weighting."""


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % confidence interval.

    Attributes:
        value: estimate.
        low: lower bound.
        high: upper bound.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LabelledSample:
    """Labels of texts, and groups of texts that the bootstrap draws together.

    Attributes:
        generated: True for generated texts.
        groups: group number of each text; texts of one group and one label are drawn together.
        seed: seed of the bootstrap.
    """

    generated: Bool[np.ndarray, " texts"]
    groups: Int[np.ndarray, " texts"]
    seed: int = 0

    def interval(self, measure: Measure, chosen: Bool[np.ndarray, " texts"] | None = None) -> Interval | None:
        """Return a metric with its confidence interval; the bootstrap draws the groups of each label with replacement.

        Args:
            measure: metric; its weights have one column for each chosen text.
            chosen: mask of the texts that are measured; None for all.

        Returns:
            None if a label has no text.
        """
        generated = self.generated if chosen is None else self.generated[chosen]
        groups = self.groups if chosen is None else self.groups[chosen]
        if not generated.any() or generated.all():
            return None
        random = np.random.default_rng(self.seed)
        num_draws = max(_MIN_RESAMPLES, min(_MAX_RESAMPLES, _MAX_RESAMPLED_TEXTS // len(groups)))
        draws_at_once = max(1, _MAX_WEIGHTS // len(groups))
        values = [
            measure(_bootstrap_weights(generated, groups, min(draws_at_once, num_draws - first), random))
            for first in range(0, num_draws, draws_at_once)
        ]
        value = round(float(measure(np.ones((1, len(groups))))[0]), _DECIMALS)
        low, high = np.nanquantile(np.concatenate(values), _QUANTILES).round(_DECIMALS).tolist()
        return Interval(value, min(low, value), max(high, value))  # the interval contains the estimate


def roc_auc(scores: Float[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"]) -> Measure:
    """Return the measure of the area under the ROC curve; a real and a generated text of equal score count one half."""
    curve = _curve(scores, generated)

    def measure(weights: Weights) -> Float[np.ndarray, " draws"]:
        false_positives, true_positives = curve(weights)
        steps = np.diff(false_positives, axis=1, prepend=0)
        heights = true_positives - np.diff(true_positives, axis=1, prepend=0) / 2
        areas: np.ndarray = (steps * heights).sum(axis=1)
        return areas

    return measure


def true_positive_rate(
    scores: Float[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"], max_false_positive_rate: float
) -> Measure:
    """Return the measure of the true positive rate at a false positive rate of at most `max_false_positive_rate`."""
    curve = _curve(scores, generated)

    def measure(weights: Weights) -> Float[np.ndarray, " draws"]:
        false_positives, true_positives = curve(weights)
        allowed = false_positives <= max_false_positive_rate + 1e-12  # a tolerance for rounding
        rates: np.ndarray = np.where(allowed, true_positives, 0).max(axis=1)
        return rates

    return measure


def brier_score(
    probabilities: Float[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"], prior: float
) -> Measure:
    """Return the measure of the Brier score, where a share `prior` of the texts is generated."""
    errors = (probabilities - generated) ** 2

    def measure(weights: Weights) -> Float[np.ndarray, " draws"]:
        scores: np.ndarray = _balanced(weights, generated, prior) @ errors
        return scores

    return measure


def calibration_error(
    probabilities: Float[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"], prior: float
) -> Measure:
    """Return the measure of the expected calibration error, where a share `prior` of the texts is generated.

    The probabilities form ten bins of equal width. The error is the mean distance between a bin's mean probability and
    its share of generated texts (Naeini et al. 2015).
    """
    bins = np.minimum((probabilities * _NUM_BINS).astype(int), _NUM_BINS - 1)
    errors = (probabilities - generated)[:, None] * (bins[:, None] == np.arange(_NUM_BINS))

    def measure(weights: Weights) -> Float[np.ndarray, " draws"]:
        mean_errors: np.ndarray = np.abs(_balanced(weights, generated, prior) @ errors).sum(axis=1)
        return mean_errors

    return measure


def positive_fraction(
    chosen: Bool[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"], prior: float
) -> Measure:
    """Return the measure of the share of generated texts among the chosen ones; NaN if none is chosen.

    A share `prior` of all texts is generated.
    """

    def measure(weights: Weights) -> Float[np.ndarray, " draws"]:
        balanced = _balanced(weights, generated, prior)
        positives, total = balanced @ (chosen & generated), balanced @ chosen
        fractions: np.ndarray = np.where(total > 0, positives / np.where(total > 0, total, 1), np.nan)
        return fractions

    return measure


def binomial_interval(count: int, total: int) -> Interval | None:
    """Return the share `count / total` with its exact interval (Clopper, Pearson 1934); None for a total of 0."""
    from scipy.stats import binomtest

    if not total:
        return None
    bounds = binomtest(count, total).proportion_ci(0.95, method="exact")
    return Interval(count / total, float(bounds.low), float(bounds.high))


def _bootstrap_weights(
    generated: np.ndarray, groups: np.ndarray, num_draws: int, random: np.random.Generator
) -> Weights:
    """Return how often each bootstrap sample contains each text."""
    weights = np.zeros((num_draws, len(groups)))
    for label in (False, True):
        _, group_index = np.unique(groups[generated == label], return_inverse=True)
        num_groups = int(group_index.max()) + 1
        drawn = random.integers(num_groups, size=(num_draws, num_groups))
        drawn += num_groups * np.arange(num_draws)[:, None]  # separate numbers for each draw, to count all at once
        counts = np.bincount(drawn.ravel(), minlength=num_draws * num_groups).reshape(num_draws, num_groups)
        weights[:, generated == label] = counts[:, group_index]
    return weights


def _balanced(weights: Weights, generated: np.ndarray, prior: float) -> Weights:
    """Return weights that sum to `prior` over the generated texts and to `1 - prior` over the real ones."""
    positive, negative = weights * generated, weights * ~generated
    positive_share: np.ndarray = prior * positive / positive.sum(axis=1, keepdims=True)
    negative_share: np.ndarray = (1 - prior) * negative / negative.sum(axis=1, keepdims=True)
    balanced: np.ndarray = positive_share + negative_share
    return balanced


def _curve(scores: np.ndarray, generated: np.ndarray) -> Callable[[Weights], tuple[np.ndarray, np.ndarray]]:
    """Return a function from weights to the false and the true positive rate at each score, the highest score first."""
    thresholds = np.unique(scores)[::-1]
    curves = []  # for each label: its texts by descending score, and how many of them reach each threshold
    for label in (False, True):
        texts = np.flatnonzero(generated == label)
        order = texts[np.argsort(-scores[texts], kind="stable")]
        curves.append((order, np.searchsorted(-scores[order], -thresholds, side="right")))

    def rates_of(weights: Weights) -> tuple[np.ndarray, np.ndarray]:
        rates = []
        for order, num_reaching in curves:
            cumulative_weights = np.zeros((len(weights), len(order) + 1))
            np.cumsum(weights[:, order], axis=1, out=cumulative_weights[:, 1:])
            rates.append(cumulative_weights[:, num_reaching] / cumulative_weights[:, -1:])
        false_positive_rates, true_positive_rates = rates
        return false_positive_rates, true_positive_rates

    return rates_of
