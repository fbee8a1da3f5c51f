"""From a request for a rating to a generation plan: conditioning, guidance, and the critic's part."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from jaxtyping import Float64

from seqloom.config import SamplingConfig, validate
from seqloom.config.choices import Method
from seqloom.config.settings import is_number
from seqloom.critic.load import resolve_critic
from seqloom.data.conditions import Conditions, Scale
from seqloom.errors import ConfigError
from seqloom.rating.request import METHODS, RatingRequest
from seqloom.registry import unknown_name
from seqloom.sampling.rejection import Rater, checked_ratings

__all__ = ["GenerationPlan", "check_draws", "make_plan"]

USUAL_GUIDANCE = 1.5
_USUAL_BUDGET, _USUAL_PARTICLES = 20, 16
_USUAL_RANKS = 0.1
"""How far off a critic may be where ratings are scaled by rank, unless it is said."""
_USUAL_RANGE = 0.1
"""The same where there are too many ratings to speak of steps, as a share of their range."""


@dataclass(frozen=True)
class GenerationPlan:
    """How a request is met.

    Attributes:
        methods: in the order of `METHODS`.
        values: what the model is told, NaN for what is left open; None where it is told nothing.
        guidance: 1 for none.
        rater: the critic, on the scale's levels; None where there is none.
        scale: of the rating that the critic speaks of.
        wanted: that rating; None where only categories are wanted.
        tolerance: how far off the critic may be, on the scale's levels.
        request: what was asked, with what was chosen for it; None only where a setting has no part in the methods.
    """

    methods: tuple[str, ...]
    values: Float64[np.ndarray, " columns"] | None
    guidance: float
    rater: Rater | None
    scale: "RatingScale"
    wanted: float | None
    tolerance: float
    request: RatingRequest


@dataclass(frozen=True)
class RatingScale:
    """A rating's scale, or none: then its levels are the ratings themselves."""

    scale: Scale | None

    def to_unit(self, rating: float) -> float:
        return rating if self.scale is None else float(self.scale.to_unit(np.array([rating]))[0])

    def from_unit(self, level: float) -> float:
        return level if self.scale is None else float(self.scale.from_unit(np.array([level]))[0])

    def rater(self, rate: Callable[[Sequence[str]], Any]) -> Rater:
        if self.scale is None:
            return rate
        scale = self.scale
        return lambda texts: scale.to_unit(checked_ratings(rate, texts))

    def default_tolerance(self) -> float:
        """What a critic is allowed to be off where a person says nothing, as a person says it."""
        if self.scale is None:
            return 1.0
        if self.scale.heavy:
            return _USUAL_RANKS
        knots = self.scale.knots
        return float(min(np.diff(knots)) / 2 if self.scale.is_discrete else _USUAL_RANGE * (knots[-1] - knots[0]))

    def tolerance(self, wanted: float) -> float:
        """From what a person says to levels."""
        scale = self.scale
        if scale is None or scale.heavy:
            return wanted
        return float(wanted / (scale.knots[-1] - scale.knots[0]))


