"""From a request for a rating to a generation plan.

A critic is a function that rates texts. Conditions are the ratings and categories that a run was trained with. A scale
(`data.scale.Scale`) converts a rating to a position from 0 to 1 within the rating's range, the unit scale. The `knots`
of a scale are some of the ratings, from the lowest to the highest.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from seqloom.config import SamplingConfig, validate
from seqloom.config.choices import Method
from seqloom.config.settings import is_number
from seqloom.critic.load import resolve_critic
from seqloom.data.conditions import Conditions
from seqloom.data.scale import Scale
from seqloom.errors import ConfigError
from seqloom.rating.methods import METHODS
from seqloom.rating.request import RatingRequest
from seqloom.rating.scale import RatingScale
from seqloom.rating.session import GenerationPlan
from seqloom.registry import unknown_name

__all__ = ["check_sampling", "make_plan"]


def make_plan(request: RatingRequest, conditions: Conditions) -> GenerationPlan:
    """Decide how to meet a request.

    Args:
        request: the request.
        conditions: conditions of the run; empty for a run that was trained without ratings.

    Raises:
        ConfigError: the request contradicts itself or the run; one line per fault.
    """
    methods = _checked_methods(request, conditions)
    conditions_model = any(METHODS[name].conditions_model for name in methods)
    settings = _settings_with_defaults(request, methods)
    guidance = 1.0 if settings["guidance"] is None else settings["guidance"]
    request = replace(
        request, methods=cast("tuple[Method, ...]", methods), guidance=guidance if conditions_model else None
    )
    if not any(METHODS[name].needs_critic for name in methods):
        return GenerationPlan(
            methods=methods,
            values=conditions.encode_request(request.rating, extrapolate=request.extrapolate),
            guidance=guidance,
            rater=None,
            scale=RatingScale(None),  # only a critic's ratings are converted
            target=_first_number(request.rating, conditions),
            tolerance=0.0,
            request=request,
        )
    # A function or regressor may have neither a scale nor the name of the column that it rates. `by_rank` stretches the
    # predictions of a fitted critic, which lie too close to the middle, to the spread of the true ratings.
    rate, critic_scale, column = resolve_critic(request.critic, by_rank=True)
    run_scale = _run_scale(conditions, critic_scale, column)
    values = None
    if conditions_model:
        rating = _model_rating(request.rating, column, critic_scale if run_scale is None else None, conditions)
        values = conditions.encode_request(rating, extrapolate=request.extrapolate)
    scale = RatingScale(run_scale or critic_scale)
    target = _target(request, column, scale.scale)
    tolerance = scale.default_tolerance() if request.tolerance is None else request.tolerance
    return GenerationPlan(
        methods=methods,
        values=values,
        guidance=guidance,
        rater=scale.rater(rate),
        scale=scale,
        target=target,
        tolerance=scale.unit_tolerance(tolerance),
        request=replace(request, tolerance=tolerance, budget=settings["budget"], particles=settings["particles"]),
    )


def check_sampling(plan: GenerationPlan, config: SamplingConfig) -> None:
    """Check that the sampling settings suit the methods.

    Raises:
        ConfigError: a method contradicts a sampling setting; one line per fault.
    """
    methods = ",".join(plan.methods)
    checks = [check for name in plan.methods for check in METHODS[name].sampling_checks(config, methods)]
    validate(*dict.fromkeys(checks))  # each check once: two methods with a critic yield the same checks


def _checked_methods(request: RatingRequest, conditions: Conditions) -> tuple[str, ...]:
    """Return the names of the methods in the order of `METHODS`, after a check of the methods and their settings."""
    names = _requested_methods(request, conditions)
    unknown = [unknown_name("method", str(name), METHODS) for name in dict.fromkeys(names) if name not in METHODS]
    if unknown:
        raise ConfigError(*unknown)
    if not names:
        raise ConfigError(f"`methods` got nothing: choose from {', '.join(METHODS)}, separated by commas")
    faults = [*_critic_faults(request, names), *_unused_setting_faults(request, names, conditions)]
    tolerance = request.tolerance
    if tolerance is not None and not (is_number(tolerance) and math.isfinite(tolerance) and tolerance > 0):
        faults.append(f"`tolerance` got {tolerance}: choose a number above 0, in the units of the rating")
    if faults:
        raise ConfigError(*faults)
    return tuple(name for name in METHODS if name in names)


def _requested_methods(request: RatingRequest, conditions: Conditions) -> tuple[str, ...]:
    """Return the names of the requested methods; if `methods` is None, of those that the other settings imply."""
    methods = tuple(request.methods.split(",")) if isinstance(request.methods, str) else request.methods
    if methods is None:
        return tuple(name for name, method in METHODS.items() if method.is_implied(request, conditions))
    if not isinstance(methods, Sequence):
        raise ConfigError(f"`methods` got {methods!r}: choose from {', '.join(METHODS)}, separated by commas")
    return tuple(methods)


def _critic_faults(request: RatingRequest, names: Sequence[str]) -> Iterator[str]:
    """Yield a fault if a method needs a critic and has none, or if no method uses a critic or a tolerance."""
    critic_methods = [name for name in names if METHODS[name].needs_critic]
    if critic_methods and request.critic is None:
        yield f"`methods` {','.join(critic_methods)} needs a critic: name one with `critic` ('critic fit' fits one)"
    if request.tolerance is not None and not critic_methods:
        yield "`tolerance` is the tolerance of a critic: add `critic`, or leave it out"
    if request.critic is not None and not critic_methods:
        choices = " or ".join(name for name, method in METHODS.items() if method.needs_critic)
        yield f"`critic` has no effect with `methods` {','.join(names)}: add {choices}, or leave it out"


def _unused_setting_faults(request: RatingRequest, names: Sequence[str], conditions: Conditions) -> Iterator[str]:
    """Yield a fault for each setting whose method is not used."""
    for name, method in METHODS.items():
        for setting in method.settings if name not in names else ():
            value = getattr(request, setting)
            if value is None or value == method.neutral.get(setting):
                continue
            request_with_critic = replace(request, critic=request.critic or len)  # `len` stands for any critic
            implied_by_critic = method.is_implied(request_with_critic, conditions)
            advice = [f"add {name} to `methods`"] if request.methods is not None or not implied_by_critic else []
            advice += ["name a `critic`"] if method.needs_critic and request.critic is None else []
            yield (
                f"`{setting}` got {value}, but `methods` {','.join(names)} does not use it: {' and '.join(advice)}, "
                "or leave it out"
            )


def _settings_with_defaults(request: RatingRequest, names: Sequence[str]) -> dict[str, Any]:
    """Return the settings of all methods, by name, completed with defaults; None for settings that are not used."""
    settings: dict[str, Any] = {}
    for name, method in METHODS.items():
        for setting, default in method.settings.items():
            value = getattr(request, setting)
            is_used = name in names or (value is not None and value == method.neutral.get(setting))
            settings[setting] = (default if value is None else value) if is_used else None
    return settings


def _run_scale(conditions: Conditions, critic_scale: Scale | None, column: str | None) -> Scale | None:
    """Return the run's scale of the rating that the critic predicts; None if the run was not trained on it.

    Raises:
        ConfigError: the critic has another scale for this rating.
    """
    run_scale = next((scale for scale in conditions if isinstance(scale, Scale) and scale.name == column), None)
    if column is None and len(conditions) == 1 and isinstance(conditions.columns[0], Scale):
        run_scale = conditions.columns[0]  # a critic that names no column is taken to rate the run's only column
    if run_scale is not None and critic_scale is not None and not run_scale.is_like(critic_scale):
        raise ConfigError(
            f"`critic` rates {column} from {critic_scale.knots[0]:g} to {critic_scale.knots[-1]:g}, and the run was "
            f"trained on {run_scale.knots[0]:g} to {run_scale.knots[-1]:g}: fit a critic on the same ratings"
        )
    return run_scale


def _target(request: RatingRequest, column: str | None, scale: Scale | None) -> float:
    """Return the requested rating that the critic compares its ratings with, in the units of the rating."""
    rating = _critic_rating(request.rating, column)
    return _finite(rating) if scale is None else scale.number(rating, extrapolate=request.extrapolate)


def _finite(rating: Any) -> float:
    """Return a rating without a scale as a number.

    Raises:
        ConfigError: the rating is not a finite number.
    """
    try:
        number = math.nan if isinstance(rating, bool | np.bool) else float(rating)
    except (OverflowError, TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(f"`rating` got {rating!r}: give a finite number in the critic's units")
    return number


def _first_number(rating: Any, conditions: Conditions) -> float | None:
    """Return the first numeric rating that is requested, to report it with each text; None for categories only.

    The first is that of the first column of the run.
    """
    values = conditions.encode_request(rating, extrapolate=True).tolist()
    numbers = [
        value
        for column, value in zip(conditions, values, strict=True)
        if isinstance(column, Scale) and not math.isnan(value)
    ]
    return numbers[0] if numbers else None


def _model_rating(rating: Any, column: str | None, critic_only_scale: Scale | None, conditions: Conditions) -> Any:
    """Return the part of a requested rating that the model receives.

    Args:
        rating: requested rating.
        column: column that the critic rates.
        critic_only_scale: the critic's scale if the model was not trained on that column; otherwise None.
        conditions: conditions of the run.

    Raises:
        ConfigError: one number would mean different things to the model and to the critic.
    """
    if critic_only_scale is None or not len(conditions):
        return rating
    if isinstance(rating, Mapping):
        remaining = {name: value for name, value in rating.items() if name != column or name in conditions.names}
        return remaining or rating  # with the critic's column alone, `encode_request` reports that the run lacks it
    if not any(isinstance(scale, Scale) and scale.is_like(critic_only_scale) for scale in conditions):
        low, high = critic_only_scale.knots[0], critic_only_scale.knots[-1]
        raise ConfigError(
            f"`rating` got {rating!r} for two ratings: the critic rates {column} from {low:g} to {high:g}, and the run "
            f"was trained on {', '.join(conditions.names)}; name both, as in `rating` {conditions.names[0]}=... "
            f"`rating` {column}=..., or leave the rating to the critic with `methods` smc or rejection"
        )
    return rating


def _critic_rating(rating: Any, column: str | None) -> Any:
    """Return the part of a requested rating that the critic compares its ratings with.

    Raises:
        ConfigError: the request does not contain the rating of the critic.
    """
    if not isinstance(rating, Mapping):
        return rating
    if column in rating:
        return rating[column]
    if column is None and len(rating) == 1:
        return next(iter(rating.values()))
    if column is None:
        raise ConfigError(f"`critic` rates one number, and `rating` got {rating!r}: give one number")
    raise ConfigError(f"`critic` rates {column}, which `rating` does not mention: add {column}=RATING")
