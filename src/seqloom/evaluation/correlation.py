"""Agreement of judged ratings with requested ratings."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

__all__ = ["Agreement", "agreement", "ranks"]


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Agreement of judged ratings with requested ratings.

    Attributes:
        texts: number of texts.
        pearson: linear correlation; None if either rating is constant.
        spearman: rank correlation; None if either rating is constant.
        mean_error: mean absolute error; None without texts.
        texts_by_rating: number of texts per requested rating.
        mean_judged: mean judged rating per requested rating.
        mean_error_by_rating: mean absolute error per requested rating.
    """

    texts: int
    pearson: float | None
    spearman: float | None
    mean_error: float | None
    texts_by_rating: Mapping[float, int]
    mean_judged: Mapping[float, float]
    mean_error_by_rating: Mapping[float, float]


def agreement(
    requested: Float[np.ndarray, " texts"],
    judged: Float[np.ndarray, " texts"],
    reported_ratings: Float[np.ndarray, " texts"],
) -> Agreement:
    """Compare judged with requested ratings.

    Args:
        requested: requested rating of each text.
        judged: judged rating of each text.
        reported_ratings: rating under which the results count each text: its requested rating, or the center of the
            bin with that rating.
    """
    errors = np.abs(requested - judged)
    values = np.unique(reported_ratings).tolist()
    return Agreement(
        texts=len(requested),
        pearson=_correlation(requested, judged),
        spearman=_correlation(ranks(requested), ranks(judged)),
        mean_error=float(errors.mean()) if len(errors) else None,
        texts_by_rating={value: int((reported_ratings == value).sum()) for value in values},
        mean_judged={value: float(judged[reported_ratings == value].mean()) for value in values},
        mean_error_by_rating={value: float(errors[reported_ratings == value].mean()) for value in values},
    )


def ranks(values: Float[np.ndarray, " values"]) -> Float[np.ndarray, " values"]:
    """Return the rank of each value, from 1 for the lowest; equal values all have the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    mean_ranks: np.ndarray = (ends - (counts - 1) / 2)[inverse]
    return mean_ranks


def _correlation(x: np.ndarray, y: np.ndarray) -> float | None:
    if not len(x) or x.std() == 0 or y.std() == 0:
        return None
    return float(np.corrcoef(x, y)[0, 1])