def make_plan(request: RatingRequest, conditions: Conditions) -> GenerationPlan:
    """Decide how to meet a request.

    Args:
        request: what is asked.
        conditions: of the run; none for one that was trained without ratings.

    Raises:
        ConfigError: it contradicts itself or the run; one line for each fault.
    """
    methods = _methods(request, conditions)
    told = bool({"conditioning", "guidance"} & set(methods))
    guidance = request.guidance if request.guidance is not None else USUAL_GUIDANCE if "guidance" in methods else 1.0
    request = replace(request, methods=cast("tuple[Method, ...]", methods), guidance=guidance if told else None)
    if not {"rejection", "smc"} & set(methods):
        return GenerationPlan(
            methods,
            conditions.encode_request(request.rating, extrapolate=request.extrapolate),
            guidance,
            None,
            RatingScale(None),
            _first_number(request.rating, conditions),
            0.0,
            request,
        )
    rate, scale, column = resolve_critic(request.critic, by_rank=True)
    own = next((one for one in conditions if isinstance(one, Scale) and one.name == column), None)
    if own is None and column is None and len(conditions) == 1 and isinstance(conditions.columns[0], Scale):
        own = conditions.columns[0]
    if own is not None and scale is not None and not own.is_like(scale):
        raise ConfigError(
            f"`critic` rates {column} from {scale.knots[0]:g} to {scale.knots[-1]:g}, and the run was trained on "
            f"{own.knots[0]:g} to {own.knots[-1]:g}: fit a critic on the same ratings"
        )
    rating = _told(request.rating, column, scale if own is None else None, conditions) if told else None
    values = conditions.encode_request(rating, extrapolate=request.extrapolate) if told else None
    known = own or scale
    wanted = _of_column(request.rating, column, conditions)
    wanted = _finite(wanted) if known is None else known.number(wanted, extrapolate=request.extrapolate)
    levels = RatingScale(known)
    request = replace(
        request,
        tolerance=levels.default_tolerance() if request.tolerance is None else request.tolerance,
        budget=_chosen(request.budget, _USUAL_BUDGET, "rejection" in methods),
        particles=_chosen(request.particles, _USUAL_PARTICLES, "smc" in methods),
    )
    assert request.tolerance is not None
    return GenerationPlan(
        methods, values, guidance, levels.rater(rate), levels, wanted, levels.tolerance(request.tolerance), request
    )


