"""The scale of a requested rating: converts between a user's units and the unit scale, on which ratings are compared.

A position on the unit scale is 0 for the lowest rating and 1 for the highest; it is linear in the rating, or, for
ratings with a heavy tail, in the rank of the rating (see `data.scale.Scale`).
"""

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
    """The scale of a rating; without a scale, `to_unit` and `from_unit` return their argument.

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
        """Turn a critic into one with ratings on the unit scale.

        Args:
            rate: critic, a function from texts to ratings in the user's units.
        """
        if self.scale is None:
            return rate
        scale = self.scale
        return lambda texts: scale.to_unit(checked_ratings(rate, texts))

    def default_tolerance(self) -> float:
        """Return the default tolerance, in the units of `RatingRequest.tolerance`.

        These are the units of the rating, or shares of the ranks if the rating is scaled by rank (`scale.heavy`). The
        default is half of the smallest step between two ratings if the ratings are discrete, a tenth of the range or of
        the ranks if they are not, and 1 if the rating has no scale.
        """
        if self.scale is None:
            return 1.0
        if self.scale.heavy:
            return _DEFAULT_RANK_TOLERANCE
        knots = self.scale.knots
        if self.scale.is_discrete:
            return float(min(np.diff(knots)) / 2)
        return float(_DEFAULT_RANGE_TOLERANCE * (knots[-1] - knots[0]))

    def unit_tolerance(self, tolerance: float) -> float:
        """Convert a tolerance in the units of `RatingRequest.tolerance` to the unit scale.

        A share of the ranks is on the unit scale already.
        """
        scale = self.scale
        if scale is None or scale.heavy:
            return tolerance
        return float(tolerance / (scale.knots[-1] - scale.knots[0]))
