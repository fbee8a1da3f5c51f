"""Ratings and categories as features: encodes the columns of a table for a model.

Features are the numbers that a model receives. A token store (the encoded corpus) holds one number per document and
column: the rating, or the index of the category. One-hot encoding turns a category into features. A scale gives a
rating one feature for each knot (some of the column's ratings are knots), and its position from -1 to 1.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from jaxtyping import Float, Float32

from seqloom.config import JsonSerializable
from seqloom.data.scale import Scale, fit_scale
from seqloom.data.store import TokenStore
from seqloom.errors import ConfigError, SourceError
from seqloom.registry import unknown_name

__all__ = ["Category", "Conditions", "fit_conditions"]

_MAX_CATEGORIES = 1000
"""Largest number of categories in a column."""

_NUM_EXAMPLES = 3
"""Number of categories shown to the user as examples."""


@dataclass(frozen=True, kw_only=True)
class Category(JsonSerializable):
    """A column of names.

    Attributes:
        name: name of the column.
        values: names of the categories; a token store holds their indices in this tuple.
    """

    name: str
    values: tuple[str, ...]

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.values)

    def features(self, numbers: Float[np.ndarray, " numbers"]) -> Float32[np.ndarray, "numbers width"]:
        """Return the one-hot encoding of category indices; zeros for an unknown category (NaN)."""
        known_rows = np.flatnonzero(~np.isnan(numbers))
        features = np.zeros((len(numbers), self.width), np.float32)
        features[known_rows, np.asarray(numbers)[known_rows].astype(np.int64)] = 1
        return features

    def number(self, requested: Any, *, extrapolate: bool) -> float:
        """Return the index of a requested category; `extrapolate` is for ratings (`Scale.number`), and ignored here.

        Raises:
            ConfigError: the training corpus had no such category.
        """
        if requested not in self.values:
            raise ConfigError(unknown_name(self.name, str(requested), dict.fromkeys(self.values)))
        return float(self.values.index(requested))

    def examples(self) -> tuple[str, ...]:
        """Return a few of the categories."""
        return self.values[:_NUM_EXAMPLES]


@dataclass(frozen=True)
class Conditions:
    """The ratings and categories of a corpus, in the order of the store's columns."""

    columns: tuple[Scale | Category, ...] = ()

    def __len__(self) -> int:
        return len(self.columns)

    def __iter__(self) -> Iterator[Scale | Category]:
        return iter(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def width(self) -> int:
        """Number of features of a document."""
        return sum(column.width for column in self.columns)

    def features(self, values: Float[np.ndarray, "texts columns"]) -> Float32[np.ndarray, "texts width"]:
        """Return the features of documents from their ratings and category indices; zeros where unknown (NaN)."""
        by_column = [column.features(values[:, index]) for index, column in enumerate(self.columns)]
        return np.concatenate(by_column, axis=1) if by_column else np.zeros((len(values), 0), np.float32)

    def encode_request(self, requested: Any, *, extrapolate: bool = False) -> Float[np.ndarray, " columns"]:
        """Return requested ratings and categories as one number per column: NaN in a column without a request.

        Args:
            requested: a rating or a category, if there is only one column; or ratings and categories by column.
            extrapolate: whether ratings outside the trained range are allowed.

        Raises:
            ConfigError: there are no columns or no requests, a column or a category is unknown, or a rating is out of
                range; the message has one line for each fault.
        """
        if not self.columns:
            raise ConfigError(
                "`rating` needs a run that was trained with ratings, and this one was not: leave it out, or train with "
                "`rating` COLUMN"
            )
        if not isinstance(requested, Mapping):
            if len(self.columns) > 1:
                example = f"{self.columns[0].name}=..."
                raise ConfigError(
                    f"`rating` got {requested!r}, but the run was trained with {', '.join(self.names)}: name the "
                    f"column, as in {example}"
                )
            requested = {self.columns[0].name: requested}
        if not requested:
            raise ConfigError(
                f"`rating` got {requested!r}, which is empty: name one of {', '.join(self.names)}, or leave it out"
            )
        faults = [
            unknown_name("rating", str(name), dict.fromkeys(self.names)) for name in requested if name not in self.names
        ]
        numbers = np.full(len(self.columns), np.nan)
        for index, column in enumerate(self.columns):
            if column.name not in requested:
                continue
            try:
                numbers[index] = column.number(requested[column.name], extrapolate=extrapolate)
            except ConfigError as error:
                faults += error.faults
        if faults:
            raise ConfigError(*faults)
        return numbers

    def examples(self) -> tuple[dict[str, float | str], ...]:
        """Return example requests for the first rating column, from low to high, or else for the first column."""
        if not self.columns:
            return ()
        column = next((column for column in self.columns if isinstance(column, Scale)), self.columns[0])
        return tuple({column.name: value} for value in column.examples())

    def values_of(self, store: TokenStore) -> Float[np.ndarray, "documents columns"]:
        """Return the ratings and category indices of a store's documents; NaN where unknown.

        The indices refer to the categories of these conditions, not to those of the store. A category that these
        conditions lack counts as unknown.
        """
        numbers = np.full((store.num_documents, len(self.columns)), np.nan)
        for index, column in enumerate(self.columns):
            values = store.conditions.get(column.name)
            if values is None:
                continue
            if isinstance(column, Category):
                values = _renumbered(np.asarray(values), store.categories.get(column.name, ()), column.values)
            numbers[:, index] = values
        return numbers

    def to_json(self) -> list[dict[str, Any]]:
        """Return the columns in JSON types."""
        return [column.to_json() for column in self.columns]

    @classmethod
    def from_json(cls, stored: Sequence[Mapping[str, Any]]) -> Self:
        """Return the conditions described by `to_json`.

        Raises:
            ConfigError: a column is damaged.
        """
        # Every stored scale has the field "knots", and no category has it.
        return cls(tuple((Scale if "knots" in column else Category).from_json(column) for column in stored))


def fit_conditions(store: TokenStore) -> Conditions:
    """Return the conditions for the columns of a store: a scale fitted to each column of ratings, or its categories.

    Raises:
        SourceError: a scale cannot be fitted to a column (see `scale.fit_scale`), or a column has too many categories;
            the message has one line for each fault.
    """
    columns: list[Scale | Category] = []
    faults: list[str] = []
    for name, values in store.conditions.items():
        categories = store.categories.get(name)
        if categories is None:
            try:
                columns.append(fit_scale(name, np.asarray(values)))
            except SourceError as error:
                faults += error.faults
        elif len(categories) > _MAX_CATEGORIES:
            faults.append(
                f"the column {name!r} has {len(categories):,} categories: a column may have {_MAX_CATEGORIES:,} at most"
            )
        else:
            columns.append(Category(name=name, values=categories))
    if faults:
        raise SourceError(*faults)
    return Conditions(tuple(columns))


def _renumbered(
    indices: np.ndarray, old_names: Sequence[str], new_names: Sequence[str]
) -> Float[np.ndarray, " documents"]:
    """Convert indices of categories in `old_names` to their indices in `new_names`; NaN for unknown categories."""
    index_by_name = {name: float(index) for index, name in enumerate(new_names)}
    new_indices = np.array([*(index_by_name.get(name, np.nan) for name in old_names), np.nan])
    # An unknown index (NaN) selects the NaN at the end.
    renumbered: np.ndarray = new_indices[np.where(np.isnan(indices), len(old_names), indices).astype(np.int64)]
    return renumbered
