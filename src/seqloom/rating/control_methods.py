"""The combinations of methods in a rating control report, and the settings that each combination uses.

The report measures how well generated texts reach a requested rating. A critic is a function that rates texts. A
combination is a tuple of names from `METHODS`: conditioning, guidance, rejection and smc (sequential Monte Carlo).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from seqloom.config import SamplingConfig, validate
from seqloom.data.scale import Scale
from seqloom.rating.methods import METHODS
from seqloom.rating.plan import check_sampling, make_plan
from seqloom.rating.request import RatingRequest
from seqloom.runs.saved_run import SavedRun

__all__ = ["check_methods", "default_methods", "settings_of"]

_CRITIC_SETTINGS = ("critic", "tolerance")
"""Settings that every method with a critic uses."""


def default_methods(critic: Any) -> list[tuple[str, ...]]:
    """Return the combinations of methods that are possible with a critic, or without one."""
    methods: list[tuple[str, ...]] = [("conditioning",), ("conditioning", "guidance")]
    if critic is not None:
        methods += [
            ("conditioning", "rejection"),
            ("conditioning", "guidance", "rejection"),
            ("smc",),
            ("conditioning", "smc"),
        ]
    return methods


def settings_of(methods: Sequence[str], critic: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a `RatingRequest` for these methods, without settings that the methods do not use."""
    arguments = {**settings, "methods": tuple(methods), "critic": critic}
    return {
        name: value
        for name, value in arguments.items()
        if name == "methods" or set(_methods_that_use(name)) & set(methods)
    }


def check_methods(
    run: SavedRun,
    scale: Scale,
    combinations: Sequence[Sequence[str]],
    critic: Any,
    settings: Mapping[str, Any],
    sampling: SamplingConfig,
) -> None:
    """Refuse impossible methods and unused settings before anything is generated.

    Args:
        run: run that is evaluated.
        scale: scale of the evaluated rating.
        combinations: combinations of methods.
        critic: critic, or None.
        settings: settings that the user passed for the methods, by name.
        sampling: sampling settings.

    Raises:
        ConfigError: a combination of methods is impossible, or none of them uses a setting.
    """
    used = {name for methods in combinations for name in settings_of(methods, critic, settings)}
    passed = (*(("critic",) if critic is not None else ()), *settings)
    unused = [name for name in passed if name not in used]
    combination_names = ", ".join("+".join(methods) for methods in combinations)
    validate(
        *(
            (False, f"`{name}` is not used by {combination_names}: add {_requirement(name, critic)}, or leave it out")
            for name in unused
        )
    )
    for methods in combinations:
        valid_rating = scale.knots[0]
        request = RatingRequest(rating={scale.name: valid_rating}, **settings_of(methods, critic, settings))
        check_sampling(make_plan(request, run.config.conditions), sampling)


def _methods_that_use(setting: str) -> list[str]:
    """Return the names of the methods that use a setting."""
    return [
        name
        for name, method in METHODS.items()
        if setting in method.settings or (setting in _CRITIC_SETTINGS and method.needs_critic)
    ]


def _requirement(setting: str, critic: Any) -> str:
    """Return what must be added so that a setting is used, for messages."""
    methods = _methods_that_use(setting)
    needs_critic = any(METHODS[name].needs_critic for name in methods)
    return "`critic`" if critic is None and needs_critic else f"a `methods` with {' or '.join(methods)}"
