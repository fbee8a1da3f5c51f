"""Sequential Monte Carlo: a critic of whole texts steers a model that does not know the rating.

For each requested text, a group of several texts, the particles, is generated in parallel (Doucet et al. 2001; Lew et
al. 2023 for language models). At intervals, the critic rates all particles. A particle gets the weight
`exp(-(rating - target)^2 / (2 spread^2))`. Resampling replaces particles of low weight by copies of others. At the end,
one particle of each group is drawn by weight. The result approximates the distribution of the model multiplied by that
weight; the approximation improves with the number of particles.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int

from seqloom.config.settings import is_integer, is_number
from seqloom.errors import ConfigError
from seqloom.sampling.particles import Particle, ParticleSet, make_particles
from seqloom.sampling.rejection import Rater, checked_ratings
from seqloom.sampling.request import GenerationRequest
from seqloom.sampling.sample import Sample
from seqloom.sampling.sample_builder import SampleBuilder, make_detokenizer

__all__ = ["SmcSteering", "SteeredSample"]

_MAX_PARTICLES = 256
"""Maximum number of particles that are generated in parallel, in one group or in several groups together."""

_MAX_DEVIATION = 1e6
"""Deviations from the target, in multiples of the spread, are clipped to this, so that weights stay finite."""

_UNMATCHED_LOG_WEIGHT = -1e15
"""Logarithm of the weight of a text that does not match its grammar: below that of every rating, and finite."""

_SALT = 0x53544545
"""The letters "STEE", a part of the key of the random numbers for resampling: makes them independent of token draws."""


@dataclass(frozen=True)
class SteeredSample:
    """A sample from sequential Monte Carlo.

    Attributes:
        sample: generated sample.
        rating: the critic's rating of the text.
        effective_size: effective number of particles of the group at the last rating: from 1, if one particle has all
            the weight, to the number of particles, if all weights are equal (Kong et al. 1994).
        resamplings: number of resamplings of the group.
        tokens: number of tokens generated for all particles of the group.
    """

    sample: Sample
    rating: float
    effective_size: float
    resamplings: int
    tokens: int


@dataclass(frozen=True, kw_only=True)
class SmcSteering:
    """Steering by sequential Monte Carlo.

    Attributes:
        rater: critic.
        target: target rating, in the critic's units.
        spread: standard deviation of the weight around the target, in the critic's units.
        particles: number of particles per requested text.
        interval: number of tokens that are generated between two ratings of the critic.

    Raises:
        ConfigError: a number is out of range.
    """

    rater: Rater
    target: float
    spread: float
    particles: int = 16
    interval: int = 12

    def __post_init__(self) -> None:
        faults = []
        if not (is_number(self.spread) and math.isfinite(self.spread) and self.spread > 0):
            # Users set the spread by `tolerance`.
            faults.append(f"`tolerance` got {self.spread}: choose a number above 0, in the units of the rating")
        if not (is_integer(self.particles, 2) and self.particles <= _MAX_PARTICLES):
            faults.append(f"`particles` got {self.particles}: choose 2 to {_MAX_PARTICLES}; 16 is usual")
        if self.interval < 1:
            faults.append(f"interval got {self.interval}: choose 1 or more tokens")
        if faults:
            raise ConfigError(*faults)

    def generate(self, request: GenerationRequest, first_index: int, count: int) -> Iterator[SteeredSample]:
        """Yield samples in the order of their indices. A sample depends on its index and the seed, not on others.

        Args:
            request: generation request.
            first_index: index of the first sample.
            count: number of samples.
        """
        num_groups = max(1, _MAX_PARTICLES // self.particles)
        for first in range(first_index, first_index + count, num_groups):
            yield from self._generate_groups(request, first, min(num_groups, first_index + count - first))

    def _generate_groups(self, request: GenerationRequest, first_index: int, count: int) -> Iterator[SteeredSample]:
        """Generate `count` samples in parallel, with a group of particles for each."""
        particle_set = make_particles(request, count * self.particles, first_index * self.particles)
        groups = [_Group(request.config.seed, first_index + number, self.particles) for number in range(count)]
        while any(particle.finish_reason is None for particle in particle_set.particles):
            num_drawn_before = [len(particle.log_probs) for particle in particle_set.particles]
            particle_set.advance(self.interval)
            ratings = self._rate(request, particle_set)
            ancestors = np.arange(len(particle_set.particles))
            for number, group in enumerate(groups):
                slots = slice(number * self.particles, (number + 1) * self.particles)
                members = particle_set.particles[slots]
                group.tokens += sum(len(particle.log_probs) for particle in members) - sum(num_drawn_before[slots])
                log_weights = self._log_weights(ratings[slots]) + _grammar_log_weights(request, members)
                group.weigh(log_weights, ratings[slots])
                if any(particle.finish_reason is None for particle in members):
                    ancestors[slots] = slots.start + group.resample()
            if not np.array_equal(ancestors, np.arange(len(ancestors))):
                particle_set.reorder(ancestors)
        for number, group in enumerate(groups):
            members = particle_set.particles[number * self.particles : (number + 1) * self.particles]
            drawn = group.draw()
            yield _steered_sample(request, first_index + number, members[drawn], group, float(group.ratings[drawn]))

    def _rate(self, request: GenerationRequest, particle_set: ParticleSet) -> Float64[np.ndarray, " particles"]:
        detokenize = make_detokenizer(request.token_bytes, request.boundary)
        data = [detokenize(np.array(particle.tokens, np.int32)) for particle in particle_set.particles]
        texts = [piece.removeprefix(request.first_token_prefix).decode("utf-8", "replace") for piece in data]
        return checked_ratings(self.rater, texts)

    def _log_weights(self, ratings: Float64[np.ndarray, " particles"]) -> Float64[np.ndarray, " particles"]:
        """Return the logarithm of each particle's weight."""
        with np.errstate(over="ignore"):
            deviations = (ratings - self.target) / self.spread
        return np.asarray(-(np.clip(deviations, -_MAX_DEVIATION, _MAX_DEVIATION) ** 2) / 2)


