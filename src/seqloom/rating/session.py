"""One rated generation in progress: its plan, its generator, and what it has cost so far."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from jaxtyping import Float64
from numpy import ndarray

from seqloom.config import SamplingConfig
from seqloom.generation.generator import Prompt, TextGenerator
from seqloom.rating.request import RatingRequest
from seqloom.rating.scale import RatingScale
from seqloom.sampling import Sample
from seqloom.sampling.constraints import TokenPredicate
from seqloom.sampling.rejection import Rater, RejectionStats
from seqloom.sampling.sequential_monte_carlo import SteeredSample

__all__ = ["GenerationPlan", "RatedSample", "RatedSession", "Source"]


@dataclass(frozen=True)
class GenerationPlan:
    """How a request is met.

    Attributes:
        methods: names of the methods, in the order of `METHODS`.
        values: condition values for the model, NaN for open columns; None for an unconditional model.
        guidance: guidance scale; 1 is off.
        rater: critic on the unit scale; None without a critic.
        scale: scale of the critic's rating.
        target: target rating; None if only categories are requested.
        tolerance: accepted distance from the target on the unit scale.
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
        effective_size: see `SteeredSample`; None without sequential Monte Carlo.
    """

    sample: Sample
    target: float | None
    predicted: float | None = None
    effective_size: float | None = None


Source = Callable[[int, int], Iterator[RatedSample]]
"""`(first index, count) -> samples`, in order."""


@dataclass(kw_only=True)
class RatedSession:
    """One rated generation.

    Attributes:
        plan: generation plan.
        generator: generator, conditioned as planned.
        prompt: prompt of all texts.
        config: sampling settings.
        guard: constraint against copying the corpus; None if it is off.
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
        """Yield samples of the generator, which no critic has rated."""
        samples = self.generator.generate(
            self.prompt, self.config, count=count, first_index=first_index, guard=self.guard
        )
        for sample in samples:
            yield RatedSample(sample, self.plan.target)
