"""A request for a rating, and the methods of rating control."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seqloom.config.choices import Method, Rating
from seqloom.config.settings import setting

__all__ = ["RatingRequest"]


@dataclass(frozen=True, kw_only=True)
class RatingRequest:
    """A request for a rating; None is chosen.

    Attributes:
        rating: a number, or numbers and categories by column.
        methods: names from `rating.methods.METHODS`, or one text with commas between them.
        guidance: guidance scale, see `GuidedDecoder`.
        critic: folder of a critic or a rated run, a `Critic`, a regressor with `predict`, or a function from texts to
            ratings.
        tolerance: largest difference between the critic's rating and the requested one, in units of the rating; for
            ratings that are scaled by rank, a share of the ranks.
        budget: candidates generated at most for each text that rejection keeps.
        particles: particles of sequential Monte Carlo for each text.
        extrapolate: whether ratings outside the range of the training data are allowed.
    """

    rating: Rating
    methods: Sequence[Method] | str | None = None
    guidance: float | None = setting(
        None, help="guidance scale; above 1 amplifies the rating, 1.5 is usual, 0 leaves it out (1)", at_least=0
    )
    critic: Any = None
    tolerance: float | None = setting(
        None, help="largest error of the critic, in units of the rating, or of its ranks (half a step)"
    )
    budget: int | None = setting(None, help="candidates at most for each text that rejection keeps (20)", at_least=1)
    particles: int | None = setting(None, help="particles of smc for each text (16)", at_least=1)
    extrapolate: bool = setting(False, help="allow ratings outside the range of the training data")
