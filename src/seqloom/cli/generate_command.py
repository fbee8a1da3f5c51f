"""`seqloom generate`: text on the screen as it is generated, samples as JSON, or a file of texts."""

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqloom.cli.generated_texts import TextPrinter, note_unknown
from seqloom.cli.interactive import interact
from seqloom.cli.options import Section, with_settings
from seqloom.cli.output import note, print_json, print_json_line
from seqloom.cli.rated_generation import requested_rating
from seqloom.cli.text_requests import TextRequest, check_sampling, parse_temperatures, read_prompts, text_requests
from seqloom.cli.value_files import FileText
from seqloom.config import DecodingConfig, SamplingConfig, validate
from seqloom.config.text_grammars import GRAMMAR_SETTINGS
from seqloom.errors import ConfigError
from seqloom.generation.sample_table import check_sample_file, has_own_writer, payload_paths, write_samples
from seqloom.plural import counted
from seqloom.rating.request import RatingRequest
from seqloom.writers.soundfont_file import check_soundfont

if TYPE_CHECKING:
    from seqloom.api.generating_run import GeneratingRun

__all__ = ["generate"]

# Headings of the help.
_DRAW = "How each token is drawn"
_TEXT = "What the text must and must not contain"
_RATED = "Rating to write for (runs trained with --rating)"
_OUTPUT = "Where the texts go (standard output by default)"

_CONSTRAINTS = ("min_length", "stop", "ban", *GRAMMAR_SETTINGS, "max_copy")
_GENERAL = ("length", "seed", "draft_length")


@with_settings(
    Section(None, SamplingConfig, only=_GENERAL),
    Section(None, DecodingConfig, negatable=False),
    Section(_RATED, RatingRequest, negatable=False),
    Section(_DRAW, SamplingConfig, skip=(*_GENERAL, *_CONSTRAINTS, "temperature")),
    Section(_TEXT, SamplingConfig, only=_CONSTRAINTS),
    checks=False,
)
def generate(
    settings: dict[str, Any],
    run: Annotated[Path, typer.Argument(help="folder of a run", metavar="RUN")],
    prompt: Annotated[
        list[str] | None, typer.Option("--prompt", "-p", help="text to continue, - for standard input; repeatable")
    ] = None,
    prompt_file: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="file with one prompt; repeatable")
    ] = None,
    interactive: Annotated[
        bool, typer.Option("--interactive", "-i", help="take turns with the run, which continues the text so far")
    ] = False,
    count: Annotated[int, typer.Option("--count", "-n", help="number of texts for each prompt and temperature")] = 1,
    sliding_window: Annotated[
        bool,
        typer.Option(
            "--sliding-window",
            help="read the last window of tokens again for each token (default if trained on windows)",
        ),
    ] = False,
    temperature: Annotated[
        str | None,
        typer.Option(
            "--temperature",
            "-t",
            rich_help_panel=_DRAW,
            metavar="T[,T...]",
            help="softmax temperature; 0 is greedy; several, with commas, are compared (1)",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            rich_help_panel=_OUTPUT,
            help="new file (.txt .csv .tsv .jsonl .parquet; music .mid .wav .png, tunes .abc, drawings .svg .npz .png)",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=_OUTPUT, help="replace the output file")
    ] = False,
    soundfont: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=_OUTPUT, metavar="FILE", help="music: instruments of a .wav file, in the format SF2"
        ),
    ] = None,
    animate: Annotated[
        bool, typer.Option("--animate", rich_help_panel=_OUTPUT, help="drawings: an .svg file that draws itself")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", rich_help_panel=_OUTPUT, help="print one JSON object and nothing else")
    ] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", rich_help_panel=_OUTPUT, help="print one JSON object per text, and nothing else")
    ] = False,
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
    contradictions = {
        ("stateful", "sliding_window"): settings.get("stateful") and sliding_window,
        ("json", "jsonl"): json and jsonl,
    }
    if interactive:
        others = {"output": output, "json": json, "jsonl": jsonl, "count": count > 1, "critic": critic}
        contradictions |= {("interactive", name): value for name, value in others.items()}
    temperatures = _checked_temperatures(temperature, settings, count, contradictions)
    if soundfont is not None:
        if output is None or not has_own_writer(output):
            raise ConfigError("`soundfont` renders music: name an `output` that ends in .wav")
        check_soundfont(soundfont)
    if animate and (output is None or not has_own_writer(output)):
        raise ConfigError("`animate` needs an `output` that ends in .svg")
    if output is not None:
        if not has_own_writer(output):
            check_sample_file(output, may_exist=overwrite)
        grammars = [Path(value.path) for value in settings.values() if isinstance(value, FileText)]
        _check_no_input(output, [*(prompt_file or ()), *grammars], reads_standard_input="-" in (prompt or ()))
    if sliding_window:
        settings["stateful"] = False
    settings |= {name: value for name, value in (("methods", methods), ("critic", critic)) if value is not None}
    texts = read_prompts(prompt or (), prompt_file or ())
    from seqloom.api.generating_run import GeneratingRun

    opened = GeneratingRun(run)
    prompts = [text if isinstance(text, str) else opened.generators.prompt_of_file(text) for text in texts]
    options = {name: value for name, value in (("soundfont", soundfont), ("animate", animate)) if value}
    if output is not None and has_own_writer(output):
        num_texts = count * len(prompts) * max(1, len(temperatures))
        opened.generators.check_payload_files(output, num_texts, may_exist=overwrite, options=options)
    if rating:
        settings["rating"] = requested_rating(rating, opened.config.conditions)
    if interactive:
        _interact(opened, prompts, temperatures, settings)
        return
    requests = text_requests(opened, prompts, temperatures, count, settings)
    for request in requests:
        request.prepare(streams=not (json or jsonl or output))
    note_unknown(opened, prompts)
    try:
        if output is not None:
            if has_own_writer(output):
                _write_payloads(requests, output, options, as_json=json)
            else:
                _write_file(requests, output, as_json=json)
        elif jsonl:
            _print_lines(requests)
        elif json:
            _print_object(requests)
        else:
            _print_texts(requests, count)
    except KeyboardInterrupt:
        for request in requests:
            request.note_interruption()
        raise


