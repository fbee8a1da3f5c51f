"""One rated generation in progress: its plan, its generator, and what it has cost so far.

The unit scale is a position from 0 to 1 within the range of a rating (see `rating.scale`).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from jaxtyping import Float64
from numpy import ndarray

from seqloom.config import SamplingConfig
from seqloom.generation.generator import Prompt, TextGenerator
from seqloom.generation.matching_samples import matching
from seqloom.rating.request import RatingRequest
from seqloom.rating.scale import RatingScale
from seqloom.sampling import Sample
from seqloom.sampling.constraints import TokenPredicate
from seqloom.sampling.rejection import Rater, RejectionStats
from seqloom.sampling.sequential_monte_carlo import SteeredSample

__all__ = ["GenerationPlan", "RatedSample", "RatedSession", "Source"]


@dataclass(frozen=True)
class GenerationPlan:
    """The decisions on how to meet a request.

    Attributes:
        methods: names of the methods, in the order of `METHODS`.
        values: rating or category index that the model receives for each column, NaN for columns without a request;
            None if the model receives nothing.
        guidance: guidance scale; 1 is off.
        rater: function of the critic from texts to ratings on the unit scale; None without a critic.
        scale: conversion between the user's units and the unit scale.
        target: requested rating, in the user's units; None if only categories are requested.
        tolerance: largest accepted distance from the target, on the unit scale; 0 without a critic.
        request: the request, with all defaults filled in; settings that no method uses are None.
    """

    methods: tuple[str, ...]
    values: Float64[ndarray, " columns"] | None
    guidance: float
    rater: Rater | None
    scale: RatingScale
    target: float | None
    tolerance: float
    request: RatingRequest


@dataclass(frozen=True)
class RatedSample:
    """A text that was generated for a rating.

    Attributes:
        sample: generated sample.
        target: requested rating; None if only categories were requested.
        predicted: the critic's rating; None without a critic.
        effective_size: effective number of particles, see `SteeredSample`; None without sequential Monte Carlo.
    """

    sample: Sample
    target: float | None
    predicted: float | None = None
    effective_size: float | None = None


Source = Callable[[int, int], Iterator[RatedSample]]
"""Function `(index of the first sample, number of samples) -> samples`, in order."""


@dataclass(kw_only=True)
class RatedSession:
    """One rated generation.

    Attributes:
        plan: generation plan.
        generator: generator, conditioned on the values of the plan.
        prompt: prompt of all texts.
        config: sampling settings.
        guard: function that decides whether a token may follow, to prevent copies of the corpus; None if copies are
            allowed.
        rejection_stats: cost of rejection so far; None without rejection.
        rating_range: the 5 % and 95 % quantiles of the critic's ratings of all texts that rejection generated; None
            before the end, and without rejection.
        steered: samples of sequential Monte Carlo so far.
    """

    plan: GenerationPlan
    generator: TextGenerator
    prompt: Prompt
    config: SamplingConfig
    guard: TokenPredicate | None = None
    rejection_stats: RejectionStats | None = None
    rating_range: tuple[float, float] | None = None
    steered: list[SteeredSample] = field(default_factory=list)

    def samples(self, first_index: int, count: int) -> Iterator[RatedSample]:
        """Yield plain samples of the generator, without ratings of a critic."""

        def draw(first_index: int, count: int) -> Iterator[Sample]:
            return self.generator.generate(
                self.prompt, self.config, count=count, first_index=first_index, guard=self.guard
            )

        for sample in matching(draw, count, first_index):
            yield RatedSample(sample, self.plan.target)
