"""How well what a judge says of texts follows what was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

__all__ = ["Agreement", "agreement", "ranks"]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Wanted against judged ratings.

    Attributes:
        texts: how many.
        pearson: correlation of the numbers; None where one of them never varies.
        spearman: correlation of their ranks.
        mean_error: how far off a rating is judged; None where there are no texts.
        texts_by_rating: how many of each wanted rating.
        mean_judged: by wanted rating.
        mean_error_by_rating: by wanted rating.
    """

    texts: int
    pearson: float | None
    spearman: float | None
    mean_error: float | None
    texts_by_rating: Mapping[float, int]
    mean_judged: Mapping[float, float]
    mean_error_by_rating: Mapping[float, float]


def agreement(
    wanted: Float[np.ndarray, " texts"], judged: Float[np.ndarray, " texts"], kinds: Float[np.ndarray, " texts"]
) -> Agreement:
    """Hold judged ratings against wanted ones.

    Args:
        wanted: of each text.
        judged: of each text.
        kinds: what the figures by rating are divided by: the wanted rating, or the nearest of a few.
    """
    errors = np.abs(wanted - judged)
    values = np.unique(kinds).tolist()
    return Agreement(
        texts=len(wanted),
        pearson=_correlation(wanted, judged),
        spearman=_correlation(ranks(wanted), ranks(judged)),
        mean_error=float(errors.mean()) if len(errors) else None,
        texts_by_rating={value: int((kinds == value).sum()) for value in values},
        mean_judged={value: float(judged[kinds == value].mean()) for value in values},
        mean_error_by_rating={value: float(errors[kinds == value].mean()) for value in values},
    )


def ranks(values: Float[np.ndarray, " values"]) -> Float[np.ndarray, " values"]:
    """The rank of each value; equal ones share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: np.ndarray = (ends - (counts - 1) / 2)[inverse]
    return means


def _correlation(one: np.ndarray, other: np.ndarray) -> float | None:
    if not len(one) or one.std() == 0 or other.std() == 0:
        return None
    return float(np.corrcoef(one, other)[0, 1])
