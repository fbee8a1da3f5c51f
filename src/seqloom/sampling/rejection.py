"""Rejection sampling with a critic: generate more texts than requested, and keep those that the critic accepts.

The accepted texts follow the generator's distribution, restricted to texts whose rating is within the tolerance of the
target. `RejectionStats` counts the cost.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from seqloom.config.settings import is_integer, is_number
from seqloom.errors import ConfigError, SeqloomError
from seqloom.sampling.sample import Sample

__all__ = ["Rater", "RejectionFilter", "RejectionStats", "checked_ratings"]

Rater = Callable[[Sequence[str]], Float64[np.ndarray, " texts"]]
"""Function of a critic: return the rating of each text, in the same units as the target."""

_MAX_BATCH = 256
"""Maximum number of texts in a batch. The critic rates a batch after all its texts are generated."""

_MIN_BATCH = 16
"""Minimum number of texts in a batch. The first batch is no larger, so that the first accepted texts arrive soon."""

_BATCH_MARGIN = 1.2
"""Number of texts in a batch, as a multiple of the number that is expected to suffice."""


@dataclass(frozen=True)
class RejectionStats:
    """Cost of rejection sampling.

    Once enough texts are accepted, the rest of the batch does not count.

    Attributes:
        requested: number of requested texts.
        generated: number of generated texts.
        accepted: number of accepted texts.
        tokens: number of generated tokens.
    """

    requested: int
    generated: int
    accepted: int
    tokens: int

    @property
    def acceptance(self) -> float:
        """Accepted share of the generated texts; 0 if none was generated."""
        return self.accepted / self.generated if self.generated else 0.0

    @property
    def tokens_per_accepted(self) -> float | None:
        """Generated tokens per accepted text; None if none was accepted."""
        return self.tokens / self.accepted if self.accepted else None

    @property
    def shortfall(self) -> int:
        """Number of requested texts that are missing, because too few were accepted within the budget."""
        return self.requested - self.accepted


class RejectionFilter:
    """Accept samples whose rating by a critic is close enough to the target, unless they do not match their grammar.

    Args:
        rater: critic.
        target: target rating.
        tolerance: largest accepted distance from the target.
        budget: maximum number of generated texts per requested text.

    Attributes:
        stats: cost of the latest call of `accept` so far.
        ratings: the critic's ratings of all texts that `stats` counts as generated.

    Raises:
        ConfigError: `tolerance` or `budget` is out of range.
    """

    def __init__(self, rater: Rater, target: float, *, tolerance: float, budget: int = 20) -> None:
        if not (is_number(tolerance) and math.isfinite(tolerance) and tolerance > 0):
            raise ConfigError(f"`tolerance` got {tolerance}: choose a number above 0, in the units of the rating")
        if not is_integer(budget, 1):
            raise ConfigError(f"`budget` got {budget}: choose a whole number of texts per requested text, 1 or more")
        self._rater, self._target, self._tolerance, self._budget = rater, target, tolerance, budget
        self.stats = RejectionStats(requested=0, generated=0, accepted=0, tokens=0)
        self.ratings: list[float] = []

    def accept(self, generate: Callable[[int, int], Iterator[Sample]], count: int) -> Iterator[tuple[Sample, float]]:
        """Yield the first accepted samples in order, each with its rating.

        The samples depend only on the seed: a smaller request gets the first samples of a larger one.

        Args:
            generate: function `(index of the first sample, number of samples) -> samples`.
            count: number of requested samples.
        """
        max_generated, accepted, generated, tokens = count * self._budget, 0, 0, 0
        self.stats = RejectionStats(requested=count, generated=0, accepted=0, tokens=0)
        self.ratings = []
        while accepted < count and generated < max_generated:
            batch_size = _batch_size(count - accepted, accepted, generated)
            samples = list(generate(generated, min(max_generated - generated, batch_size)))
            ratings = checked_ratings(self._rater, [sample.text for sample in samples])
            for sample, rating in zip(samples, ratings.tolist(), strict=True):
                generated, tokens = generated + 1, tokens + len(sample.tokens)
                self.ratings.append(rating)
                is_accepted = abs(rating - self._target) <= self._tolerance and sample.matched is not False
                accepted += is_accepted
                self.stats = RejectionStats(count, generated, accepted, tokens)
                if is_accepted:
                    yield sample, rating
                if accepted == count:
                    return


def _batch_size(missing: int, accepted: int, generated: int) -> int:
    """Return the number of texts in the next batch: probably enough for `missing` of them to be accepted.

    The estimate uses the share of accepted texts so far. That share is uncertain at first. Therefore a batch of more
    than `_MIN_BATCH` texts has at most twice as many texts as were generated before it.

    Args:
        missing: number of texts that must still be accepted.
        accepted: number of texts accepted so far.
        generated: number of texts generated so far.
    """
    acceptance = (accepted + 1) / (generated + 2)  # Laplace's rule of succession, so that it is never 0
    limit = min(_MAX_BATCH, max(_MIN_BATCH, 2 * generated))
    return max(_MIN_BATCH, min(limit, math.ceil(_BATCH_MARGIN * missing / acceptance)))


def checked_ratings(rater: Rater, texts: Sequence[str]) -> Float64[np.ndarray, " texts"]:
    """Return a critic's ratings of texts after a check that each is a finite number.

    Raises:
        ConfigError: the critic fails, or does not return one finite number per text.
    """
    try:
        output = rater(texts)
    except (SeqloomError, MemoryError):
        raise
    except Exception as error:
        name = getattr(rater, "__qualname__", type(rater).__name__)
        raise ConfigError(
            f"the critic {name} failed on {len(texts)} texts ({type(error).__name__}: {error}): it must take a list of "
            "texts and return one number for each"
        ) from error
    try:
        ratings = np.asarray(output)
    except ValueError:  # rows of different lengths
        raise ConfigError(
            f"the critic returned {output!r:.60} for {len(texts)} texts: it must return one number per text"
        ) from None
    if ratings.shape != (len(texts),) or ratings.dtype.kind not in "fiu":
        raise ConfigError(
            f"the critic returned {ratings.dtype} of shape {list(ratings.shape)} for {len(texts)} texts: it must "
            "return one number per text"
        )
    if not np.isfinite(ratings).all():
        text = texts[int(np.flatnonzero(~np.isfinite(ratings))[0])]
        raise ConfigError(f"the critic returned NaN or infinity for {text[:40]!r}: it must return a finite number")
    return ratings.astype(np.float64)
