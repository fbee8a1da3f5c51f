"""`seqloom generate`: text on the screen as it is written, or samples as JSON."""

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
    """Texts that a critic had a part in; those that were kept are shown whatever comes after."""
    given, settings = settings, dict(settings)
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
        say(f"kept {_asked(writing, len(kept))}")
        raise
    finally:
        if as_json:
            origin = {**_made_by(run), **_drawn_by(given), **_asked_of(writing)}
            samples = [
                {
                    **_as_json(one.sample, prompt, origin),
                    "rating_wanted": one.wanted,
                    "rating_predicted": one.predicted,
                    "effective_size": one.effective_size,
                }
                for one in kept
            ]
            print_json({"samples": samples, "methods": list(writing.plan.methods), **_costs(writing)})
    for line in _said(writing):
        say(line)


def _whole(sample: "Sample") -> Generator[str, None, "Sample"]:
    """A text that is known already, in one piece."""
    yield sample.text
    return sample


def _rating(predicted: float | None) -> str:
    """What the critic makes of a text, for a person who looks on; a file gets texts and nothing else."""
    return dimmed(f"{predicted:.2f}  ") if predicted is not None and shows_terminal() else ""


def _made_by(run: "Run") -> dict[str, Any]:
    """The program and the run."""
    return {"seqloom": __version__, "run": str(run.path)}


def _drawn_by(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that were given, and those that every text is drawn by all the same, in JSON's types.

    Of a watermark's key, which is secret, there is what its owner knows it by.
    """
    from seqloom.sampling.watermark import fingerprint

    config = SamplingConfig()
    found = {name: getattr(config, name) for name in ("length", "temperature", "seed")} | settings
    if "watermark" in found:
        found["watermark"] = {"key_sha256": fingerprint(found["watermark"])}
    return found if math.isfinite(found["temperature"]) else {**found, "temperature": "inf"}


def _asked_of(writing: "RatedGeneration") -> dict[str, Any]:
    """How the texts were written to their rating: what was asked, and what was chosen where nothing was."""
    request = writing.plan.request
    chosen = {name: getattr(request, name) for name in ("guidance", "tolerance", "budget", "particles")}
    found = {name: value for name, value in chosen.items() if value is not None}
    critic = None if request.critic is None else str(request.critic)
    return {"methods": ",".join(writing.plan.methods), "critic": critic, **found}


def _asked(writing: "RatedGeneration", kept: int) -> str:
    """How many texts there are so far, of how many."""
    rated = "" if writing.report is None else f", of {writing.report.written:,} that the critic has rated"
    return f"{kept:,} of the {writing.count:,} texts that were asked for{rated}"


def _costs(writing: "RatedGeneration") -> dict[str, Any]:
    """What filter and steering took, in JSON's types."""
    found: dict[str, Any] = {}
    if writing.report is not None:
        report = writing.report
        found["rejection"] = {
            **asdict(report),
            "acceptance": report.acceptance,
            "tokens_per_kept": report.tokens_per_kept,
            "shortfall": report.shortfall,
        }
    if writing.steered:
        found["smc"] = {
            "effective_size": mean(one.effective_size for one in writing.steered),
            "resamplings": mean(one.resamplings for one in writing.steered),
            "tokens_per_text": mean(one.tokens for one in writing.steered),
        }
    return found


def _said(writing: "RatedGeneration") -> Iterator[str]:
    """The same in lines for a person."""
    report = writing.report
    if report is not None:
        cost = f", {report.tokens_per_kept:,.0f} tokens for each" if report.tokens_per_kept else ""
        yield f"kept {report.kept:,} of {report.written:,} texts ({report.acceptance:.0%}){cost}"
        if report.shortfall:
            yield (
                f"{report.shortfall:,} of {report.wanted:,} texts are missing: the budget is spent; raise "
                "`budget` or `tolerance`, or help the model with `guidance`"
            )
            if writing.found is not None:
                (low, high), wanted = writing.found, writing.plan.wanted
                yield (
                    f"the critic rates nine tenths of what was written {low:.3g} to {high:.3g}, and {wanted:g} is "
                    "wanted"
                )
    if writing.steered:
        sizes = mean(one.effective_size for one in writing.steered)
        yield (
            f"steered: {sizes:.1f} of {writing.plan.request.particles} texts counted, "
            f"{mean(one.tokens for one in writing.steered):,.0f} tokens for each that was given"
        )


def _requested(given: list[str], conditions: "Conditions") -> str | dict[str, str]:
    """Ratings by name, or the only one; names and categories may hold an equals sign themselves."""
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
    """A name, the sign after it and what is wanted of it: the longest name that is known, else up to the last sign."""
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
    """Each text after its prompt: one a line, with headings between them once a text has several lines."""
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
            say(f"text {number} ended early: nothing that is allowed is left to write")
    if drafted:
        say(_drafted(drafted))


def _drafted(found: "list[SpeculativeStats]") -> str:
    """What drafts brought, in one line."""
    tokens, share = mean(one.tokens_per_step for one in found), mean(one.acceptance for one in found)
    gains = [one.gain for one in found if one.gain is not None]
    speed = f": {mean(gains):.2f} times as fast as without" if gains else ""
    return f"{tokens:.2f} tokens a step, {share:.0%} of the drafts accepted{speed}"


def _heading(number: int, count: int) -> str:
    """What stands before a text that has several lines."""
    if count == 1 or (number == 1 and not shows_terminal()):
        return ""
    return ("\n" if number > 1 else "") + dimmed(f"--- {number} of {count}") + "\n"


def _was_cut(run: "Run", sample: "Sample", prompt: str) -> bool:
    """Whether a stop string ended the text: what is written of it is not shown."""
    begun = run.codec.pending_space(run.normalize(prompt))
    return run.codec.decode(sample.tokens).removeprefix(begun) != sample.text


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
    """The prompt as the run reads it; what is left out of it is named."""
    read = run.normalize(prompt)
    unknown = dict(run.codec.unknown_symbols(read))
    if unknown:
        left_out = ", ".join(map(repr, dict.fromkeys(unknown.values())))
        say(f"left out of the prompt: {left_out}")
    return "".join(symbol for at, symbol in enumerate(read) if at not in unknown)
