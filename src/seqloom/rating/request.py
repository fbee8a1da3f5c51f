"""A request for text with a rating."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["RatingRequest"]


@dataclass(frozen=True, kw_only=True)
class RatingRequest:
    """A request for text with a rating; None leaves a setting to its default.

    Attributes:
        rating: requested rating: a number, or numbers and categories by column.
        methods: names from `rating.methods.METHODS`, or one string with commas between them.
        guidance: guidance scale; see `GuidedDecoder`.
        critic: folder of a critic, a `Critic`, a regressor with `predict`, or a function from texts to ratings.
        agree: accepted distance of the critic's rating, in the rating's units; a share of the ranks for ratings that
            are scaled by rank.
        budget: maximum number of texts that rejection generates per requested text.
        particles: number of particles per requested text.
        extrapolate: allow ratings outside the range of the training data.
    """

    rating: Any
    methods: Sequence[str] | None = None
    guidance: float | None = None
    critic: Any = None
    tolerance: float | None = None
    budget: int | None = None
    particles: int | None = None
    extrapolate: bool = False
