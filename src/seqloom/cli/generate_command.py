"""`seqloom generate`: text on the screen as it is generated, or samples as JSON.

Rating control is rejection or sequential Monte Carlo (smc): both use a critic, a model that predicts ratings, to obtain
texts with the requested rating. Both combine with conditioning (the generating model reads the rating) and
guidance (the effect of the rating on the logits is amplified).
"""

import math
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from seqloom.cli.options import Section, with_settings
from seqloom.cli.output import dimmed, note, print_json, shows_terminal, visible
from seqloom.config import DecodingConfig, SamplingConfig, validate
from seqloom.config.settings import pick
from seqloom.config.text_grammars import GRAMMAR_SETTINGS
from seqloom.errors import ConfigError
from seqloom.generation.matching_samples import check_matched
from seqloom.generation.options import GenerationOptions, count_faults
from seqloom.percent import format_percent
from seqloom.rating.request import RatingRequest
from seqloom.version import __version__

if TYPE_CHECKING:
    from seqloom.api.generating_run import GeneratingRun
    from seqloom.data.conditions import Conditions
    from seqloom.rating.generate import RatedGeneration, RatedSample
    from seqloom.sampling.sample import Sample, SpeculativeStats

__all__ = ["generate"]

# Headings of the help.
_DRAW = "How each token is drawn"
_TEXT = "What the text must and must not contain"
_RATED = "Rating to write for (runs trained with --rating)"

_CONSTRAINTS = ("min_length", "stop", "ban", *GRAMMAR_SETTINGS, "max_copy")
_GENERAL = ("length", "seed", "draft_length")
_RATING_CONTROL_SETTINGS = {"methods", "critic", "tolerance", "budget", "particles"}
"""Settings that request rating control; without them, the model alone writes for a rating."""


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
        bool,
        typer.Option(
            "--sliding-window",
            help="compute each token from the last window of tokens afresh (default if trained on windows)",
        ),
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
            help="conditioning, guidance, rejection, smc (by default conditioning if the run was trained with "
            "--rating; with --guidance also guidance; with --critic also rejection)",
        ),
    ] = None,
    critic: Annotated[
        Path | None, typer.Option(rich_help_panel=_RATED, metavar="CRITIC", help="folder of a critic")
    ] = None,
) -> None:
    """Generate text in the style of RUN's corpus."""
    from seqloom.api.generating_run import GeneratingRun

    if settings.get("stateful") and sliding_window:
        raise ConfigError("`stateful` and `sliding_window` contradict each other: leave out one of the two")
    if sliding_window:
        settings["stateful"] = False
    settings |= {name: value for name, value in (("methods", methods), ("critic", critic)) if value is not None}
    opened = GeneratingRun(run)
    if rating:
        settings["rating"] = _requested_rating(rating, opened.config.conditions)
    if settings.keys() & _RATING_CONTROL_SETTINGS:
        _generate_rated(opened, prompt, count, settings, as_json=json)
    elif json:
        samples = opened.generate_iter(prompt, count, _options(settings, count))
        # 1 is the default of the guidance; a value in `settings` replaces it.
        guidance = {"guidance": 1.0} if rating else {}
        origin = {**_run_origin(opened), **guidance, **_sampling_origin(settings)}
        kept = list(samples)
        print_json({"samples": [_as_json(sample, prompt, origin) for sample in kept]})
        check_matched(kept, pick(SamplingConfig, settings))
    else:
        _print(opened, prompt, count, settings)


def _options(settings: dict[str, Any], count: int) -> GenerationOptions:
    """Return the options of a generation, or report all their faults in one error."""
    faults = count_faults(count, settings.get("beam", 0))
    try:
        sampling = pick(SamplingConfig, settings)
    except ConfigError as error:
        raise ConfigError(*faults, *error.faults) from None
    validate(*[(False, fault) for fault in faults])
    others = {name: settings[name] for name in ("rating", "guidance", "extrapolate") if name in settings}
    return GenerationOptions(sampling=sampling, decoding=pick(DecodingConfig, settings), **others)


