"""How well scores tell two sides apart, and how far chance may have moved each figure: the bootstrap (Efron 1979)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

__all__ = [
    "FALSE_ALARMS",
    "Interval",
    "LabelledSample",
    "binomial_interval",
    "brier_score",
    "calibration_error",
    "positive_fraction",
    "roc_auc",
    "true_positive_rate",
]

FALSE_ALARMS = (0.01, 0.001)
"""Shares of the real texts that may be flagged, at which it is said how many generated ones are found."""

_BINS = 10
_INSIDE = (0.025, 0.975)
_DRAWS, _FEWEST_DRAWS = 1000, 200
"""Samples that are drawn; of very many texts fewer will do."""

_MOST_DRAWN = 4_000_000
"""Texts in all samples together, while there are more than the fewest."""

_AT_ONCE = 1 << 20
"""Weights that are held at a time."""

Weights = Float[np.ndarray, "draws texts"]
Measure = Callable[[Weights], Float[np.ndarray, " draws"]]
"""A figure of texts that are weighted in several ways."""


@dataclass(frozen=True)
class Interval:
    """A figure, and where it lies in 95 of 100 samples like this one.

    Attributes:
        value: the figure.
        low: the lower end.
        high: the upper end.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class LabelledSample:
    """Texts of two sides, and groups of them that are drawn together.

    Attributes:
        generated: the side of each.
        groups: texts of one number, and of one side, are drawn together.
        seed: of the samples.
    """

    generated: Bool[np.ndarray, " texts"]
    groups: Int[np.ndarray, " texts"]
    seed: int = 0

    def interval(self, measure: Measure, chosen: Bool[np.ndarray, " texts"] | None = None) -> Interval | None:
        """A figure with its interval: groups of each side are drawn with replacement, as many as there are.

        Args:
            measure: the figure of some texts.
            chosen: the texts that it is of; `measure` knows them alone.

        Returns:
            None where a side has no text.
        """
        generated = self.generated if chosen is None else self.generated[chosen]
        groups = self.groups if chosen is None else self.groups[chosen]
        if not generated.any() or generated.all():
            return None
        random = np.random.default_rng(self.seed)
        draws = max(_FEWEST_DRAWS, min(_DRAWS, _MOST_DRAWN // len(groups)))
        at_once = max(1, _AT_ONCE // len(groups))
        found = [
            measure(_drawn(generated, groups, min(at_once, draws - first), random))
            for first in range(0, draws, at_once)
        ]
        value = float(measure(np.ones((1, len(groups))))[0])
        low, high = np.nanquantile(np.concatenate(found), _INSIDE).tolist()
        return Interval(value, min(low, value), max(high, value))


def roc_auc(scores: Float[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"]) -> Measure:
    """The area under the ROC curve: how often a generated text has the higher score; half where they are equal."""
    curve = _curve(scores, generated)

    def measure(weights: Weights) -> Float[np.ndarray, " draws"]:
        real, made = curve(weights)
        steps = np.diff(real, axis=1, prepend=0)
        heights = made - np.diff(made, axis=1, prepend=0) / 2
        found: np.ndarray = (steps * heights).sum(axis=1)
        return found

    return measure


def true_positive_rate(
    scores: Float[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"], false_alarms: float
) -> Measure:
    """The share of generated texts above a threshold that at most a share of the real ones lies above."""
    curve = _curve(scores, generated)

    def measure(weights: Weights) -> Float[np.ndarray, " draws"]:
        real, made = curve(weights)
        found: np.ndarray = np.where(real <= false_alarms + 1e-12, made, 0).max(axis=1)
        return found

    return measure


def brier_score(
    probabilities: Float[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"], prior: float
) -> Measure:
    """The Brier score where a share of `prior` is generated."""
    errors = (probabilities - generated) ** 2

    def measure(weights: Weights) -> Float[np.ndarray, " draws"]:
        found: np.ndarray = _balanced(weights, generated, prior) @ errors
        return found

    return measure


def calibration_error(
    probabilities: Float[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"], prior: float
) -> Measure:
    """The expected calibration error, of ten bins of one width, where a share of `prior` is generated.

    It is the mean distance of a bin's mean probability from its share of generated texts (Naeini et al. 2015).
    """
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    errors = (probabilities - generated)[:, None] * (bins[:, None] == np.arange(_BINS))

    def measure(weights: Weights) -> Float[np.ndarray, " draws"]:
        found: np.ndarray = np.abs(_balanced(weights, generated, prior) @ errors).sum(axis=1)
        return found

    return measure


def positive_fraction(
    chosen: Bool[np.ndarray, " texts"], generated: Bool[np.ndarray, " texts"], prior: float
) -> Measure:
    """The share of generated texts among chosen ones, where a share of `prior` is; NaN of a sample without them."""

    def measure(weights: Weights) -> Float[np.ndarray, " draws"]:
        balanced = _balanced(weights, generated, prior)
        made, all_of_them = balanced @ (chosen & generated), balanced @ chosen
        found: np.ndarray = np.where(all_of_them > 0, made / np.where(all_of_them > 0, all_of_them, 1), np.nan)
        return found

    return measure


def binomial_interval(count: int, number: int) -> Interval | None:
    """A share of some texts, with its exact interval (Clopper, Pearson 1934); None where there are none."""
    from scipy.stats import binomtest

    if not number:
        return None
    bounds = binomtest(count, number).proportion_ci(0.95, method="exact")
    return Interval(count / number, float(bounds.low), float(bounds.high))


def _drawn(generated: np.ndarray, groups: np.ndarray, draws: int, random: np.random.Generator) -> Weights:
    """How often each text stands in each of some samples."""
    weights = np.zeros((draws, len(groups)))
    for side in (False, True):
        _, own = np.unique(groups[generated == side], return_inverse=True)
        number = int(own.max()) + 1
        drawn = random.integers(number, size=(draws, number)) + number * np.arange(draws)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=draws * number).reshape(draws, number)
        weights[:, generated == side] = counts[:, own]
    return weights


def _balanced(weights: Weights, generated: np.ndarray, prior: float) -> Weights:
    """Weights that sum to `prior` over the generated texts, and to the rest over the real ones."""
    made, real = weights * generated, weights * ~generated
    found: np.ndarray = prior * made / made.sum(axis=1, keepdims=True) + (1 - prior) * real / real.sum(
        axis=1, keepdims=True
    )
    return found


def _curve(scores: np.ndarray, generated: np.ndarray) -> Callable[[Weights], tuple[np.ndarray, np.ndarray]]:
    """From weights to the shares of real and of generated texts at or above each score, the highest score first."""
    heights = np.unique(scores)[::-1]
    sides = []
    for side in (False, True):
        own = np.flatnonzero(generated == side)
        order = own[np.argsort(-scores[own], kind="stable")]
        sides.append((order, np.searchsorted(-scores[order], -heights, side="right")))

    def shares(weights: Weights) -> tuple[np.ndarray, np.ndarray]:
        found = []
        for order, ends in sides:
            above = np.zeros((len(weights), len(order) + 1))
            np.cumsum(weights[:, order], axis=1, out=above[:, 1:])
            found.append(above[:, ends] / above[:, -1:])
        return found[0], found[1]

    return shares
