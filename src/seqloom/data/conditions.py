"""Ratings and categories as a model reads them: columns of a table become features of any scale."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from jaxtyping import Float, Float32

from seqloom.config import JsonSerializable
from seqloom.data.store import TokenStore
from seqloom.errors import ConfigError, SourceError
from seqloom.registry import unknown_name

__all__ = ["Category", "Conditions", "Scale", "fit_conditions", "fit_scale"]

_FEW = 12
"""A column with no more distinct numbers has a knot at each."""

_QUANTILES = (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1)
"""Where the knots of other columns lie."""

_HEAVY = 2.0
"""A column of this skewness has a heavy tail: it is scaled by ranks. So is one whose farthest numbers would leave the
others no room."""

_MOST_CATEGORIES = 1000

_COMMON = 0.03
"""Share of the texts that a rating must stand for to be an example: what fewer have, a model knows too little of."""

_EXAMPLES = 3

_ALIKE = 0.6
"""Share of the knots that two scales of the same ratings have within each other's: parts of a table differ in their
lowest and highest ratings, and a tail that is heavy in how far it reaches."""

_LARGEST = 1e30
"""Larger ratings leave no room to compute with them."""

_FARTHEST = 10
"""How many times the trained range a rating may lie off; what a straight line says beyond that is noise."""


@dataclass(frozen=True, kw_only=True)
class Scale(JsonSerializable):
    """A column of numbers.

    Attributes:
        name: of the column.
        knots: some of its numbers, ascending; from the first to the last is what a model is trained on.
        levels: how high each knot stands, from 0 to 1: in proportion to its number, or to its rank where the column
            has a heavy tail.
        heavy: whether that is so.
        shares: of the texts that each knot stands for: numbers between two knots count for both in proportion.
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
        """Features of a number."""
        return len(self.knots) + 1

    def to_unit(self, numbers: Float[np.ndarray, " numbers"]) -> Float[np.ndarray, " numbers"]:
        """How high numbers stand: 0 to 1 within the knots, and on in a straight line beyond them."""
        return self._along(np.asarray(numbers, np.float64), self.knots, self.positions)

    def from_unit(self, levels: Float[np.ndarray, " numbers"]) -> Float[np.ndarray, " numbers"]:
        """The numbers that stand so high."""
        return self._along(np.asarray(levels, np.float64), self.positions, self.knots)

    def features(self, numbers: Float[np.ndarray, " numbers"]) -> Float32[np.ndarray, "numbers width"]:
        """How near each knot is, 1 in all, and how high the number stands, from -1 to 1; zeros where it is unknown.

        Between two knots the features are those of both in proportion, so that what is learned of one rating is known
        of its neighbours too.
        """
        numbers = np.asarray(numbers, np.float64)
        known = ~np.isnan(numbers)
        found = np.zeros((len(numbers), self.width), np.float32)
        knots, places = np.asarray(self.knots), np.flatnonzero(known)
        after = np.clip(np.searchsorted(knots, numbers[places], side="right"), 1, len(knots) - 1)
        share = (numbers[places] - knots[after - 1]) / (knots[after] - knots[after - 1])
        found[places, after - 1], found[places, after] = 1 - share, share
        found[places, -1] = 2 * self.to_unit(numbers[places]) - 1
        return found

    def number(self, wanted: Any, *, extrapolate: bool) -> float:
        """A wanted rating as it is fed.

        Raises:
            ConfigError: it is no number, or lies outside of what a model was trained on and `extrapolate` is False.
        """
        try:
            number = math.nan if isinstance(wanted, bool | np.bool) else float(wanted)
        except (OverflowError, TypeError, ValueError):
            number = math.nan
        low, high = self.knots[0], self.knots[-1]
        if not math.isfinite(number):
            raise ConfigError(f"`rating` got {wanted!r} for {self.name}: give a number from {low:g} to {high:g}")
        if extrapolate and abs(number - low) > _FARTHEST * (high - low):
            raise ConfigError(
                f"`rating` got {number:g}, and {self.name} was {low:g} to {high:g} in training: even `extrapolate` "
                f"goes no further than {_FARTHEST} times that range"
            )
        if not (low <= number <= high or extrapolate):
            raise ConfigError(
                f"`rating` got {number:g}, and {self.name} was {low:g} to {high:g} in training: choose within that, or "
                "allow it with `extrapolate`"
            )
        return number

    def __str__(self) -> str:
        """The column and its range, for a person."""
        return f"{self.name}: {self.knots[0]:g} to {self.knots[-1]:g}" + ", scaled by rank (a heavy tail)" * self.heavy

    @property
    def is_discrete(self) -> bool:
        """Whether there are few ratings, each with a knot: then one is a step away from the next."""
        return not self.heavy and len(self.knots) <= _FEW

    def is_like(self, other: "Scale") -> bool:
        """Whether both seem to be of the same ratings: most knots of each lie between the ends of the other."""
        return min(self._holds(other), other._holds(self)) >= _ALIKE

    def _holds(self, other: "Scale") -> float:
        """The share of another's knots between the ends of this one."""
        return float(np.mean([self.knots[0] <= knot <= self.knots[-1] for knot in other.knots]))

    def examples(self) -> tuple[float, ...]:
        """A low, a middle and a high rating that enough texts have; fewer where there are fewer to tell apart."""
        shares = self.shares or (1.0,) * len(self.knots)
        common = [place for place, share in enumerate(shares) if share >= _COMMON]
        places = common if len(common) > 1 else list(range(len(self.knots)))
        middle = (self.positions[places[0]] + self.positions[places[-1]]) / 2
        near = min(places, key=lambda place: abs(self.positions[place] - middle))
        return tuple(self._rounded(self.knots[place]) for place in sorted({places[0], near, places[-1]}))

    def _rounded(self, number: float) -> float:
        """A number as a person would type it, within the knots."""
        short = float(round(number)) if abs(number) >= 100 else float(f"{number:.4g}")
        return short if self.knots[0] <= short <= self.knots[-1] else number

    @staticmethod
    def _along(values: np.ndarray, before: Sequence[float], after: Sequence[float]) -> Float[np.ndarray, " numbers"]:
        """Straight lines from knot to knot, the first and last of them without end."""
        found: np.ndarray = np.interp(values, before, after)
        for end, inner, beyond in ((0, 1, values < before[0]), (-1, -2, values > before[-1])):
            slope = (after[end] - after[inner]) / (before[end] - before[inner])
            found = np.where(beyond, after[end] + (values - before[end]) * slope, found)
        return found


