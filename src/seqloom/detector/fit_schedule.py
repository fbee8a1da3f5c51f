"""Choose how many texts a detector is fitted to in a time budget, and how long its language models are trained.

Texts are generated for a share of the time. A fit of the light members to a few texts then measures the speed, from
which the number of texts follows. The language models are trained for the time that the other slow parts leave.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Bool, Int

from seqloom.errors import ConfigError
from seqloom.reporter import Reporter
from seqloom.stopwatch import Stopwatch, TimeBudget
from seqloom.text_features.config import EncoderSettings

__all__ = ["TIMED_ENCODER", "DetectorSchedule"]

TIMED_ENCODER = EncoderSettings(updates=60, max_updates=90)
"""Settings of the encoder of a detector, which is one of many members and must not take most of the time."""

_GENERATION_SHARE = 0.2
"""Share of the time in which texts are generated."""

_LANGUAGE_MODEL_SHARE = 0.2
"""Planned share of the time for the training of the language models, and the least share that they get."""

_SLOW_OVER_LIGHT = 1.0
"""Duration of the encoder's training, of the scores of the slow members and of the stacks, relative to the light
members; measured with reviews, at half a minute and a minute."""

_FIXED_SLOW_SECONDS = 3.0
"""Part of that duration that does not depend on the number of texts."""

_WARMUP_TEXTS, _MEASURED_TEXTS = 84, 240
"""Numbers of texts of a first fit, which imports libraries, and of the fit that measures the speed; both sides
together."""

_TIME_EXPONENT = 0.85
"""The time of a fit grows with this power of the number of texts, because a part of it is fixed."""

_MIN_TEXTS = 120
"""Smallest number of texts, both sides together, to which a detector is fitted."""

FitLight = Callable[[Sequence[str], Bool[np.ndarray, " texts"]], object]
"""Function that fits a detector of light members to texts and their labels."""


class DetectorSchedule:
    """Plan of the fit of a detector in a time budget.

    Args:
        budget: time of the whole fit.
        light: whether the detector has no slow members.
        seed: seed of the choice of texts.
        note: receives a line if not all texts, or not all members, are used.

    Attributes:
        light: whether there are no slow members, or no time for them.
    """

    def __init__(self, budget: TimeBudget, *, light: bool, seed: int, note: Reporter) -> None:
        self._budget, self.light, self._note = budget, light, note
        self._random = np.random.default_rng(seed)
        self._fit_start = 0.0

    def generation(self, num_runs: int) -> TimeBudget:
        """Return the time in which one of `num_runs` runs generates texts."""
        return self._budget.part(_GENERATION_SHARE * self._budget.left() / num_runs)

    def choose(
        self,
        texts: Sequence[str],
        generated: Bool[np.ndarray, " texts"],
        groups: Int[np.ndarray, " texts"],
        fit_light: FitLight,
    ) -> Int[np.ndarray, " chosen"]:
        """Return the indices of the texts for which there is time, in equal numbers of both sides where possible.

        Args:
            texts: real and generated texts.
            generated: whether each text was generated.
            groups: group of each text; of one group, a selection takes all texts or the first ones.
            fit_light: function that fits the light members, for the measurement.

        Raises:
            ConfigError: the time is too short.
        """
        orders = [self._group_order(np.flatnonzero(generated == side), groups) for side in (False, True)]
        if len(texts) <= _MEASURED_TEXTS:  # so few texts need no plan
            self._fit_start = self._budget.stopwatch.seconds()
            return np.arange(len(texts))
        for num_texts in (_WARMUP_TEXTS, _MEASURED_TEXTS):
            sample = _first(orders, num_texts)
            stopwatch = Stopwatch()
            fit_light([texts[index] for index in sample], generated[sample])
            measured_seconds = stopwatch.seconds()
        count = self._num_texts(measured_seconds)
        if count < _MIN_TEXTS and not self.light:
            self.light = True
            count = self._num_texts(measured_seconds)
            if count >= _MIN_TEXTS:
                self._note("there is no time for the language models and the encoder: they are left out")
        if count < _MIN_TEXTS:
            needed = measured_seconds * (_MIN_TEXTS / _MEASURED_TEXTS) ** _TIME_EXPONENT
            missing = (needed - self._budget.left()) / (1 - _GENERATION_SHARE)
            raise ConfigError(
                f"`minutes` leaves time for {count} texts, and a detector needs {_MIN_TEXTS} or more: give "
                f"{max(0.1, math.ceil(missing / 6) / 10):g} more minutes"
            )
        chosen = _first(orders, count)
        if len(chosen) < len(texts):
            self._note(f"there is time for {len(chosen):,} of {len(texts):,} texts")
        self._fit_start = self._budget.stopwatch.seconds()
        return np.sort(chosen)

    def _num_texts(self, measured_seconds: float) -> int:
        """Return for how many texts there is time, from the duration of the fit of light members to a few."""
        slow = 1.0 if self.light else 1 + _SLOW_OVER_LIGHT
        seconds = self._budget.left() * (1.0 if self.light else 1 - _LANGUAGE_MODEL_SHARE)
        return int(_MEASURED_TEXTS * (max(0.0, seconds) / slow / measured_seconds) ** (1 / _TIME_EXPONENT))

    def language_model_minutes(self) -> float:
        """Return the minutes for both language models, which are trained right after the light members."""
        light_seconds = self._budget.stopwatch.seconds() - self._fit_start
        left = self._budget.left()
        others = _SLOW_OVER_LIGHT * light_seconds + _FIXED_SLOW_SECONDS
        return max(left - others, _LANGUAGE_MODEL_SHARE / 2 * left, 1.0) / 60

    def _group_order(
        self, indices: Int[np.ndarray, " side"], groups: Int[np.ndarray, " texts"]
    ) -> Int[np.ndarray, " side"]:
        """Return the indices of one side in random order, those of one group one after another."""
        _, numbers = np.unique(groups[indices], return_inverse=True)
        order = self._random.permutation(int(numbers.max(initial=0)) + 1)[numbers]
        return indices[np.argsort(order, kind="stable")]


def _first(orders: Sequence[Int[np.ndarray, " side"]], count: int) -> Int[np.ndarray, " chosen"]:
    """Return the first texts of both sides, `count` together; a side with too few leaves its places to the other."""
    real, generated = orders
    num_real = min(len(real), max(count // 2, count - len(generated)))
    return np.concatenate([real[:num_real], generated[: max(0, count - num_real)]])