def _generate_rated(run: "GeneratingRun", prompt: str, count: int, settings: dict[str, Any], *, as_json: bool) -> None:
    """Generate texts by rating control; accepted texts are printed even if a later one fails."""
    chosen, settings = settings, dict(settings)  # `settings` becomes the keyword arguments of `generate_rated`
    if "rating" not in settings:
        named = [f"`{name}`" for name in settings if name in _RATING_CONTROL_SETTINGS]
        have, them = ("have", "them") if len(named) > 1 else ("has", "it")
        raise ConfigError(
            f"{', '.join(named)} {have} no meaning without `rating`: add a rating to write for, or leave {them} out"
        )
    if "methods" in settings:
        settings["methods"] = tuple(settings.pop("methods").split(","))
    generation = run.generate_rated(settings.pop("rating"), prompt, count, **settings)
    kept: list[RatedSample] = []
    shown_prompt = "" if as_json else dimmed(visible(_known_prompt(run, prompt)))
    no_heading_yet = count > 1
    try:
        for number, rated in enumerate(generation, 1):
            if not as_json:
                start = _shown_rating(rated.predicted) + shown_prompt
                pieces, heading = _single_piece(rated.sample), _heading(number, count)
                _, no_heading_yet = _show(pieces, heading, start, buffer_first_line=no_heading_yet)
            kept.append(rated)
    except KeyboardInterrupt:
        note(f"kept {_kept_so_far(generation, len(kept))}")
        raise
    finally:
        if as_json:
            origin = {**_run_origin(run), **_sampling_origin(chosen), **_rating_control_origin(generation)}
            samples = [
                {
                    **_as_json(rated.sample, prompt, origin),
                    "rating_wanted": rated.target,
                    "rating_predicted": rated.predicted,
                    "effective_size": rated.effective_size,
                }
                for rated in kept
            ]
            print_json({"samples": samples, "methods": list(generation.plan.methods), **_costs(generation)})
    for line in _summary(generation):
        note(line)
    check_matched([rated.sample for rated in kept], generation.config)


def _single_piece(sample: "Sample") -> Generator[str, None, "Sample"]:
    """Yield a finished text as a stream of one piece."""
    yield sample.text
    return sample


def _shown_rating(predicted: float | None) -> str:
    """Return the critic's rating as shown before a text in a terminal; empty for a file, which gets only texts."""
    return dimmed(f"{predicted:.2f}  ") if predicted is not None and shows_terminal() else ""


def _run_origin(run: "GeneratingRun") -> dict[str, Any]:
    """Return the origin of a sample, for JSON: the version of seqloom and the run."""
    return {"seqloom": __version__, "run": str(run.path)}