def _grammar_log_weights(
    request: GenerationRequest, particles: Sequence[Particle]
) -> Float64[np.ndarray, " particles"]:
    """Return 0 for each particle, or a large negative number for one that ended before it matched the grammar."""
    if request.config.text_grammar is None:
        return np.zeros(len(particles))
    is_unmatched = [
        particle.finish_reason is not None and _sample(request, 0, particle).matched is False for particle in particles
    ]
    return np.where(is_unmatched, _UNMATCHED_LOG_WEIGHT, 0.0)


def _steered_sample(
    request: GenerationRequest, index: int, particle: Particle, group: "_Group", rating: float
) -> SteeredSample:
    """Return a particle as the sample of its group."""
    sample = _sample(request, index, particle)
    return SteeredSample(sample, rating, group.effective_size, group.resamplings, group.tokens)


def _sample(request: GenerationRequest, index: int, particle: Particle) -> Sample:
    """Return a finished particle as a sample; the text is cut before a stop string."""
    builder = SampleBuilder(
        index=index,
        seed=request.config.seed,
        stops=request.stops,
        min_length=request.config.min_length,
        detokenize=make_detokenizer(request.token_bytes, request.boundary),
        first_token_prefix=request.first_token_prefix,
        text_before=request.text_before,
    )
    builder.add(np.array(particle.tokens, np.int32), np.array(particle.log_probs).reshape(-1, 2).T)
    assert particle.finish_reason is not None
    _, sample = builder.finish(particle.finish_reason)
    return sample.marked(request.matches(sample.text, sample.tokens))


class _Group:
    """The weights of one sample's particles.

    Args:
        seed: seed of the request.
        index: index of the sample.
        particles: number of particles.
    """

    def __init__(self, seed: int, index: int, particles: int) -> None:
        self._random = np.random.Generator(np.random.Philox(key=np.array([seed ^ _SALT, index], np.uint64)))
        self._log_weights = np.zeros(particles)  # since the last resampling
        self._log_rating_weights = np.zeros(particles)  # of the latest rating alone
        self.ratings = np.zeros(particles)
        self.effective_size = float(particles)
        self.resamplings = 0
        self.tokens = 0

    def weigh(
        self, log_rating_weights: Float64[np.ndarray, " particles"], ratings: Float64[np.ndarray, " particles"]
    ) -> None:
        """Replace the weight of each particle's previous rating by the weight of its new rating.

        Resampling turns weights into numbers of copies, and makes all weights equal. From then on, the weight of a
        particle is the weight of its new rating, divided by the weight of its rating at the resampling, since the
        number of copies already accounts for the weight at the resampling.

        Args:
            log_rating_weights: logarithm of the weight of each new rating.
            ratings: new rating of each particle.
        """
        self._log_weights += log_rating_weights - self._log_rating_weights
        self._log_rating_weights, self.ratings = log_rating_weights, ratings
        weights = self._weights()
        self.effective_size = float(1 / (weights**2).sum())

    def resample(self) -> Int[np.ndarray, " particles"]:
        """Return the ancestor of each particle: the number of the particle that it becomes a copy of.

        Particles stay as they are while the effective size is at least half of their number. Otherwise they are
        resampled systematically (Kitagawa 1996).
        """
        count = len(self._log_weights)
        if self.effective_size >= count / 2:
            return np.arange(count)
        cumulative_weights = np.cumsum(self._weights())
        ancestors = np.searchsorted(
            cumulative_weights,
            (np.arange(count) + self._random.random()) / count * cumulative_weights[-1],
            side="right",
        )
        ancestors = np.minimum(ancestors, count - 1).astype(np.int64)
        self._log_rating_weights, self.ratings = self._log_rating_weights[ancestors], self.ratings[ancestors]
        self._log_weights = np.zeros(count)
        self.resamplings += 1
        return np.asarray(ancestors)

    def draw(self) -> int:
        """Draw a particle by weight, and return its number in the group."""
        return int(self._random.choice(len(self._log_weights), p=self._weights()))

    def _weights(self) -> Float64[np.ndarray, " particles"]:
        """Return the weights, with sum 1."""
        weights = np.exp(self._log_weights - self._log_weights.max())
        weights /= weights.sum()
        return np.asarray(weights)
