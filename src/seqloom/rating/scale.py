"""The scale of a requested rating: between a user's units and the critic's unit scale."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from seqloom.data.scale import Scale
from seqloom.sampling.rejection import Rater, checked_ratings

__all__ = ["RatingScale"]

_DEFAULT_RANK_TOLERANCE = 0.1
"""Tolerance for ratings that are scaled by rank, as a share of the ranks."""
_DEFAULT_RANGE_TOLERANCE = 0.1
"""Tolerance for continuous ratings, as a share of their range."""


@dataclass(frozen=True)
class RatingScale:
    """The scale of a rating; without one, the unit scale equals the rating's own units.

    Attributes:
        scale: scale of the run or of the critic; None if neither has one.
    """

    scale: Scale | None

    def to_unit(self, rating: float) -> float:
        """Convert a rating to the unit scale."""
        return rating if self.scale is None else float(self.scale.to_unit(np.array([rating]))[0])

    def from_unit(self, position: float) -> float:
        """Convert a position on the unit scale to a rating."""
        return position if self.scale is None else float(self.scale.from_unit(np.array([position]))[0])

    def rater(self, rate: Callable[[Sequence[str]], Any]) -> Rater:
        """Return a critic with ratings on the unit scale."""
        if self.scale is None:
            return rate
        scale = self.scale
        return lambda texts: scale.to_unit(checked_ratings(rate, texts))

    def default_tolerance(self) -> float:
        """Return the default tolerance, in the units of `RatingRequest.agree`: half a step of discrete ratings."""
        if self.scale is None:
            return 1.0
        if self.scale.heavy:
            return _DEFAULT_RANK_TOLERANCE
        knots = self.scale.knots
        step = np.diff(knots)
        return float(min(step) / 2 if self.scale.is_discrete else _DEFAULT_RANGE_TOLERANCE * (knots[-1] - knots[0]))

    def unit_tolerance(self, tolerance: float) -> float:
        """Convert a tolerance in the units of `RatingRequest.agree` to the unit scale."""
        scale = self.scale
        if scale is None or scale.heavy:
            return tolerance
        return float(tolerance / (scale.knots[-1] - scale.knots[0]))
