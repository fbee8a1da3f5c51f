"""Scales: the numbers of a rating column as features.

A scale has knots: some of the column's numbers, each with a position from 0 to 1. A rating becomes one feature per
knot, its nearness to the knot, and one feature for its position, scaled to -1 to 1. Example:

    knots 1, 2, 5 at positions 0, 0.25, 1:    rating 3 has position 0.5 and the features 0, 2/3, 1/3, 0
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from seqloom.config import JsonSerializable
from seqloom.errors import ConfigError, SourceError

__all__ = ["Scale", "fit_scale"]

_MAX_DISCRETE = 12
"""A column with at most this many distinct numbers has a knot at each of them."""

_QUANTILES = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)
"""Quantiles of a column with more distinct numbers; they are its knots."""

_MIN_HEAVY_SKEWNESS = 2.0
"""A column with a larger absolute skewness has a heavy tail and is scaled by ranks. A column whose extreme numbers
would squeeze the other knots together on a linear scale is scaled by ranks too."""

_MIN_EXAMPLE_SHARE = 0.03
"""A rating is shown to the user as an example if at least this share of the texts has it: a model learns rarer ratings
too poorly."""

_MIN_SHARED_KNOTS = 0.6
"""Two scales seem to measure the same ratings if at least this share of the knots of each is within the range of the
other. The share is below 1, because parts of a table differ in their extreme ratings."""

_MAX_RATING = 1e30
"""Computations with larger ratings would overflow."""

_MAX_EXTRAPOLATION = 10
"""Largest distance of a requested rating from the lowest trained one, in multiples of the trained range."""


@dataclass(frozen=True, kw_only=True)
class Scale(JsonSerializable):
    """A column of numbers.

    Attributes:
        name: name of the column.
        knots: some of the column's numbers, ascending; a model is trained on the range from the first to the last.
        positions: position of each knot, from 0 to 1: linear in the knot, or in its rank if `heavy` is True.
        heavy: whether positions follow ranks, because the column has a heavy tail or extreme numbers.
        shares: share of the texts at each knot; a number between two knots counts for both in proportion.
    """

    name: str
    knots: tuple[float, ...]
    positions: tuple[float, ...]
    heavy: bool
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.knots) < 2 or len(self.positions) != len(self.knots) or sorted(set(self.knots)) != list(self.knots):
            raise ConfigError(f"the scale of {self.name!r} is damaged: its knots are {self.knots}")

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.knots) + 1

    def to_unit(self, numbers: Float[np.ndarray, " numbers"]) -> Float[np.ndarray, " numbers"]:
        """Return the positions of numbers: 0 to 1 within the knots, extrapolated linearly beyond them."""
        return self._interpolate(np.asarray(numbers, np.float64), self.knots, self.positions)

    def from_unit(self, positions: Float[np.ndarray, " numbers"]) -> Float[np.ndarray, " numbers"]:
        """Return the numbers at positions; the inverse of `to_unit`."""
        return self._interpolate(np.asarray(positions, np.float64), self.positions, self.knots)

    def features(self, numbers: Float[np.ndarray, " numbers"]) -> Float32[np.ndarray, "numbers width"]:
        """Return the nearness to each knot (sum 1) and the position from -1 to 1; zeros for an unknown number (NaN).

        Between two knots the features are interpolated linearly, so that a model generalises to neighbouring ratings.
        """
        numbers = np.asarray(numbers, np.float64)
        features = np.zeros((len(numbers), self.width), np.float32)
        knots, known_rows = np.asarray(self.knots), np.flatnonzero(~np.isnan(numbers))
        known_numbers = numbers[known_rows]
        # Index of the knot above each number; a number beyond the knots uses the first or the last two of them.
        upper = np.clip(np.searchsorted(knots, known_numbers, side="right"), 1, len(knots) - 1)
        upper_nearness = (known_numbers - knots[upper - 1]) / (knots[upper] - knots[upper - 1])
        features[known_rows, upper - 1], features[known_rows, upper] = 1 - upper_nearness, upper_nearness
        features[known_rows, -1] = 2 * self.to_unit(known_numbers) - 1
        return features

    def number(self, requested: Any, *, extrapolate: bool) -> float:
        """Return a requested rating as a number.

        Raises:
            ConfigError: `requested` is not a number, or outside the trained range and `extrapolate` is False.
        """
        try:
            number = math.nan if isinstance(requested, bool | np.bool) else float(requested)
        except (OverflowError, TypeError, ValueError):
            number = math.nan
        low, high = self.knots[0], self.knots[-1]
        if not math.isfinite(number):
            raise ConfigError(f"`rating` got {requested!r} for {self.name}: give a number from {low:g} to {high:g}")
        if extrapolate and abs(number - low) > _MAX_EXTRAPOLATION * (high - low):
            raise ConfigError(
                f"`rating` got {number:g}, and {self.name} was {low:g} to {high:g} in training: `extrapolate` "
                f"reaches at most {_MAX_EXTRAPOLATION} times that range"
            )
        if not (low <= number <= high or extrapolate):
            raise ConfigError(
                f"`rating` got {number:g}, and {self.name} was {low:g} to {high:g} in training: choose a number in "
                "that range, or allow others with `extrapolate`"
            )
        return number

    def __str__(self) -> str:
        """Return a line for the user: the name of the column and its range."""
        return f"{self.name}: {self.knots[0]:g} to {self.knots[-1]:g}" + ", scaled by rank (a heavy tail)" * self.heavy

    @property
    def is_discrete(self) -> bool:
        """Whether the column has few distinct ratings, each with a knot."""
        return not self.heavy and len(self.knots) <= _MAX_DISCRETE

    def is_like(self, other: "Scale") -> bool:
        """Return whether two scales (of a model and a critic) seem to measure the same ratings.

        They do if most knots of each are in the range of the other.
        """
        return min(self._share_within(other), other._share_within(self)) >= _MIN_SHARED_KNOTS

    def _share_within(self, other: "Scale") -> float:
        """Return the share of another scale's knots within the range of this one."""
        return float(np.mean([self.knots[0] <= knot <= self.knots[-1] for knot in other.knots]))

    def examples(self) -> tuple[float, ...]:
        """Return a low, a middle and a high rating with enough texts; fewer where there are fewer distinct ones."""
        shares = self.shares or (1.0,) * len(self.knots)
        common = [index for index, share in enumerate(shares) if share >= _MIN_EXAMPLE_SHARE]
        indices = common if len(common) > 1 else list(range(len(self.knots)))
        middle = (self.positions[indices[0]] + self.positions[indices[-1]]) / 2
        nearest = min(indices, key=lambda index: abs(self.positions[index] - middle))
        return tuple(self._rounded(self.knots[index]) for index in sorted({indices[0], nearest, indices[-1]}))

    def _rounded(self, number: float) -> float:
        """Return a number with few digits, or unrounded if the rounded number would be outside the knots."""
        short = float(round(number)) if abs(number) >= 100 else float(f"{number:.4g}")
        return short if self.knots[0] <= short <= self.knots[-1] else number

    @staticmethod
    def _interpolate(
        x: np.ndarray, knots_x: Sequence[float], knots_y: Sequence[float]
    ) -> Float[np.ndarray, " numbers"]:
        """Return y at each `x` on the straight lines between knots; the first and the last line continue beyond."""
        y: np.ndarray = np.interp(x, knots_x, knots_y)
        for end, inner, is_beyond in ((0, 1, x < knots_x[0]), (-1, -2, x > knots_x[-1])):
            slope = (knots_y[end] - knots_y[inner]) / (knots_x[end] - knots_x[inner])
            y = np.where(is_beyond, knots_y[end] + (x - knots_x[end]) * slope, y)
        return y


