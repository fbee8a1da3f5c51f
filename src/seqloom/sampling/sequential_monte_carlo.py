"""Steering: a critic of whole texts leads a model that knows nothing of ratings.

Sequential Monte Carlo (Doucet et al. 2001; Lew et al. 2023 for language models): several texts are written side by side
for each one that is wanted. Now and then the critic rates what there is of each; texts that it disagrees with are
dropped and others copied in their place, in proportion to `exp(-(rating - wanted)^2 / (2 spread^2))`. What comes out
follows the model's own distribution, reweighted by that factor, the more exactly the more texts there are.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from seqloom.config.settings import is_integer, is_number
from seqloom.errors import ConfigError
from seqloom.sampling.particles import ParticleSet, make_particles
from seqloom.sampling.rejection import Rater, checked_ratings
from seqloom.sampling.request import GenerationRequest
from seqloom.sampling.sample import Sample
from seqloom.sampling.sample_builder import SampleBuilder, make_detokenizer

__all__ = ["SmcSteering", "SteeredSample"]

_MOST_LANES = 256

_FARTHEST = 1e6
"""Spreads that a rating may be off; beyond that all are alike."""

_DRAWS = 0x53544545  # "STEE": which copies are made is drawn apart from the tokens


@dataclass(frozen=True)
class SteeredSample:
    """A text that was steered.

    Attributes:
        sample: the text.
        rating: what the critic makes of it.
        effective_size: how many of the texts that were written for it counted, by their weights, when they were last
            looked at before any copying: 1 at least, all of them at most (Kong et al. 1994).
        resamplings: how often texts were dropped and copied.
        tokens: that were written for it.
    """

    sample: Sample
    rating: float
    effective_size: float
    resamplings: int
    tokens: int


@dataclass(frozen=True, kw_only=True)
class SmcSteering:
    """How to steer.

    Attributes:
        rater: the critic.
        rating: that is wanted.
        spread: how far off a rating may be before it tells, in the rating's units.
        particles: texts that are written for each one that is wanted.
        every: tokens between two looks at them.

    Raises:
        ConfigError: a number is out of range.
    """

    rater: Rater
    rating: float
    spread: float
    particles: int = 16
    every: int = 12

    def __post_init__(self) -> None:
        faults = []
        if not (is_number(self.spread) and math.isfinite(self.spread) and self.spread > 0):
            faults.append(f"`tolerance` got {self.spread}: choose a number above 0, in the units of the rating")
        if not (is_integer(self.particles, 2) and self.particles <= _MOST_LANES):
            faults.append(f"`particles` got {self.particles}: choose 2 to {_MOST_LANES}; 16 is usual")
        if self.every < 1:
            faults.append(f"`every` got {self.every}: choose 1 or more tokens")
        if faults:
            raise ConfigError(*faults)

    def write(self, job: GenerationRequest, first_index: int, count: int) -> Iterator[SteeredSample]:
        """Write texts one after another; each depends on the seed and its own index alone.

        Args:
            job: the request.
            first_index: of the texts.
            count: how many.
        """
        groups = max(1, _MOST_LANES // self.particles)
        for first in range(first_index, first_index + count, groups):
            yield from self._together(job, first, min(groups, first_index + count - first))

    def _together(self, job: GenerationRequest, first: int, groups: int) -> Iterator[SteeredSample]:
        """The texts of some groups, which are written at once."""
        flock = make_particles(job, groups * self.particles, first * self.particles)
        runs = [_Group(job.config.seed, first + group, self.particles) for group in range(groups)]
        while any(member.reason is None for member in flock.members):
            before = [len(member.nats) for member in flock.members]
            flock.advance(self.every)
            ratings = self._ratings(job, flock)
            ancestors = np.arange(len(flock.members))
            for number, run in enumerate(runs):
                places = slice(number * self.particles, (number + 1) * self.particles)
                mine = flock.members[places]
                run.tokens += sum(len(member.nats) for member in mine) - sum(before[places])
                run.weigh(self._potentials(ratings[places]), ratings[places])
                if any(member.reason is None for member in mine):
                    ancestors[places] = places.start + run.resampled()
            if not np.array_equal(ancestors, np.arange(len(ancestors))):
                flock.reorder(ancestors)
        for number, run in enumerate(runs):
            yield self._chosen(job, flock, first, number, run)

    def _ratings(self, job: GenerationRequest, flock: ParticleSet) -> Float64[np.ndarray, " members"]:
        spell = make_detokenizer(job.token_bytes, job.boundary)
        texts = [spell(np.array(member.tokens, np.int32)).decode("utf-8", "replace") for member in flock.members]
        return checked_ratings(self.rater, texts)

    def _potentials(self, ratings: Float64[np.ndarray, " particles"]) -> Float64[np.ndarray, " particles"]:
        """The logarithm of the factor that each text counts by; what is absurdly far off stays finite."""
        with np.errstate(over="ignore"):
            off = (ratings - self.rating) / self.spread
        return np.asarray(-(np.clip(off, -_FARTHEST, _FARTHEST) ** 2) / 2)

    def _chosen(
        self, job: GenerationRequest, flock: ParticleSet, first: int, number: int, run: "_Group"
    ) -> SteeredSample:
        """One text of a group, drawn by its weight."""
        place = run.drawn()
        member = flock.members[number * self.particles + place]
        draft = SampleBuilder(
            first + number,
            job.config.seed,
            job.stops,
            job.config.min_length,
            make_detokenizer(job.token_bytes, job.boundary),
        )
        draft.add(np.array(member.tokens, np.int32), np.array(member.nats).reshape(-1, 2).T)
        assert member.reason is not None
        _, sample = draft.finish(member.reason)
        return SteeredSample(sample, float(run.ratings[place]), run.effective_size, run.resamplings, run.tokens)


class _Group:
    """The weights of the texts that are written for one."""

    def __init__(self, seed: int, index: int, particles: int) -> None:
        self._random = np.random.Generator(np.random.Philox(key=np.array([seed ^ _DRAWS, index], np.uint64)))
        self._log_weights = np.zeros(particles)
        self._potentials = np.zeros(particles)
        self.ratings = np.zeros(particles)
        self.effective_size = float(particles)
        self.resamplings = 0
        self.tokens = 0

    def weigh(self, potentials: Float64[np.ndarray, " particles"], ratings: Float64[np.ndarray, " particles"]) -> None:
        """Take account of what the critic says now in place of what it said before."""
        self._log_weights += potentials - self._potentials
        self._potentials, self.ratings = potentials, ratings
        weights = self._weights()
        self.effective_size = float(1 / (weights**2).sum())

    def resampled(self) -> Int[np.ndarray, " particles"]:
        """Whose copies go on: those of weight where few of them count, else each its own (Kitagawa 1996)."""
        count = len(self._log_weights)
        if self.effective_size >= count / 2:
            return np.arange(count)
        ends = np.cumsum(self._weights())
        ancestors = np.searchsorted(ends, (np.arange(count) + self._random.random()) / count * ends[-1], side="right")
        ancestors = np.minimum(ancestors, count - 1).astype(np.int64)
        self._potentials, self.ratings = self._potentials[ancestors], self.ratings[ancestors]
        self._log_weights = np.zeros(count)
        self.resamplings += 1
        return np.asarray(ancestors)

    def drawn(self) -> int:
        """One of them, by weight."""
        return int(self._random.choice(len(self._log_weights), p=self._weights()))

    def _weights(self) -> Float64[np.ndarray, " particles"]:
        weights = np.exp(self._log_weights - self._log_weights.max())
        weights /= weights.sum()
        return np.asarray(weights)