def _finite(wanted: Any) -> float:
    """A rating that nothing is known of but that a critic gives such."""
    try:
        number = math.nan if isinstance(wanted, bool | np.bool) else float(wanted)
    except (OverflowError, TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(f"`rating` got {wanted!r}: give a finite number, such as the critic gives")
    return number


def _chosen(asked: int | None, usual: int, has_part: bool) -> int | None:
    return (usual if asked is None else asked) if has_part else None


def check_draws(plan: GenerationPlan, config: SamplingConfig) -> None:
    """Whether there is anything for a critic to choose from.

    Raises:
        ConfigError: the settings find one text, or a few, however often they are asked.
    """
    if not {"rejection", "smc"} & set(plan.methods):
        return
    ways = f"`methods` {','.join(plan.methods)}"
    same = "contradict each other: every draw is the same text, and the critic has nothing to choose from"
    validate(
        (
            config.beam < 2,
            f"`beam` {config.beam} and {ways} contradict each other: the critic chooses among draws, and a beam search "
            "draws nothing; leave out `beam`, or `critic`",
        ),
        (
            config.beam > 1 or config.temperature > 0,
            f"`temperature` 0 and {ways} {same}; choose more (1 is usual), or leave out `critic`",
        ),
        (
            config.watermark is None or "smc" not in plan.methods,
            "`watermark` and `methods` smc contradict each other: steering copies texts that shall go on differently, "
            "and what one key marks goes on alike; leave out one of the two (rejection goes with a mark)",
        ),
        (config.top_k != 1, f"`top_k` 1 and {ways} {same}; choose more (0 is off), or leave out `critic`"),
    )


def _methods(request: RatingRequest, conditions: Conditions) -> tuple[str, ...]:
    faults = []
    asked = tuple(request.methods.split(",")) if isinstance(request.methods, str) else request.methods
    if asked is not None and not isinstance(asked, Sequence):
        raise ConfigError(f"`methods` got {asked!r}: choose from {', '.join(METHODS)}, with commas between them")
    if asked is None:
        told = len(conditions) > 0 or request.critic is None
        asked = (
            *(("conditioning",) if told else ()),
            *(("guidance",) if request.guidance not in (None, 1) else ()),
            *(("rejection",) if request.critic is not None else ()),
        )
    unknown = [unknown_name("method", str(method), METHODS) for method in dict.fromkeys(asked) if method not in METHODS]
    if unknown:
        raise ConfigError(*unknown)
    if not asked:
        raise ConfigError(f"`methods` got nothing: choose from {', '.join(METHODS)}, with commas between them")
    judged = [method for method in asked if method in ("rejection", "smc")]
    if judged and request.critic is None:
        faults.append(f"`methods` {','.join(judged)} asks a critic: name one with `critic`, as 'critic fit' made it")
    if request.tolerance is not None and not judged:
        faults.append("`tolerance` says how far off a critic may be: add `critic`, or leave it out")
    if request.budget is not None and "rejection" not in asked:
        faults.append(_idle("budget", request.budget, "rejection", request, asked))
    if request.particles is not None and "smc" not in asked:
        faults.append(_idle("particles", request.particles, "smc", request, asked))
    if request.critic is not None and not judged:
        faults.append(f"`critic` has no part in `methods` {','.join(asked)}: add rejection or smc, or leave it out")
    if request.guidance not in (None, 1) and "guidance" not in asked:
        faults.append(f"`guidance` has no part in `methods` {','.join(asked)}: add guidance, or leave it out")
    agree = request.tolerance
    if agree is not None and not (is_number(agree) and math.isfinite(agree) and agree > 0):
        faults.append(f"`tolerance` got {request.tolerance}: choose a number above 0, in the units of the rating")
    if faults:
        raise ConfigError(*faults)
    return tuple(method for method in METHODS if method in asked)


def _idle(name: str, value: int, method: str, request: RatingRequest, asked: Sequence[str]) -> str:
    """That a setting belongs to a method that is not asked for."""
    wanted = [f"add {method} to `methods`"] if method == "smc" or request.methods is not None else []
    wanted += ["name a `critic`"] if request.critic is None else []
    return f"`{name}` got {value}, and {' + '.join(asked)} has no use for it: {' and '.join(wanted)}, or leave it out"


def _first_number(rating: Any, conditions: Conditions) -> float | None:
    """The first rating that a request without a critic names, for the report; None where it names categories alone."""
    values = conditions.encode_request(rating, extrapolate=True).tolist()
    numbers = [
        value
        for column, value in zip(conditions, values, strict=True)
        if isinstance(column, Scale) and not math.isnan(value)
    ]
    return numbers[0] if numbers else None


def _told(rating: Any, column: str | None, strange: Scale | None, conditions: Conditions) -> Any:
    """What of a request the model is told.

    Args:
        rating: the request's.
        column: that the critic rates.
        strange: its scale, where the model was not trained on that column.
        conditions: of the run.

    Raises:
        ConfigError: one number would mean one thing to the model and another to the critic.
    """
    if strange is None or not len(conditions):
        return rating
    knots = strange.knots[0], strange.knots[-1]
    if isinstance(rating, Mapping):
        return {name: value for name, value in rating.items() if name != column or name in conditions.names} or rating
    alike = [one for one in conditions if isinstance(one, Scale) and one.is_like(strange)]
    if not alike:
        own = conditions.names[0]
        raise ConfigError(
            f"`rating` got {rating!r} for two things: the critic rates {column} from {knots[0]:g} to {knots[-1]:g}, "
            f"and the run was trained on {', '.join(conditions.names)}; name both, as in `rating` {own}=... `rating` "
            f"{column}=..., or leave the rating to the critic with `methods` smc or rejection"
        )
    return rating


def _of_column(rating: Any, column: str | None, conditions: Conditions) -> Any:
    """What is wanted of the column that the critic rates."""
    if not isinstance(rating, Mapping):
        return rating
    if column in rating:
        return rating[column]
    if column is None and len(rating) == 1:
        return next(iter(rating.values()))
    if column is None:
        raise ConfigError(f"`critic` rates one number, and `rating` got {rating!r}: give one number")
    raise ConfigError(f"`critic` rates {column}, and `rating` says nothing of it: add {column}=RATING")
