"""Writing more than is wanted, and keeping what a critic agrees with.

Rejection by an independent regression model leaves what a generator writes as it is, but for the texts that miss
their rating; what it costs is counted and said.
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
"""A critic: the rating of each text, in the units that texts are asked for in."""

_AT_ONCE = 256
"""Texts that are written before the critic is asked, where so many are still needed."""
_AT_FIRST = 16
"""The same at the beginning, so that the first kept ones are there soon; never fewer."""


@dataclass(frozen=True)
class RejectionStats:
    """What filtering cost.

    Attributes:
        wanted: texts that were asked for.
        written: texts that were written.
        kept: those that the critic agreed with.
        tokens: that were written in all.
    """

    wanted: int
    written: int
    kept: int
    tokens: int

    @property
    def acceptance(self) -> float:
        """Share of the texts that were kept; 0 where none was written."""
        return self.kept / self.written if self.written else 0.0

    @property
    def tokens_per_kept(self) -> float | None:
        """What a kept text cost; None where none was kept."""
        return self.tokens / self.kept if self.kept else None

    @property
    def shortfall(self) -> int:
        """Texts that were asked for and could not be found within the budget."""
        return self.wanted - self.kept


class RejectionFilter:
    """Keeps the samples that a critic rates near enough to what was wanted.

    Args:
        rater: the critic.
        rating: that is wanted.
        agree: how far off the critic may be.
        budget: texts that may be written for each one that is wanted.

    Attributes:
        report: of the last call of `keep`, as far as it has come.
        ratings: that the critic gave to what was written in it.

    Raises:
        ConfigError: `agree` or `budget` is out of range.
    """

    def __init__(self, rater: Rater, rating: float, *, agree: float, budget: int = 20) -> None:
        if not (is_number(agree) and math.isfinite(agree) and agree > 0):
            raise ConfigError(f"`tolerance` got {agree}: choose a number above 0, in the units of the rating")
        if not is_integer(budget, 1):
            raise ConfigError(
                f"`budget` got {budget}: choose a whole number from 1 up, of texts for each that is wanted"
            )
        self._rater, self._rating, self._agree, self._budget = rater, rating, agree, budget
        self.report = RejectionStats(0, 0, 0, 0)
        self.ratings: list[float] = []

    def keep(self, write: Callable[[int, int], Iterator[Sample]], count: int) -> Iterator[tuple[Sample, float]]:
        """The first samples that the critic agrees with, in order, and how it rates them.

        Which they are hangs on the seed alone: fewer wanted are the first of more.

        Args:
            write: the samples from an index on, so many of them.
            count: how many are wanted.
        """
        most, kept, written, tokens = count * self._budget, 0, 0, 0
        self.report = RejectionStats(count, 0, 0, 0)
        self.ratings = []
        while kept < count and written < most:
            missing = count - kept
            share = (kept + 1) / (written + 2)
            at_once = min(_AT_ONCE, max(_AT_FIRST, 2 * written))
            number = min(most - written, max(_AT_FIRST, min(at_once, math.ceil(1.2 * missing / share))))
            samples = list(write(written, number))
            ratings = checked_ratings(self._rater, [sample.text for sample in samples])
            for sample, rating in zip(samples, ratings.tolist(), strict=True):
                written, tokens = written + 1, tokens + len(sample.tokens)
                self.ratings.append(rating)
                agreed = abs(rating - self._rating) <= self._agree
                kept += agreed
                self.report = RejectionStats(count, written, kept, tokens)
                if agreed:
                    yield sample, rating
                if kept == count:
                    return


def checked_ratings(rater: Rater, texts: Sequence[str]) -> Float64[np.ndarray, " texts"]:
    """What a critic says of texts, checked.

    Raises:
        ConfigError: it fails, or gives something else than one finite number a text.
    """
    try:
        given = rater(texts)
    except (SeqloomError, MemoryError):
        raise
    except Exception as error:
        name = getattr(rater, "__qualname__", type(rater).__name__)
        raise ConfigError(
            f"the critic {name} failed on {len(texts)} texts ({type(error).__name__}: {error}): it must take a list of "
            "texts and give one number for each"
        ) from error
    try:
        ratings = np.asarray(given)
    except ValueError:  # rows of different lengths
        raise ConfigError(
            f"the critic gave {given!r:.60} for {len(texts)} texts: it must give one number a text"
        ) from None
    if ratings.shape != (len(texts),) or ratings.dtype.kind not in "fiu":
        raise ConfigError(
            f"the critic gave {ratings.dtype} of shape {list(ratings.shape)} for {len(texts)} texts: it must give one "
            "number a text"
        )
    if not np.isfinite(ratings).all():
        wrong = texts[int(np.flatnonzero(~np.isfinite(ratings))[0])]
        raise ConfigError(f"the critic gave NaN or infinity for {wrong[:40]!r}: it must give a finite number")
    return ratings.astype(np.float64)
