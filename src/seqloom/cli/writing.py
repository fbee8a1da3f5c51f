"""`seqloom generate`: text on the screen as it is written, or samples as JSON."""

from collections.abc import Generator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from seqloom.cli.output import dimmed, print_json, say, shows_terminal, visible
from seqloom.errors import ConfigError

if TYPE_CHECKING:
    from seqloom.sampling.sample import Drafting, Sample
    from seqloom.workflows.run import Run

__all__ = ["generate"]

_draw = partial(typer.Option, rich_help_panel="How each token is drawn")
_text = partial(typer.Option, rich_help_panel="What the text must and must not hold")
_OWN = ("run", "prompt", "count", "json")


def generate(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="folder of a run", metavar="RUN")],
    prompt: Annotated[str, typer.Option(help="text to go on from")] = "",
    length: Annotated[int | None, typer.Option(help="most tokens to write (400)")] = None,
    count: Annotated[int, typer.Option(help="how many texts")] = 1,
    seed: Annotated[int | None, typer.Option(help="the same seed writes the same texts at any --count (0)")] = None,
    carry: Annotated[
        bool | None,
        typer.Option("--carry", help="remember all that was read and written: fast (unless trained on windows)"),
    ] = None,
    windowed: Annotated[
        bool | None,
        typer.Option(
            "--windowed", help="forget, and read the last window again for each token: slow (if trained on windows)"
        ),
    ] = None,
    skip_unknown: Annotated[
        bool | None, typer.Option("--skip-unknown", help="leave out of the prompt what the run never saw")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(help="of the weights: float32, bfloat16 or int8 (the fastest that loses nothing)")
    ] = None,
    ahead: Annotated[
        int | None,
        typer.Option(
            help="most tokens a step writes, drafted by a model trained with --ahead; 1 is off (what suits its shape)"
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")] = False,
    temperature: Annotated[float | None, _draw(help="0 always takes the likeliest, above 1 is wild (1)")] = None,
    top_k: Annotated[int | None, _draw(help="from the K likeliest; 0 is off (0)")] = None,
    top_p: Annotated[float | None, _draw(help="from the likeliest that make up this share; 1 is off (1)")] = None,
    min_p: Annotated[float | None, _draw(help="from those this share as likely as the likeliest; 0 is off (0)")] = None,
    typical_p: Annotated[
        float | None, _draw(help="from the most typical that make up this share; 1 is off (1)")
    ] = None,
    repetition_penalty: Annotated[float | None, _draw(help="above 1 repeats less (1)")] = None,
    beam: Annotated[int | None, _draw(help="width of a search for the likeliest text, instead of drawing")] = None,
    min_length: Annotated[int | None, _text(help="fewest tokens before the text may end (0)")] = None,
    stop: Annotated[list[str] | None, _text(metavar="TEXT", help="end before this string; may be given again")] = None,
    ban: Annotated[list[str] | None, _text(metavar="TEXT", help="never write this string; may be given again")] = None,
    pattern: Annotated[str | None, _text(help="regular expression that the whole text matches")] = None,
    max_copy: Annotated[
        int | None, _text(help="most characters copied from the corpus in one piece; 0 is off (0)")
    ] = None,
) -> None:
    """Write new text in the manner of RUN's corpus."""
    from seqloom.workflows.run import load

    given = {name: value for name, value in context.params.items() if value not in (None, [], ()) and name not in _OWN}
    settings = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    if carry and windowed:
        raise ConfigError("--carry and --windowed contradict each other: leave out one of the two")
    if settings.pop("windowed", False):
        settings["carry"] = False
    opened = load(run)
    if json:
        samples = opened.iterate(prompt, count, **settings)
        origin = {"run": str(run), **settings}
        print_json({"samples": [_as_json(sample, prompt, origin) for sample in samples]})
    else:
        _print(opened, prompt, count, settings)


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
        **({} if sample.drafting is None else {"drafting": asdict(sample.drafting)}),
        "generated_by": origin,
    }


def _print(run: "Run", prompt: str, count: int, settings: dict[str, Any]) -> None:
    """Each text after its prompt: one a line, with headings between them once a text has several lines."""
    streams = run.streams(prompt, count, **settings)
    shown = dimmed(visible(_as_known(run, prompt)))
    only_lines, drafted = count > 1, []
    for number, pieces in enumerate(streams, 1):
        sample, only_lines = _show(pieces, _heading(number, count), shown, hold=only_lines)
        if sample.drafting is not None:
            drafted.append(sample.drafting)
        if sample.matched is False:
            say(f"text {number} ended before it matched the pattern")
        if sample.finish_reason == "stop" and not _was_cut(run, sample, prompt):
            say(f"text {number} ended early: nothing that is allowed is left to write")
    if drafted:
        say(_drafted(drafted))


def _drafted(found: "list[Drafting]") -> str:
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
    begun = run.codec.unfinished(run.as_read(prompt))
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
    read = run.as_read(prompt)
    unknown = dict(run.codec.unknown(read))
    if unknown:
        left_out = ", ".join(map(repr, dict.fromkeys(unknown.values())))
        say(f"left out of the prompt: {left_out}")
    return "".join(symbol for at, symbol in enumerate(read) if at not in unknown)
