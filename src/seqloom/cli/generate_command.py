"""`seqloom generate`: text on the screen as it is generated, or samples as JSON."""

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from seqloom.cli.options import Section, with_settings
from seqloom.cli.output import dimmed, print_json, say, shows_terminal, visible
from seqloom.config import DecodingConfig, SamplingConfig, validate
from seqloom.config.settings import pick
from seqloom.errors import ConfigError
from seqloom.generation.options import GenerationOptions, count_faults
from seqloom.rating.request import RatingRequest
from seqloom.version import __version__

if TYPE_CHECKING:
    from seqloom.api import Run
    from seqloom.data.conditions import Conditions
    from seqloom.rating.generate import RatedGeneration, RatedSample
    from seqloom.sampling.sample import Sample, SpeculativeStats

__all__ = ["generate"]

_DRAW = "How each token is drawn"
_TEXT = "What the text must and must not contain"
_RATED = "Rating to write for (runs trained with --rating)"
_CONSTRAINTS = ("min_length", "stop", "ban", "pattern", "max_copy")
_GENERAL = ("length", "seed", "draft_length")
_JUDGED = {"methods", "critic", "tolerance", "budget", "particles"}


@with_settings(
    Section(None, SamplingConfig, only=_GENERAL),
    Section(None, DecodingConfig, negatable=False),
    Section(_RATED, RatingRequest, negatable=False),
    Section(_DRAW, SamplingConfig, skip=(*_GENERAL, *_CONSTRAINTS)),
    Section(_TEXT, SamplingConfig, only=_CONSTRAINTS),
)
def generate(
    settings: dict[str, Any],
    run: Annotated[Path, typer.Argument(help="folder of a run", metavar="RUN")],
    prompt: Annotated[str, typer.Option(help="text to continue")] = "",
    count: Annotated[int, typer.Option(help="number of texts")] = 1,
    sliding_window: Annotated[
        bool, typer.Option("--sliding-window", help="read the last window again for each token (if trained on windows)")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")] = False,
    rating: Annotated[
        list[str] | None,
        typer.Option(
            rich_help_panel=_RATED,
            metavar="R | NAME=R",
            help="rating or category to write for; with its name where there are several",
        ),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            "--method",
            rich_help_panel=_RATED,
            metavar="A[,B...]",
            help="conditioning, guidance, rejection, smc (conditioning; guidance with --guidance; rejection with "
            "--critic)",
        ),
    ] = None,
    critic: Annotated[
        Path | None, typer.Option(rich_help_panel=_RATED, metavar="CRITIC", help="folder of a critic")
    ] = None,
) -> None:
    """Generate text in the style of RUN's corpus."""
    from seqloom.api import load

    if settings.get("stateful") and sliding_window:
        raise ConfigError("`stateful` and `sliding_window` contradict each other: leave out one of the two")
    if sliding_window:
        settings["stateful"] = False
    settings |= {name: value for name, value in (("methods", methods), ("critic", critic)) if value is not None}
    opened = load(run)
    if rating:
        settings["rating"] = _requested(rating, opened.config.conditions)
    if settings.keys() & _JUDGED:
        _write_judged(opened, prompt, count, settings, as_json=json)
    elif json:
        samples = opened.generate_iter(prompt, count, _options(settings, count))
        origin = {**_made_by(opened), **({"guidance": 1.0} if rating else {}), **_drawn_by(settings)}
        print_json({"samples": [_as_json(sample, prompt, origin) for sample in samples]})
    else:
        _print(opened, prompt, count, settings)


def _options(settings: dict[str, Any], count: int) -> GenerationOptions:
    """Return the options of a generation; every fault is reported at once."""
    faults = count_faults(count, settings.get("beam", 0))
    try:
        sampling = pick(SamplingConfig, settings)
    except ConfigError as error:
        raise ConfigError(*faults, *error.faults) from None
    validate(*[(False, fault) for fault in faults])
    others = {name: settings[name] for name in ("rating", "guidance", "extrapolate") if name in settings}
    return GenerationOptions(sampling=sampling, decoding=pick(DecodingConfig, settings), **others)


