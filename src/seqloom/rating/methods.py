"""The methods that reach a rating. A method is one class here and one line of `METHODS`; methods combine freely.

A method acts in up to three ways: the model receives the rating (`conditions_model`), texts are selected or generated
differently (`source`), and sampling settings that contradict the method are refused (`sampling_checks`). A source of
texts is a function from the first index and the number of samples to these samples. A critic is a function that rates
texts. The unit scale is a position from 0 to 1 within the range of a rating (see `rating.scale`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from seqloom.config import SamplingConfig
from seqloom.config.base import Check
from seqloom.data.conditions import Conditions
from seqloom.rating.request import RatingRequest
from seqloom.rating.session import RatedSample, RatedSession, Source
from seqloom.sampling import Sample
from seqloom.sampling.rejection import RejectionFilter
from seqloom.sampling.sequential_monte_carlo import SmcSteering

__all__ = ["METHODS", "Conditioning", "Guidance", "RatingMethod", "Rejection", "SequentialMonteCarlo"]

_SPREAD_PER_TOLERANCE = 0.5
"""Standard deviation of the weight in sequential Monte Carlo, a Gaussian around the target, per unit of tolerance."""


class RatingMethod:
    """A method to reach a rating; the members of this base class change nothing.

    Attributes:
        conditions_model: whether the model receives the rating.
        needs_critic: whether the method needs a critic.
        settings: fields of `RatingRequest` that only this method uses, with their defaults.
        neutral: values of these settings that are allowed without the method, because they have no effect.
    """

    conditions_model: bool = False
    needs_critic: bool = False
    settings: ClassVar[Mapping[str, float]] = {}
    neutral: ClassVar[Mapping[str, float]] = {}

    def is_implied(self, request: RatingRequest, conditions: Conditions) -> bool:
        """Return whether a request that names no methods uses this method."""
        return False

    def sampling_checks(self, config: SamplingConfig, methods: str) -> Iterator[Check]:
        """Yield checks of the sampling settings.

        Args:
            config: sampling settings.
            methods: names of all methods of the request, separated by commas, for messages.
        """
        yield from ()

    def source(self, session: RatedSession, source: Source) -> Source:
        """Return the source of texts with this method.

        Args:
            session: generation in progress, in which the method records its cost.
            source: source without this method.
        """
        return source


class Conditioning(RatingMethod):
    """The model receives the rating."""

    conditions_model = True

    def is_implied(self, request: RatingRequest, conditions: Conditions) -> bool:
        """Return True if the model was trained with ratings, or if there is no critic to use instead."""
        return len(conditions) > 0 or request.critic is None


class Guidance(RatingMethod):
    """Classifier-free guidance: amplify the effect of the rating on the logits (Ho and Salimans 2022)."""

    conditions_model = True
    settings: ClassVar[Mapping[str, float]] = {"guidance": 1.5}
    neutral: ClassVar[Mapping[str, float]] = {"guidance": 1}

    def is_implied(self, request: RatingRequest, conditions: Conditions) -> bool:
        """Return whether the request has a guidance scale that has an effect."""
        return request.guidance not in (None, 1)


class _CriticMethod(RatingMethod):
    """A method with a critic, which can choose only among texts that differ from each other."""

    needs_critic = True

    def sampling_checks(self, config: SamplingConfig, methods: str) -> Iterator[Check]:
        """Yield a check for each setting that makes all texts equal."""
        identical = f"and `methods` {methods} contradict each other: the critic cannot choose among identical texts"
        yield (
            config.beam < 2,
            f"`beam` {config.beam} and `methods` {methods} contradict each other: the critic chooses among random "
            "texts, and a beam search draws none; leave out `beam`, or `critic`",
        )
        yield (
            config.beam > 1 or config.temperature > 0,  # the check above already refuses a beam search
            f"`temperature` 0 {identical}; choose a higher temperature (1 is usual), or leave out `critic`",
        )
        yield config.top_k != 1, f"`top_k` 1 {identical}; choose a larger number (0 is off), or leave out `critic`"


class Rejection(_CriticMethod):
    """Generate more texts than requested, and drop those that the critic rates too far from the requested rating."""

    settings: ClassVar[Mapping[str, float]] = {"budget": 20}

    def is_implied(self, request: RatingRequest, conditions: Conditions) -> bool:
        """Return whether there is a critic."""
        return request.critic is not None

    def source(self, session: RatedSession, source: Source) -> Source:
        """Return a source of accepted texts; its first index must be 0."""

        def accepted(first_index: int, count: int) -> Iterator[RatedSample]:
            assert first_index == 0, "how many candidates precede a later text is unknown"
            plan = session.plan
            assert plan.rater is not None
            assert plan.target is not None
            assert plan.request.budget is not None
            target = plan.scale.to_unit(plan.target)  # the critic's ratings are on the unit scale, too
            rejection = RejectionFilter(plan.rater, target, tolerance=plan.tolerance, budget=plan.request.budget)
            candidates: dict[int, RatedSample] = {}

            def generate(first_candidate: int, num_candidates: int) -> Iterator[Sample]:
                for candidate in source(first_candidate, num_candidates):
                    candidates[candidate.sample.index] = candidate
                    yield candidate.sample

            try:
                for sample, unit_rating in rejection.accept(generate, count):
                    session.rejection_stats = rejection.stats
                    yield replace(candidates[sample.index], predicted=plan.scale.from_unit(unit_rating))
            finally:  # also if the caller stops before the last text
                session.rejection_stats = rejection.stats
                if rejection.ratings:
                    low, high = np.quantile(rejection.ratings, [0.05, 0.95]).tolist()
                    session.rating_range = plan.scale.from_unit(low), plan.scale.from_unit(high)

        return accepted


class SequentialMonteCarlo(_CriticMethod):
    """Steer the model by a critic, which rates unfinished texts during generation; see `SmcSteering`."""

    settings: ClassVar[Mapping[str, float]] = {"particles": 16}

    def sampling_checks(self, config: SamplingConfig, methods: str) -> Iterator[Check]:
        """Yield the checks of every method with a critic, and one that refuses a watermark."""
        yield from super().sampling_checks(config, methods)
        yield (
            config.watermark is None,
            "`watermark` and `methods` smc contradict each other: smc copies unfinished texts and continues each copy "
            "differently, but a watermark continues equal texts identically; leave out one of the two (rejection can "
            "be combined with a watermark)",
        )

    def source(self, session: RatedSession, source: Source) -> Source:
        """Return a source of steered texts; it replaces `source`, since it generates with the model itself."""

        def steered(first_index: int, count: int) -> Iterator[RatedSample]:
            plan = session.plan
            assert plan.rater is not None
            assert plan.target is not None
            assert plan.request.particles is not None
            steering = SmcSteering(
                rater=plan.rater,
                target=plan.scale.to_unit(plan.target),
                spread=plan.tolerance * _SPREAD_PER_TOLERANCE,
                particles=plan.request.particles,
            )
            request = session.generator.request(session.prompt, session.config, session.guard)
            for result in steering.generate(request, first_index, count):
                session.steered.append(result)
                predicted = plan.scale.from_unit(result.rating)
                yield RatedSample(result.sample, plan.target, predicted, result.effective_size)

        return steered


METHODS: dict[str, RatingMethod] = {
    "conditioning": Conditioning(),
    "guidance": Guidance(),
    "rejection": Rejection(),
    "smc": SequentialMonteCarlo(),
}
"""The methods by name.

The order matters: the source of plain samples first passes through the last method, and at the end through the first.
Therefore rejection selects among the texts of sequential Monte Carlo if both are used.
"""