def fit_scale(name: str, numbers: Float[np.ndarray, " numbers"]) -> Scale:
    """Fit the scale of a column to its numbers; NaN is ignored.

    The scale is linear, or by rank if a column with many distinct numbers has a heavy tail, or if a scale by rank keeps
    more knots apart (see `_distinct_knots`).

    Raises:
        SourceError: the numbers are all equal or too large.
    """
    numbers = np.asarray(numbers, np.float64)
    numbers = numbers[~np.isnan(numbers)]
    distinct = np.unique(numbers)
    if len(distinct) and np.abs(distinct).max() > _MAX_RATING:
        raise SourceError(
            f"the column {name!r} holds {distinct[np.abs(distinct).argmax()]:g}: ratings may be {_MAX_RATING:g} at most"
        )
    if len(distinct) < 2 or distinct[-1] - distinct[0] < 1 / _MAX_RATING:
        problem = f"is {distinct[0]:g} everywhere" if len(distinct) else "holds no number"
        raise SourceError(
            f"the column {name!r} {problem}, and nothing can be learned from that: name another column, or leave out "
            f"`rating` {name}"
        )
    is_discrete = len(distinct) <= _MAX_DISCRETE
    knots = distinct if is_discrete else np.quantile(numbers, _QUANTILES)
    linear_indices, rank_indices = _distinct_knots(knots), _distinct_knots(knots, by_rank=True)
    if len(rank_indices) <= len(linear_indices) and (is_discrete or not _is_heavy(numbers)):
        linear_knots = knots[linear_indices]
        return _build_scale(name, linear_knots, _linear_positions(linear_knots), numbers, heavy=False)
    indices = max(linear_indices, rank_indices, key=len)
    ranks = (
        np.mean(numbers < knots[indices, None], axis=1) if is_discrete else np.asarray(_QUANTILES, np.float64)[indices]
    )
    ranks[-1] = 1
    return _build_scale(name, knots[indices], ranks, numbers, heavy=True)