def _write_judged(run: "Run", prompt: str, count: int, settings: dict[str, Any], *, as_json: bool) -> None:
    """Generate texts with a critic or several methods; kept texts are shown even if a later one fails."""
    chosen, settings = settings, dict(settings)
    if "rating" not in settings:
        named = [f"`{name}`" for name in settings if name in _JUDGED]
        have, them = ("have", "them") if len(named) > 1 else ("has", "it")
        raise ConfigError(
            f"{', '.join(named)} {have} no meaning without `rating`: add a rating to write for, or leave {them} out"
        )
    if "methods" in settings:
        settings["methods"] = tuple(settings.pop("methods").split(","))
    writing = run.generate_rated(settings.pop("rating"), prompt, count, **settings)
    kept: list[RatedSample] = []
    shown = "" if as_json else dimmed(visible(_as_known(run, prompt)))
    only_lines = count > 1
    try:
        for number, one in enumerate(writing, 1):
            if not as_json:
                rated = _rating(one.predicted) + shown
                _, only_lines = _show(_whole(one.sample), _heading(number, count), rated, hold=only_lines)
            kept.append(one)
    except KeyboardInterrupt:
        say(f"kept {_num_kept(writing, len(kept))}")
        raise
    finally:
        if as_json:
            origin = {**_made_by(run), **_drawn_by(chosen), **_request_settings(writing)}
            samples = [
                {
                    **_as_json(one.sample, prompt, origin),
                    "rating_wanted": one.target,
                    "rating_predicted": one.predicted,
                    "effective_size": one.effective_size,
                }
                for one in kept
            ]
            print_json({"samples": samples, "methods": list(writing.plan.methods), **_costs(writing)})
    for line in _summary(writing):
        say(line)


def _whole(sample: "Sample") -> Generator[str, None, "Sample"]:
    """Yield a finished text in one piece."""
    yield sample.text
    return sample


def _rating(predicted: float | None) -> str:
    """Return the critic's rating for a terminal; a file gets nothing but texts."""
    return dimmed(f"{predicted:.2f}  ") if predicted is not None and shows_terminal() else ""


def _made_by(run: "Run") -> dict[str, Any]:
    """Return the version of seqloom and the run."""
    return {"seqloom": __version__, "run": str(run.path)}