def _check_no_input(output: Path, files: Sequence[Path], *, reads_standard_input: bool) -> None:
    """Check that the file of texts replaces no file that the command reads."""
    if not output.exists():
        return
    inputs = [file.stat() for file in files if file.exists()]
    if reads_standard_input:
        with contextlib.suppress(OSError, ValueError):  # of a stream that is no file
            inputs.append(os.fstat(sys.stdin.fileno()))
    if any(os.path.samestat(output.stat(), status) for status in inputs):
        raise ConfigError(f"`output` got {output}, which the command reads: name another file")


def _checked_temperatures(
    temperature: str | None,
    settings: dict[str, Any],
    count: int,
    contradictions: Mapping[tuple[str, str], Any],
) -> tuple[float, ...]:
    """Return the temperatures after a check of everything that depends on the arguments alone.

    Args:
        temperature: temperatures with commas between them; None for the default one.
        settings: settings of generation that the user has set.
        count: number of texts.
        contradictions: true values for each pair of arguments that contradict each other.

    Raises:
        ConfigError: some arguments are wrong, all of which are listed.
    """
    faults = [
        f"`{first}` and `{second}` contradict each other: leave out one of the two"
        for (first, second), holds in contradictions.items()
        if holds
    ]
    temperatures: tuple[float, ...] = ()
    try:
        temperatures = parse_temperatures(temperature)
    except ConfigError as error:
        faults += error.faults
    try:
        check_sampling(settings, temperatures, count)
    except ConfigError as error:
        faults += error.faults
    validate(*[(False, fault) for fault in faults])
    return temperatures


def _interact(
    run: "GeneratingRun", prompts: Sequence[str], temperatures: Sequence[float], settings: dict[str, Any]
) -> None:
    if len(prompts) > 1 or len(temperatures) > 1:
        raise ConfigError("`interactive` writes one text: give one `prompt` and one `temperature`")
    interact(run, prompts[0], {**settings, "temperature": temperatures[0]} if temperatures else settings)


def _print_texts(requests: Sequence[TextRequest], count: int) -> None:
    """Print all texts, each as soon as it grows or is accepted."""
    printer = TextPrinter(count * len(requests), labels=len(requests) > 1)
    for request in requests:
        request.show(printer)
        request.conclude()


def _print_lines(requests: Sequence[TextRequest]) -> None:
    """Print each text as a line of JSON as soon as it is finished."""
    for request in requests:
        for row in request.rows():
            print_json_line(row)
        request.conclude()


def _print_object(requests: Sequence[TextRequest]) -> None:
    """Print all texts as one JSON object; if rating control fails, those that it has accepted."""
    rows: list[dict[str, Any]] = []
    try:
        for request in requests:
            rows.extend(request.rows())
    finally:
        if rows or all(request.generation is not None for request in requests):
            if len(requests) == 1:
                print_json({"samples": rows, **requests[0].costs()})
            else:
                origins = [{"prompt": one.prompt, **_temperature(one), **one.costs()} for one in requests]
                print_json({"samples": rows, "requests": origins})
    for request in requests:
        request.conclude()


def _temperature(request: TextRequest) -> dict[str, Any]:
    return {name: request.settings[name] for name in ("temperature",) if name in request.settings}


def _write_file(requests: Sequence[TextRequest], output: Path, *, as_json: bool) -> None:
    """Write all texts into a file; after Ctrl-C or a failure, those that were finished."""
    rows: list[dict[str, Any]] = []
    try:
        for request in requests:
            rows.extend(_cells(row, request) for row in request.rows())
    finally:
        if rows:
            write_samples(output, rows)
            note(f"{output}: {counted(len(rows), 'text')}")
    if not rows:
        write_samples(output, rows)
        note(f"{output}: no texts")
    if as_json:
        print_json({"output": str(output), "texts": len(rows)})
    for request in requests:
        request.conclude()


def _write_payloads(
    requests: Sequence[TextRequest], output: Path, options: Mapping[str, Any], *, as_json: bool
) -> None:
    """Write each sample into a file of its own as soon as it is finished."""
    paths = payload_paths(output, sum(request.count for request in requests))
    written: list[str] = []
    for request in requests:
        for _ in request.rows():
            path = paths[len(written)]
            request.run.generators.write_payload(request.finished[-1], request.prompt, path, options)
            written.append(str(path))
            note(str(path))
        request.conclude()
    if as_json:
        print_json({"output": written})


def _cells(row: dict[str, Any], request: TextRequest) -> dict[str, Any]:
    """Return the cells of a text: its JSON object, with the requested rating."""
    rating = request.settings.get("rating")
    if isinstance(rating, dict):
        rating = ", ".join(f"{name}={value}" for name, value in rating.items())
    return {**row, "rating": rating if row.get("rating_wanted") is None else row["rating_wanted"]}
