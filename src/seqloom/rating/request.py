"""What a user requests: a rating, and the methods that reach it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["METHODS", "RatingRequest"]

METHODS = {
    "condition": "the model is told the rating",
    "guide": "what the rating changes is exaggerated",
    "filter": "more is written than is wanted, and what the critic disagrees with is dropped",
    "steer": "the critic leads the model while it writes",
}
"""Ways to write to a rating, and what each does."""


@dataclass(frozen=True, kw_only=True)
class RatingRequest:
    """What a person asks for; None is chosen.

    Attributes:
        rating: a number, or numbers and categories by column.
        methods: names from `METHODS`, or one text of them with commas between.
        guidance: see `GuidedDecoder`.
        critic: a folder of one, a `Critic`, a regressor with `predict`, or a function from texts to ratings.
        agree: how far off the critic may be, in units of the rating; of ratings that are scaled by rank, a share of
            the ranks.
        budget: texts that a filter may have written for each that is wanted.
        particles: texts that are written side by side for each that is steered.
        extrapolate: allow ratings beyond those that were trained on.
    """

    rating: Any
    methods: Sequence[str] | None = None
    guidance: float | None = None
    critic: Any = None
    tolerance: float | None = None
    budget: int | None = None
    particles: int | None = None
    extrapolate: bool = False
