"""A request for texts with a rating: the rating, and the settings of the methods that reach the rating."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seqloom.config.choices import Method, Rating
from seqloom.config.settings import setting

__all__ = ["RatingRequest"]


@dataclass(frozen=True, kw_only=True)
class RatingRequest:
    """A request for a rating. For each setting that is None, a value is chosen that suits the run and the critic.

    Attributes:
        rating: a number, or numbers and categories by column.
        methods: names from `rating.methods.METHODS`, or one string with commas between the names.
        guidance: guidance scale: multiple of the effect of the rating on the logits, see `GuidedDecoder`.
        critic: folder of a critic, a `Critic`, a regressor with `predict`, or a function from texts to ratings. The
            folder of a rated run is allowed too; the run rates texts by Bayes' rule.
        tolerance: largest accepted difference between the critic's rating and the requested one, in units of the
            rating; for ratings that are scaled by rank, a share of the ranks.
        budget: maximum number of texts that rejection generates per requested text.
        particles: number of texts that sequential Monte Carlo generates in parallel for each requested text.
        extrapolate: whether ratings outside the range of the training data are allowed.
    """

    rating: Rating
    methods: Sequence[Method] | str | None = None
    guidance: float | None = setting(
        None, help="guidance scale; above 1 amplifies the rating, 1.5 is usual, 0 ignores it (1)", at_least=0
    )
    critic: Any = None
    tolerance: float | None = setting(
        None, help="largest accepted distance from the rating, in its units or as a share of ranks (half a step)"
    )
    budget: int | None = setting(
        None, help="maximum number of texts that rejection generates per requested text (20)", at_least=1
    )
    particles: int | None = setting(None, help="texts that smc generates per requested text (16)", at_least=1)
    extrapolate: bool = setting(False, help="allow ratings outside the range of the training data")