def _is_heavy(numbers: np.ndarray) -> bool:
    scaled = (numbers - numbers.min()) / (numbers.max() - numbers.min())
    standardised = (scaled - scaled.mean()) / scaled.std()
    skewness = (standardised**3).mean()
    return bool(abs(skewness) > _MIN_HEAVY_SKEWNESS)


def _build_scale(name: str, knots: np.ndarray, positions: np.ndarray, numbers: np.ndarray, *, heavy: bool) -> Scale:
    scale = Scale(name=name, knots=tuple(knots.tolist()), positions=tuple(positions.tolist()), heavy=heavy)
    shares = scale.features(numbers)[:, :-1].mean(axis=0, dtype=np.float64)
    return replace(scale, shares=tuple(shares.tolist()))


def _distinct_knots(knots: Float[np.ndarray, " knots"], *, by_rank: bool = False) -> np.ndarray:
    """Return the indices of the knots to keep: the first, the last, and those that differ noticeably from other knots.

    A knot must differ from the last knot and from the kept knot before it. On a linear scale, a noticeable difference
    is relative to the range of the knots, so that one extreme knot can merge the others. By rank, the difference is
    relative to the knot itself, and only knots that differ by nothing but rounding are merged.
    """
    extent = knots[-1] - knots[0]
    threshold = np.maximum(1e-9 * np.abs(knots), 1e-14 * extent) if by_rank else np.full(len(knots), 1e-9 * extent)
    indices = [0]
    for index in range(1, len(knots) - 1):
        if knots[index] - knots[indices[-1]] > threshold[index] and knots[-1] - knots[index] > threshold[-1]:
            indices.append(index)
    return np.array([*indices, len(knots) - 1])


def _linear_positions(numbers: np.ndarray) -> np.ndarray:
    positions: np.ndarray = (numbers - numbers[0]) / (numbers[-1] - numbers[0])
    return positions
