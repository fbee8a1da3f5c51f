"""Choose how many texts a critic is fitted to in a time budget.

A first fit to a few hundred texts measures the speed, and every fold of the cross-validation measures it again.
"""

import math

import numpy as np
from jaxtyping import Int

from seqloom.errors import ConfigError
from seqloom.reporter import Reporter
from seqloom.stopwatch import TimeBudget

__all__ = ["FitSchedule"]

_CROSS_VALIDATION_SHARE = 0.55
"""Share of the time for the cross-validation; the rest is for the fit of the final members."""

_TIME_EXPONENT = 1.2
"""The time of a fit grows with this power of the number of texts, since more texts have more different n-grams.

On reviews, the measured exponent is 1.16 from 1,000 to 3,700 and from 3,600 to 8,900 texts.
"""

_FEWEST_FOLDS = 2
"""Number of folds if there is no time for those that were asked for."""

_MIN_TEXTS = 100
"""Smallest number of texts that the cross-validation is worth, unless there are fewer."""


class FitSchedule:
    """Numbers of texts that fit a time budget.

    Args:
        budget: time of the whole fit.
        groups: group of each text.
        seed: seed of the order in which texts are chosen.
        note: receives a line if not all texts are used.
    """

    def __init__(self, budget: TimeBudget, groups: Int[np.ndarray, " texts"], seed: int, note: Reporter) -> None:
        self._budget, self._note = budget, note
        random = np.random.default_rng(seed)
        # Whole groups follow one another, so that a selection divides at most one group.
        self._order = np.argsort(random.permutation(int(groups.max(initial=0)) + 1)[groups], kind="stable")
        self._fits: list[tuple[float, int]] = []  # duration and number of texts of the latest fits of one size
        self._measured = (0.0, 1)  # their means

    def first_texts(self, count: int) -> Int[np.ndarray, " chosen"]:
        """Return the indices of `count` texts in ascending order; a larger selection includes every smaller one."""
        return np.sort(self._order[:count])

    def measure(self, seconds: float, num_texts: int) -> None:
        """Record that a fit to `num_texts` texts took some seconds.

        The mean of the fits counts that have about the number of texts of the last one, as those of the folds have.
        """
        self._fits = [(one, count) for one, count in self._fits if 0.8 * num_texts <= count <= 1.25 * num_texts]
        self._fits.append((max(seconds, 1e-9), max(1, num_texts)))
        durations, counts = zip(*self._fits, strict=True)
        self._measured = (sum(durations) / len(durations), round(sum(counts) / len(counts)))

    def _seconds(self, num_texts: float) -> float:
        """Return the expected duration of a fit."""
        seconds, measured_texts = self._measured
        return float(seconds * (num_texts / measured_texts) ** _TIME_EXPONENT)

    def _num_texts(self, seconds: float) -> int:
        """Return the number of texts of a fit with an expected duration."""
        measured_seconds, measured_texts = self._measured
        return int(measured_texts * (max(0.0, seconds) / measured_seconds) ** (1 / _TIME_EXPONENT))

    def cross_validation(self, folds: int) -> tuple[Int[np.ndarray, " chosen"], int]:
        """Return the texts of the cross-validation, and the number of its folds, which may be smaller than `folds`.

        Raises:
            ConfigError: the time is too short.
        """
        num_texts, left = len(self._order), self._budget.left()
        # A fold is fitted to all texts but those of the fold, and the final members to all.
        if folds * self._seconds(num_texts * (1 - 1 / folds)) + self._seconds(num_texts) <= left:
            return self.first_texts(num_texts), folds
        folds = min(folds, _FEWEST_FOLDS)
        texts_per_fit = self._num_texts(_CROSS_VALIDATION_SHARE * left / folds)
        count = min(num_texts, int(texts_per_fit / (1 - 1 / folds)))
        if count < min(num_texts, _MIN_TEXTS):
            missing = math.ceil(((folds + 1) * self._seconds(_MIN_TEXTS) - left) / 6) / 10
            raise ConfigError(
                f"`minutes` leaves time for the cross-validation of {count:,} of {num_texts:,} texts: give "
                f"{max(0.1, missing):g} more minutes, or fewer texts"
            )
        if count < num_texts:
            self._note(f"there is time to cross-validate {count:,} of {num_texts:,} texts in {folds} folds")
        return self.first_texts(count), folds

    def has_time_for(self, num_texts: int) -> bool:
        """Return whether a fit to `num_texts` texts ends in time."""
        return self._seconds(num_texts) <= self._budget.left()

    def final_texts(self, num_least: int) -> Int[np.ndarray, " chosen"] | None:
        """Return the texts to which the final members are fitted; None if there is time for fewer than `num_least`."""
        num_texts = len(self._order)
        count = min(num_texts, self._num_texts(self._budget.left()))
        if count < num_least:
            self._note(f"there is no time to fit the final models: models of a fold of {num_least:,} texts are used")
            return None
        if count < num_texts:
            self._note(f"there is time to fit the final models to {count:,} of {num_texts:,} texts")
        return self.first_texts(count)