@dataclass(frozen=True, kw_only=True)
class Category(JsonSerializable):
    """A column of names.

    Attributes:
        name: of the column.
        values: the names in it; a store has their indices.
    """

    name: str
    values: tuple[str, ...]

    @property
    def width(self) -> int:
        """Features of a name."""
        return len(self.values)

    def features(self, numbers: Float[np.ndarray, " numbers"]) -> Float32[np.ndarray, "numbers width"]:
        """A one for the name of each index; zeros where it is unknown."""
        known = np.flatnonzero(~np.isnan(numbers))
        found = np.zeros((len(numbers), self.width), np.float32)
        found[known, np.asarray(numbers)[known].astype(np.int64)] = 1
        return found

    def number(self, wanted: Any, *, extrapolate: bool) -> float:
        """The index of a wanted name.

        Raises:
            ConfigError: no text of that name was trained on.
        """
        if wanted not in self.values:
            raise ConfigError(unknown_name(self.name, str(wanted), dict.fromkeys(self.values)))
        return float(self.values.index(wanted))

    def examples(self) -> tuple[str, ...]:
        """A few of the names."""
        return self.values[:_EXAMPLES]


@dataclass(frozen=True)
class Conditions:
    """All that a text was rated by, in the order of the store's columns."""

    columns: tuple[Scale | Category, ...] = ()

    def __len__(self) -> int:
        return len(self.columns)

    def __iter__(self) -> Iterator[Scale | Category]:
        return iter(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def width(self) -> int:
        """Features of a text."""
        return sum(column.width for column in self.columns)

    def features(self, values: Float[np.ndarray, "texts columns"]) -> Float32[np.ndarray, "texts width"]:
        """The features of texts with these numbers, NaN where one is unknown; zeros for nothing known at all."""
        parts = [column.features(values[:, place]) for place, column in enumerate(self.columns)]
        return np.concatenate(parts, axis=1) if parts else np.zeros((len(values), 0), np.float32)

    def encode_request(self, wanted: Any, *, extrapolate: bool = False) -> Float[np.ndarray, " columns"]:
        """The numbers of a text that shall be written.

        Args:
            wanted: a rating, where there is one column; or ratings and categories by name, those left out unknown.
            extrapolate: allow ratings beyond those that were trained on.

        Raises:
            ConfigError: a column is unknown, or a rating is out of range; one line for each.
        """
        if not self.columns:
            raise ConfigError(
                "`rating` needs a run that was trained with ratings, and this one was not: leave it out, or train with "
                "`rating` COLUMN"
            )
        if not isinstance(wanted, Mapping):
            if len(self.columns) > 1:
                example = f"{self.columns[0].name}=..."
                raise ConfigError(
                    f"`rating` got {wanted!r}, and the run was trained with {', '.join(self.names)}: say which, as in "
                    f"{example}"
                )
            wanted = {self.columns[0].name: wanted}
        if not wanted:
            raise ConfigError(
                f"`rating` got {wanted!r}, which says nothing: name one of {', '.join(self.names)}, or leave it out"
            )
        faults = [
            unknown_name("rating", str(name), dict.fromkeys(self.names)) for name in wanted if name not in self.names
        ]
        numbers = np.full(len(self.columns), np.nan)
        for place, column in enumerate(self.columns):
            if column.name not in wanted:
                continue
            try:
                numbers[place] = column.number(wanted[column.name], extrapolate=extrapolate)
            except ConfigError as error:
                faults += error.faults
        if faults:
            raise ConfigError(*faults)
        return numbers

    def examples(self) -> tuple[dict[str, float | str], ...]:
        """What may be wanted, from low to high: of the first column of numbers, or of the first of all."""
        if not self.columns:
            return ()
        column = next((one for one in self.columns if isinstance(one, Scale)), self.columns[0])
        return tuple({column.name: value} for value in column.examples())

    def values_of(self, store: TokenStore) -> Float[np.ndarray, "documents columns"]:
        """The numbers of a store's documents; NaN where it lacks them, and for names that are new to the columns."""
        found = np.full((store.num_documents, len(self.columns)), np.nan)
        for place, column in enumerate(self.columns):
            values = store.conditions.get(column.name)
            if values is None:
                continue
            if isinstance(column, Category):
                values = _renumbered(np.asarray(values), store.categories.get(column.name, ()), column.values)
            found[:, place] = values
        return found

    def to_json(self) -> list[dict[str, Any]]:
        """The columns in JSON's types."""
        return [column.to_json() for column in self.columns]

    @classmethod
    def from_json(cls, stored: Sequence[Mapping[str, Any]]) -> Self:
        """The columns that `to_json` described.

        Raises:
            ConfigError: a column is damaged.
        """
        return cls(tuple((Scale if "knots" in one else Category).from_json(one) for one in stored))


def fit_conditions(store: TokenStore) -> Conditions:
    """The conditions of a store, by what its documents hold.

    Raises:
        SourceError: a rating is the same everywhere, or a column has too many names; one line for each.
    """
    columns: list[Scale | Category] = []
    faults: list[str] = []
    for name, values in store.conditions.items():
        names = store.categories.get(name)
        if names is None:
            try:
                columns.append(fit_scale(name, np.asarray(values)))
            except SourceError as error:
                faults += error.faults
        elif len(names) > _MOST_CATEGORIES:
            faults.append(f"the column {name!r} has {len(names):,} names: a category has {_MOST_CATEGORIES:,} at most")
        else:
            columns.append(Category(name=name, values=names))
    if faults:
        raise SourceError(*faults)
    return Conditions(tuple(columns))


def fit_scale(name: str, numbers: Float[np.ndarray, " numbers"]) -> Scale:
    """The scale of a column's numbers; NaN among them is passed over.

    Raises:
        SourceError: they are all the same.
    """
    numbers = np.asarray(numbers, np.float64)
    numbers = numbers[~np.isnan(numbers)]
    distinct = np.unique(numbers)
    if len(distinct) and np.abs(distinct).max() > _LARGEST:
        raise SourceError(
            f"the column {name!r} holds {distinct[np.abs(distinct).argmax()]:g}: ratings may be {_LARGEST:g} at most"
        )
    if len(distinct) < 2 or distinct[-1] - distinct[0] < 1 / _LARGEST:
        only = f"is {distinct[0]:g} everywhere" if len(distinct) else "holds no number"
        raise SourceError(
            f"the column {name!r} {only}, and nothing can be learned of that: name another column, or leave out "
            f"`rating` {name}"
        )
    few = len(distinct) <= _FEW
    knots = distinct if few else np.quantile(numbers, _QUANTILES)
    room, ranked = _apart(knots), _apart(knots, ranked=True)
    if len(ranked) <= len(room) and (few or not _is_heavy(numbers)):
        return _scale(name, knots[room], _in_proportion(knots[room]), numbers, heavy=False)
    places = max(room, ranked, key=len)
    ranks = np.mean(numbers < knots[places, None], axis=1) if few else np.asarray(_QUANTILES, np.float64)[places]
    ranks[-1] = 1
    return _scale(name, knots[places], ranks, numbers, heavy=True)


def _is_heavy(numbers: np.ndarray) -> bool:
    levels = (numbers - numbers.min()) / (numbers.max() - numbers.min())
    centred = (levels - levels.mean()) / levels.std()
    return bool(abs((centred**3).mean()) > _HEAVY)


def _scale(name: str, knots: np.ndarray, levels: np.ndarray, numbers: np.ndarray, *, heavy: bool) -> Scale:
    scale = Scale(name=name, knots=tuple(knots.tolist()), positions=tuple(levels.tolist()), heavy=heavy)
    shares = scale.features(numbers)[:, :-1].mean(axis=0, dtype=np.float64)
    return replace(scale, shares=tuple(shares.tolist()))


def _apart(knots: Float[np.ndarray, " knots"], *, ranked: bool = False) -> np.ndarray:
    """The places of ascending numbers that can be told apart: the first of each, but the last in any case.

    Where ranks are what counts, a number that is absurdly far off takes no room from the others; what rounding left
    is one number all the same.
    """
    span = knots[-1] - knots[0]
    least = np.maximum(1e-9 * np.abs(knots), 1e-14 * span) if ranked else np.full(len(knots), 1e-9 * span)
    places = [0]
    for place in range(1, len(knots) - 1):
        if knots[place] - knots[places[-1]] > least[place] and knots[-1] - knots[place] > least[-1]:
            places.append(place)
    return np.array([*places, len(knots) - 1])


def _in_proportion(numbers: np.ndarray) -> np.ndarray:
    proportions: np.ndarray = (numbers - numbers[0]) / (numbers[-1] - numbers[0])
    return proportions


def _renumbered(indices: np.ndarray, names: Sequence[str], known: Sequence[str]) -> Float[np.ndarray, " documents"]:
    place = {name: float(index) for index, name in enumerate(known)}
    by_index = np.array([*(place.get(name, np.nan) for name in names), np.nan])
    found: np.ndarray = by_index[np.where(np.isnan(indices), len(names), indices).astype(np.int64)]
    return found
