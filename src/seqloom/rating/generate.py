"""Generate text for a rating: conditions, guidance, rejection, steering, and any combination of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from seqloom.config import SamplingConfig
from seqloom.generation.generator import Prompt, TextGenerator
from seqloom.generation.run_generators import RunGenerators
from seqloom.rating.plan import GenerationPlan, check_draws, make_plan
from seqloom.rating.request import RatingRequest
from seqloom.sampling import Sample
from seqloom.sampling.constraints import TokenPredicate
from seqloom.sampling.rejection import RejectionFilter, RejectionStats
from seqloom.sampling.sequential_monte_carlo import SmcSteering, SteeredSample

__all__ = ["RatedGeneration", "RatedSample", "generate_rated"]

_SPREAD = 0.5
"""Standard deviation that steering allows, as a share of what a critic may be off."""


@dataclass(frozen=True)
class RatedSample:
    """A text that was written to a rating.

    Attributes:
        sample: the text.
        wanted: the rating that was asked for; None where only categories were.
        predicted: what the critic makes of it; None where there is no critic.
        effective_size: see `Steered`; None where nothing was steered.
    """

    sample: Sample
    wanted: float | None
    predicted: float | None = None
    effective_size: float | None = None


@dataclass
class RatedGeneration:
    """Texts one after another, each as soon as it is known to be kept; remembers what they cost.

    Attributes:
        plan: how they are written.
        writer: told what the plan says.
        prompt: that they go on from.
        config: how tokens are drawn.
        count: how many are wanted; a filter gives fewer where its budget ends.
        guard: keeps them from copying the corpus; None where that is off.
        report: of the filter, as far as it has come; None without one.
        found: the ratings that the critic gave to all that the filter had written, between which nine tenths of them
            lie; None before the end, and without a filter.
        steered: tokens, resamplings and effective sizes of the steered texts so far.
    """

    plan: GenerationPlan
    writer: TextGenerator
    prompt: Prompt
    config: SamplingConfig
    count: int
    guard: TokenPredicate | None = None
    report: RejectionStats | None = None
    found: tuple[float, float] | None = None
    steered: list[SteeredSample] = field(default_factory=list)

    def __iter__(self) -> Iterator[RatedSample]:
        """Write them."""
        plan, writer, prompt, config, count = self.plan, self.writer, self.prompt, self.config, self.count
        if plan.rater is None:
            for sample in writer.generate(prompt, config, count=count, guard=self.guard):
                yield RatedSample(sample, plan.wanted)
            return
        sizes: dict[int, float] = {}

        def some(first: int, number: int) -> Iterator[Sample]:
            if "smc" not in plan.methods:
                yield from writer.generate(prompt, config, count=number, first_index=first, guard=self.guard)
                return
            for steered in self._steering().write(writer.request(prompt, config, self.guard), first, number):
                self.steered.append(steered)
                sizes[steered.sample.index] = steered.effective_size
                yield steered.sample

        if "rejection" not in plan.methods:
            for sample in some(0, count):
                rating = self.steered[-1].rating
                yield self._rated(sample, rating, sizes)
            return
        assert plan.wanted is not None
        assert plan.request.budget is not None
        chosen = RejectionFilter(
            plan.rater, plan.scale.to_unit(plan.wanted), agree=plan.tolerance, budget=plan.request.budget
        )
        try:
            for sample, rating in chosen.keep(some, count):
                self.report = chosen.report
                yield self._rated(sample, rating, sizes)
        finally:
            self.report = chosen.report
            if chosen.ratings:
                low, high = np.quantile(chosen.ratings, [0.05, 0.95]).tolist()
                self.found = plan.scale.from_unit(low), plan.scale.from_unit(high)

    def _steering(self) -> SmcSteering:
        plan = self.plan
        assert plan.rater is not None
        assert plan.wanted is not None
        assert plan.request.particles is not None
        return SmcSteering(
            rater=plan.rater,
            rating=plan.scale.to_unit(plan.wanted),
            spread=plan.tolerance * _SPREAD,
            particles=plan.request.particles,
        )

    def _rated(self, sample: Sample, level: float, sizes: dict[int, float]) -> RatedSample:
        return RatedSample(sample, self.plan.wanted, self.plan.scale.from_unit(level), sizes.get(sample.index))


def generate_rated(
    generators: RunGenerators,
    request: RatingRequest,
    config: SamplingConfig,
    *,
    prompt: str = "",
    count: int = 1,
    stateful: bool | None = None,
    precision: str | None = None,
    skip_unknown: bool = False,
) -> RatedGeneration:
    """Prepare the generation of texts for a rating.

    Args:
        generators: generators of the run.
        request: requested rating and methods.
        config: sampling settings.
        prompt: text to continue.
        count: number of texts.
        stateful: see `GeneratorFactory`.
        precision: see `GeneratorFactory`.
        skip_unknown: skip symbols of the prompt outside the vocabulary.

    Returns:
        An iterable of texts with the critic's ratings; it records the cost.

    Raises:
        ConfigError: the request contradicts itself, the sampling settings or the run.
    """
    run = generators.run
    plan = make_plan(request, run.config.conditions)
    check_draws(plan, config)
    factory = generators.factory(stateful, precision)
    writer = factory.unconditional if plan.values is None else factory.conditioned(plan.values, plan.guidance)
    read = writer.prompt(run.normalize(prompt), skip_unknown=skip_unknown)
    return RatedGeneration(plan, writer, read, config, count, generators.copy_guard(config))