def _drawn_by(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the chosen settings and the main defaults in JSON's types; the secret key of a watermark is hashed."""
    from seqloom.sampling.watermark import fingerprint

    config = SamplingConfig()
    values = {name: getattr(config, name) for name in ("length", "temperature", "seed")} | settings
    if "watermark" in values:
        values["watermark"] = {"key_sha256": fingerprint(values["watermark"])}
    return values if math.isfinite(values["temperature"]) else {**values, "temperature": "inf"}


def _request_settings(writing: "RatedGeneration") -> dict[str, Any]:
    """Return the settings of rating control, chosen ones included."""
    request = writing.plan.request
    chosen = {name: getattr(request, name) for name in ("guidance", "tolerance", "budget", "particles")}
    settings = {name: value for name, value in chosen.items() if value is not None}
    critic = None if request.critic is None else str(request.critic)
    return {"methods": ",".join(writing.plan.methods), "critic": critic, **settings}


def _num_kept(writing: "RatedGeneration", kept: int) -> str:
    """Return how many texts are done so far."""
    rated = (
        "" if writing.rejection_stats is None else f" after {writing.rejection_stats.generated:,} ratings by the critic"
    )
    return f"{kept:,} of {writing.count:,} requested texts{rated}"


def _costs(writing: "RatedGeneration") -> dict[str, Any]:
    """Return the cost of rejection and smc in JSON's types."""
    costs: dict[str, Any] = {}
    if writing.rejection_stats is not None:
        report = writing.rejection_stats
        costs["rejection"] = {
            "wanted": report.requested,
            "written": report.generated,
            "kept": report.accepted,
            "tokens": report.tokens,
            "acceptance": report.acceptance,
            "tokens_per_kept": report.tokens_per_accepted,
            "shortfall": report.shortfall,
        }
    if writing.steered:
        costs["smc"] = {
            "effective_size": mean(one.effective_size for one in writing.steered),
            "resamplings": mean(one.resamplings for one in writing.steered),
            "tokens_per_text": mean(one.tokens for one in writing.steered),
        }
    return costs


def _summary(writing: "RatedGeneration") -> Iterator[str]:
    """Yield the same in lines for a person."""
    report = writing.rejection_stats
    if report is not None:
        cost = f", {report.tokens_per_accepted:,.0f} tokens per kept text" if report.tokens_per_accepted else ""
        yield f"kept {report.accepted:,} of {report.generated:,} texts ({report.acceptance:.0%}){cost}"
        if report.shortfall:
            yield (
                f"{report.shortfall:,} of {report.requested:,} texts are missing: the budget is spent; raise "
                "`budget` or `tolerance`, or help the model with `guidance`"
            )
            if writing.rating_range is not None:
                (low, high), wanted = writing.rating_range, writing.plan.target
                yield (
                    f"the critic rates nine tenths of the generated texts {low:.3g} to {high:.3g}; the request is "
                    f"{wanted:g}"
                )
    if writing.steered:
        sizes = mean(one.effective_size for one in writing.steered)
        yield (
            f"smc: effective size {sizes:.1f} of {writing.plan.request.particles} particles, "
            f"{mean(one.tokens for one in writing.steered):,.0f} tokens per text"
        )


def _requested(given: list[str], conditions: "Conditions") -> str | dict[str, str]:
    """Return the requested ratings by name, or the only one; names and categories may contain an equals sign."""
    values = getattr(conditions.columns[0], "values", ()) if len(conditions) == 1 else ()
    named = [(part, "", "") if part in values else _named(part, conditions.names) for part in given]
    if len(given) == 1 and not named[0][1]:
        return given[0]
    nameless = [name for name, sign, _ in named if not sign]
    if nameless:
        raise ConfigError(f"`rating` got {nameless[0]!r} among several: give each as NAME=RATING")
    names = [name for name, _, _ in named]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise ConfigError(f"`rating` got {twice[0]!r} twice: leave out one of the two")
    return {name: value for name, _, value in named}


def _named(part: str, names: Sequence[str]) -> tuple[str, str, str]:
    """Split a request into name, sign and rating, at the longest known name or else at the last sign."""
    known = [name for name in names if part.startswith(f"{name}=")]
    if known:
        name = max(known, key=len)
        return name, "=", part.removeprefix(f"{name}=")
    name, sign, value = part.rpartition("=")
    return (name, sign, value) if sign else (part, "", "")


def _as_json(sample: "Sample", prompt: str, origin: dict[str, Any]) -> dict[str, Any]:
    matched = {} if sample.matched is None else {"matched": sample.matched}
    return {
        "text": sample.text,
        "prompt": prompt,
        "log_prob": sample.log_prob,
        "sampling_log_prob": sample.sampling_log_prob,
        "finish_reason": sample.finish_reason,
        "index": sample.index,
        "seed": sample.seed,
        "tokens": len(sample.tokens),
        **matched,
        **({} if sample.speculative is None else {"drafting": asdict(sample.speculative)}),
        "generated_by": origin,
    }


def _print(run: "Run", prompt: str, count: int, settings: dict[str, Any]) -> None:
    """Print each text after its prompt: one per line, with headings once a text has several lines."""
    streams = run.stream_many(prompt, count, _options(settings, count))
    shown = dimmed(visible(_as_known(run, prompt)))
    only_lines, drafted = count > 1, []
    for number, pieces in enumerate(streams, 1):
        sample, only_lines = _show(pieces, _heading(number, count), shown, hold=only_lines)
        if sample.speculative is not None:
            drafted.append(sample.speculative)
        if sample.matched is False:
            say(f"text {number} ended before it matched the pattern")
        if sample.finish_reason == "stop" and not _was_cut(run, sample, prompt):
            say(f"text {number} ended early: the constraints allow no further token")
    if drafted:
        say(_drafting_gain(drafted))


def _drafting_gain(stats: "list[SpeculativeStats]") -> str:
    """Return the gain of drafting in one line."""
    tokens, share = mean(one.tokens_per_step for one in stats), mean(one.acceptance for one in stats)
    gains = [one.gain for one in stats if one.gain is not None]
    speed = f": {mean(gains):.2f} times as fast as without" if gains else ""
    return f"{tokens:.2f} tokens per step, {share:.0%} of the drafts accepted{speed}"


def _heading(number: int, count: int) -> str:
    """Return the heading of a text of several lines."""
    if count == 1 or (number == 1 and not shows_terminal()):
        return ""
    return ("\n" if number > 1 else "") + dimmed(f"--- {number} of {count}") + "\n"


def _was_cut(run: "Run", sample: "Sample", prompt: str) -> bool:
    """Return whether a stop string ended the text."""
    begun = run.text_codec.pending_space(run.normalize(prompt))
    return run.text_codec.decode_text(sample.tokens).removeprefix(begun) != sample.text


def _show(pieces: Generator[str, None, "Sample"], heading: str, prompt: str, *, hold: bool) -> tuple["Sample", bool]:
    """Print a text as it is written; where `hold` is set, a text of a single line without its heading, at its end.

    Returns:
        The sample, and whether its text stayed on one line and was to be held.
    """
    hold = hold and "\n" not in prompt
    held = prompt
    if not hold:
        print(heading, prompt, sep="", end="", flush=True)
    while True:
        try:
            piece = visible(next(pieces))
        except StopIteration as ended:
            print(held if hold else "", flush=True)
            return cast("Sample", ended.value), hold
        if hold and "\n" in piece:
            print(heading, held, sep="", end="")
            hold = False
        if hold:
            held += piece
        else:
            print(piece, end="", flush=True)


def _as_known(run: "Run", prompt: str) -> str:
    """Return the prompt as the run reads it, and report skipped symbols."""
    read = run.normalize(prompt)
    unknown = dict(run.text_codec.unknown_symbols(read))
    if unknown:
        left_out = ", ".join(map(repr, dict.fromkeys(unknown.values())))
        say(f"left out of the prompt: {left_out}")
    return "".join(symbol for at, symbol in enumerate(read) if at not in unknown)