def _sampling_origin(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of sampling, for JSON: the chosen ones and the main defaults; a watermark's key is hashed."""
    from seqloom.sampling.watermark import fingerprint

    config = SamplingConfig()
    values = {name: getattr(config, name) for name in ("length", "temperature", "seed")} | settings
    if "watermark" in values:
        values["watermark"] = {"key_sha256": fingerprint(values["watermark"])}
    return values if math.isfinite(values["temperature"]) else {**values, "temperature": "inf"}


def _rating_control_origin(generation: "RatedGeneration") -> dict[str, Any]:
    """Return the settings of rating control, for JSON, including those that the user left to seqloom."""
    request = generation.plan.request
    values = {name: getattr(request, name) for name in ("guidance", "tolerance", "budget", "particles")}
    settings = {name: value for name, value in values.items() if value is not None}
    critic = None if request.critic is None else str(request.critic)
    return {"methods": ",".join(generation.plan.methods), "critic": critic, **settings}


def _kept_so_far(generation: "RatedGeneration", num_kept: int) -> str:
    """Return in words how many texts were accepted so far, and after how many ratings by the critic."""
    stats = generation.rejection_stats
    ratings = "" if stats is None else f" after {stats.generated:,} ratings by the critic"
    return f"{num_kept:,} of {generation.count:,} requested texts{ratings}"


def _costs(generation: "RatedGeneration") -> dict[str, Any]:
    """Return the cost of rejection and smc, in JSON's types.

    The effective size is the effective number of particles: 1 if one particle has all the weight, and the number of all
    particles if their weights are equal.
    """
    costs: dict[str, Any] = {}
    if generation.rejection_stats is not None:
        report = generation.rejection_stats
        costs["rejection"] = {
            "wanted": report.requested,
            "written": report.generated,
            "kept": report.accepted,
            "tokens": report.tokens,
            "acceptance": report.acceptance,
            "tokens_per_kept": report.tokens_per_accepted,
            "shortfall": report.shortfall,
        }
    if generation.steered:
        costs["smc"] = {
            "effective_size": mean(sample.effective_size for sample in generation.steered),
            "resamplings": mean(sample.resamplings for sample in generation.steered),
            "tokens_per_text": mean(sample.tokens for sample in generation.steered),
        }
    return costs


def _summary(generation: "RatedGeneration") -> Iterator[str]:
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


def _requested_rating(values: list[str], conditions: "Conditions") -> str | dict[str, str]:
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


def _as_json(sample: "Sample", prompt: str, origin: dict[str, Any]) -> dict[str, Any]:
    return {**sample.to_json(), "prompt": prompt, "generated_by": origin}


def _print(run: "GeneratingRun", prompt: str, count: int, settings: dict[str, Any]) -> None:
    """Print each text after its prompt.

    Texts that are single lines are printed one per line. From the first text with several lines on, each text gets a
    heading.
    """
    streams = run.stream_many(prompt, count, _options(settings, count))
    shown_prompt = dimmed(visible(_known_prompt(run, prompt)))
    no_heading_yet, samples = count > 1, []
    for number, pieces in enumerate(streams, 1):
        heading = _heading(number, count)
        sample, no_heading_yet = _show(pieces, heading, shown_prompt, buffer_first_line=no_heading_yet)
        samples.append(sample)
        if sample.finish_reason == "stop" and not _was_cut(run, sample, prompt):
            note(f"text {number} ended early: the constraints allow no further token")
    speculative_stats = [sample.speculative for sample in samples if sample.speculative is not None]
    if speculative_stats:
        note(_drafting_gain(speculative_stats))
    check_matched(samples, pick(SamplingConfig, settings))


def _drafting_gain(stats: "list[SpeculativeStats]") -> str:
    """Return the mean gain from drafts over all samples, in one line."""
    tokens_per_step = mean(sample.tokens_per_step for sample in stats)
    acceptance = mean(sample.acceptance for sample in stats)
    gains = [sample.gain for sample in stats if sample.gain is not None]
    speed = f": {mean(gains):.2f} times as fast as without" if gains else ""
    return f"{tokens_per_step:.2f} tokens per step, {format_percent(acceptance)} of the drafts accepted{speed}"


def _heading(number: int, count: int) -> str:
    """Return the heading of a text; empty for a single text, and for the first text in a file."""
    if count == 1 or (number == 1 and not shows_terminal()):
        return ""
    return ("\n" if number > 1 else "") + dimmed(f"--- {number} of {count}") + "\n"


def _was_cut(run: "GeneratingRun", sample: "Sample", prompt: str) -> bool:
    """Return whether a stop string ended the text."""
    prompt_end = run.codec.pending_space(run.normalize(prompt))
    # Unlike `sample.text`, the decoded tokens still contain the stop string, and the space at the end of the prompt if
    # that belongs to the first token. Without this space, any difference is the stop string.
    return run.codec.decode_text(sample.tokens).removeprefix(prompt_end) != sample.text


def _show(
    pieces: Generator[str, None, "Sample"], heading: str, prompt: str, *, buffer_first_line: bool
) -> tuple["Sample", bool]:
    """Print a heading and a text, piece by piece.

    Args:
        pieces: pieces of the text; the generator returns the sample.
        heading: heading.
        prompt: text to print between the heading and the first piece.
        buffer_first_line: whether to buffer the text until it has a line break. A text without a line break is then
            printed at its end, without the heading.

    Returns:
        The sample, and whether the text was printed without the heading, as a single line.
    """
    buffers = buffer_first_line and "\n" not in prompt
    buffer = prompt
    if not buffers:
        print(heading, prompt, sep="", end="", flush=True)
    while True:
        try:
            piece = visible(next(pieces))
        except StopIteration as stop:
            print(buffer if buffers else "", flush=True)
            return cast("Sample", stop.value), buffers
        if buffers and "\n" in piece:
            print(heading, buffer, sep="", end="")
            buffers = False
        if buffers:
            buffer += piece
        else:
            print(piece, end="", flush=True)


def _known_prompt(run: "GeneratingRun", prompt: str) -> str:
    """Return the normalized prompt without the symbols that the run does not know; report the symbols left out."""
    normalized = run.normalize(prompt)
    unknown = dict(run.codec.unknown_symbols(normalized))
    if unknown:
        left_out = ", ".join(map(repr, dict.fromkeys(unknown.values())))
        note(f"left out of the prompt: {left_out}")
    return run.codec.known_text(normalized)
