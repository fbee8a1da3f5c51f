"""Texts for a rating: the requested rating on the command line, and the cost of rating control.

Rating control is rejection or sequential Monte Carlo (smc): both use a critic, a model that predicts ratings, to obtain
texts with the requested rating. Both combine with conditioning (the generating model reads the rating) and
guidance (the effect of the rating on the logits is amplified).
"""

from collections.abc import Iterator, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any

from seqloom.display.terminal import dimmed, shows_terminal
from seqloom.errors import ConfigError
from seqloom.percent import format_percent

if TYPE_CHECKING:
    from seqloom.api.generating_run import GeneratingRun
    from seqloom.data.conditions import Conditions
    from seqloom.rating.generate import RatedGeneration

__all__ = [
    "control_origin",
    "costs",
    "kept_so_far",
    "needs_control",
    "rated_generation",
    "requested_rating",
    "shown_rating",
    "summary",
]

_CONTROL_SETTINGS = {"methods", "critic", "tolerance", "budget", "particles"}
"""Settings that request rating control; without them, the model alone writes for a rating."""


def needs_control(settings: dict[str, Any]) -> bool:
    """Return whether settings request rating control."""
    return bool(settings.keys() & _CONTROL_SETTINGS)


def rated_generation(run: "GeneratingRun", prompt: str, count: int, settings: dict[str, Any]) -> "RatedGeneration":
    """Prepare the generation of texts for a rating.

    Raises:
        ConfigError: there is no rating, or a setting is out of range or contradicts others.
    """
    settings = dict(settings)  # becomes the keyword arguments of `generate_rated`
    if "rating" not in settings:
        named = [f"`{name}`" for name in settings if name in _CONTROL_SETTINGS]
        have, them = ("have", "them") if len(named) > 1 else ("has", "it")
        raise ConfigError(
            f"{', '.join(named)} {have} no effect without `rating`: add a rating to write for, or leave {them} out"
        )
    if "methods" in settings:
        settings["methods"] = tuple(settings.pop("methods").split(","))
    return run.generate_rated(settings.pop("rating"), prompt, count, **settings)


def shown_rating(predicted: float | None) -> str:
    """Return the critic's rating as shown before a text in a terminal; empty for a file, which gets only texts."""
    return dimmed(f"{predicted:.2f}  ") if predicted is not None and shows_terminal() else ""


def control_origin(generation: "RatedGeneration") -> dict[str, Any]:
    """Return the settings of rating control, for JSON, including those that the user left to seqloom."""
    request = generation.plan.request
    values = {name: getattr(request, name) for name in ("guidance", "tolerance", "budget", "particles")}
    settings = {name: value for name, value in values.items() if value is not None}
    critic = None if request.critic is None else str(request.critic)
    return {"methods": ",".join(generation.plan.methods), "critic": critic, **settings}


def kept_so_far(generation: "RatedGeneration", num_kept: int) -> str:
    """Return in words how many texts were accepted so far, and after how many ratings by the critic."""
    stats = generation.rejection_stats
    ratings = "" if stats is None else f" after {stats.generated:,} ratings by the critic"
    return f"{num_kept:,} of {generation.count:,} requested texts{ratings}"


def costs(generation: "RatedGeneration") -> dict[str, Any]:
    """Return the cost of rejection and smc, in JSON's types.

    The effective size is the effective number of particles: 1 if one particle has all the weight, and the number of all
    particles if their weights are equal.
    """
    found: dict[str, Any] = {}
    if generation.rejection_stats is not None:
        report = generation.rejection_stats
        found["rejection"] = {
            "wanted": report.requested,
            "written": report.generated,
            "kept": report.accepted,
            "tokens": report.tokens,
            "acceptance": report.acceptance,
            "tokens_per_kept": report.tokens_per_accepted,
            "shortfall": report.shortfall,
        }
    if generation.steered:
        found["smc"] = {
            "effective_size": mean(sample.effective_size for sample in generation.steered),
            "resamplings": mean(sample.resamplings for sample in generation.steered),
            "tokens_per_text": mean(sample.tokens for sample in generation.steered),
        }
    return found


def summary(generation: "RatedGeneration") -> Iterator[str]:
    """Yield the cost of rejection and smc in lines for a person."""
    report = generation.rejection_stats
    if report is not None:
        cost = f", {report.tokens_per_accepted:,.0f} tokens per kept text" if report.tokens_per_accepted else ""
        yield f"kept {report.accepted:,} of {report.generated:,} texts ({format_percent(report.acceptance)}){cost}"
        if report.shortfall:
            yield (
                f"{report.shortfall:,} of {report.requested:,} texts are missing: the budget is spent; raise "
                "`budget` or `tolerance`, or help the model with `guidance`"
            )
            if generation.rating_range is not None:
                (low, high), wanted = generation.rating_range, generation.plan.target
                yield (
                    f"the critic's ratings of nine tenths of the generated texts lie between {low:.3g} and "
                    f"{high:.3g}; you requested {wanted:g}"
                )
    if generation.steered:
        effective_size = mean(sample.effective_size for sample in generation.steered)
        yield (
            f"smc: effective size {effective_size:.1f} of {generation.plan.request.particles} particles, "
            f"{mean(sample.tokens for sample in generation.steered):,.0f} tokens per text"
        )


def requested_rating(values: list[str], conditions: "Conditions") -> str | dict[str, str]:
    """Return the requested ratings by column name, or the only rating if it has no name.

    Args:
        values: values of `--rating`, RATING or NAME=RATING; names and categories may contain an equals sign themselves.
        conditions: columns of numbers and categories that the run was trained with.
    """
    categories = getattr(conditions.columns[0], "values", ()) if len(conditions) == 1 else ()
    requests = [(value, "", "") if value in categories else _split_request(value, conditions.names) for value in values]
    nameless = [value for value, sign, _ in requests if not sign]
    if nameless and len(values) == 1:
        return values[0]
    if nameless:
        raise ConfigError(f"`rating` got {nameless[0]!r} among several: give each as NAME=RATING")
    names = [name for name, _, _ in requests]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ConfigError(f"`rating` got {twice[0]!r} twice: leave out one of the two")
    return {name: rating for name, _, rating in requests}


def _split_request(value: str, column_names: Sequence[str]) -> tuple[str, str, str]:
    """Split a request into name, equals sign and rating; without an equals sign, the last two are empty.

    The name ends at the equals sign after the longest matching column name, or else at the last equals sign.
    """
    matching = [name for name in column_names if value.startswith(f"{name}=")]
    if matching:
        name = max(matching, key=len)
        return name, "=", value.removeprefix(f"{name}=")
    name, sign, rating = value.rpartition("=")
    return (name, sign, rating) if sign else (value, "", "")
