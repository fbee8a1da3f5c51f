"""`seqloom info` and `seqloom plot`: describe a run, and draw its plots."""

from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer

from seqloom.cli.output import note, print_json, print_line, print_table, short_number
from seqloom.config import validate
from seqloom.files import quoted_path
from seqloom.percent import format_percent, format_share
from seqloom.plural import counted, first_part

__all__ = ["info", "plot", "runs"]

_BITS = "bits_per_"

_Run = Annotated[Path, typer.Argument(help="folder of a run", metavar="RUN")]


def _api() -> ModuleType:
    """Import the Python interface, which is slow, when a command needs it."""
    from seqloom import api

    return api


def info(
    run: Annotated[Path, typer.Argument(help="folder of a run, a critic or a detector", metavar="RUN")],
    verify: Annotated[bool, typer.Option("--verify", help="check every file that has a checksum")] = False,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")] = False,
) -> None:
    """Describe RUN: its model, corpus and training; for a critic or detector, its quality."""
    kind, described = _api().describe(run, verify=verify)
    if json:
        print_json(described)
    else:
        rows = {"critic": _critic_rows, "detector": _detector_rows, "run": _run_rows}[kind](described)
        print_table([*rows, *([("verified", ", ".join(described["verified"]))] if verify else [])])


def runs(
    folder: Annotated[Path, typer.Argument(help="folder of runs", metavar="[DIR]")] = Path("runs"),
    json: Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")] = False,
) -> None:
    """List the runs, critics and detectors in DIR (runs), and compare the runs of each corpus.

    The best run of a corpus comes first: that with the fewest bits per character on unseen text.
    """
    listed = _api().list_runs(folder)
    if json:
        print_json({"runs": listed})
        return
    if not listed:
        note(f"no runs in {folder}: train one with 'seqloom train SOURCE'")
        return
    heading = ("run", "corpus", "model", "steps", "held-out", "validation")
    print_table([heading, *map(_summary_row, listed)], has_heading=True)
    for summary in listed:
        if summary["kind"] == "run" and summary.get("steps", 0) is None:
            note(f"to continue an unfinished run: {_resume_command(summary['run'])}")
            return


def _resume_command(run: str) -> str:
    return f"seqloom train --resume --run {quoted_path(Path(run))}"


def _summary_row(summary: dict[str, Any]) -> tuple[str, ...]:
    """Return a run in the table of runs; likelihoods are in bits per character, or in the unit of the codec."""
    if "corpus" not in summary:
        return summary["run"], "", summary.get("fault", summary["kind"]), "", "", ""
    shape = f"{summary['core']} {'+'.join(map(str, summary['hidden_sizes']))}, {summary['level']}"
    model = f"GAN, {shape}" if summary["kind"] == "gan" else shape
    steps = "unfinished" if summary["steps"] is None else f"{summary['steps']:,}"
    likelihoods = (_bits(summary[part]) for part in ("held_out", "validation"))
    return summary["run"], Path(summary["corpus"]).name, model, steps, *likelihoods


def _bits(figures: dict[str, float] | None) -> str:
    for name, value in (figures or {}).items():
        if name.startswith(_BITS):
            return f"{value:.4f} bits per {_unit(name)}"
    return ""


def _unit(measure: str) -> str:
    """Return the unit of a measure of bits, such as "character" for "bits_per_char"."""
    unit = measure.removeprefix(_BITS).replace("_", " ")
    return "character" if unit == "char" else unit


def _detector_rows(described: dict[str, Any]) -> list[tuple[str, str]]:
    pool = "" if described["pool"] is None else f", pool {described['pool']}"
    rows = [("detector", described["detector"]), ("real", f"{described['real']}{pool}: {described['texts']['real']:,}")]
    sources = ", ".join([*described["generators"], *described["generated"]]) or f"labelled, {described['real']}"
    rows.append(("generated", f"{sources}: {described['texts']['generated']:,}"))
    rows += [
        (
            "differs in form",
            f"{leak['sign']}: {format_percent(leak['real'])} real, {format_percent(leak['generated'])} generated",
        )
        for leak in described["leaks"]  # signs of formatting that are much more frequent in one kind of text
    ]
    return rows + [(name, f"AUC {format_share(area)} (unseen texts)") for name, area in described["areas"].items()]


def _critic_rows(described: dict[str, Any]) -> list[tuple[str, str]]:
    texts, groups = described["texts"], described["groups"]
    learned_from = f"{texts:,} texts" if groups in (None, texts) else f"{texts:,} texts in {groups:,} groups"
    if described["fitted"] < texts:
        learned_from = f"{described['fitted']:,} of {learned_from}"
    pool = "the whole table" if described["pool"] is None else f"pool {described['pool']}"
    cut = f", cut to {described['cut_words']:,} words" if described["cut_words"] else ""
    scaling = ", scaled by rank" if described["heavy"] else ""  # the distribution of the ratings has a heavy tail
    return [
        ("critic", described["critic"]),
        ("rating", f"{described['rating']}, {described['lowest']:g} to {described['highest']:g}{scaling}"),
        ("source", f"{described['source']}, {pool}"),
        ("learned", f"{learned_from}{cut}"),
        *(
            (
                name,
                f"r {figures['pearson']:.3f}   mean error {short_number(figures['mean_error'])} (unseen texts)",
            )
            for name, figures in described["readers"].items()  # the members of the critic, and their blend
        ),
    ]


def _run_rows(described: dict[str, Any]) -> list[tuple[str, str]]:
    trained, training = described["trained"], described["training"]
    state = "finished" if trained["finished"] else "unfinished" if trained["weights"] else "unfinished, no weights yet"
    rows = [
        ("run", described["run"]),
        ("corpus", described["corpus"]),
        ("level", f"{described['level']}, {described['vocabulary']:,} symbols"),
        ("core", f"{described['core']} of {' + '.join(map(str, described['hidden_sizes']))}"),
        ("parameters", f"{described['parameters']:,}"),
        ("trained", f"{trained['steps']:,} of {counted(trained['total_steps'], 'step')} ({state})"),
        *([] if trained["finished"] or described["gan"] else [("to continue", _resume_command(described["run"]))]),
        ("batches", f"{training['batch_size']} of {training['sequence_length']} tokens, {training['batching']}"),
        ("generation", described["generation"]),
        ("kernel", described["kernel"]),
    ]
    for column in described["ratings"]:
        knots = column.get("knots")  # numbers from the lowest to the highest rating; a column of names has none
        shown = f"{knots[0]:g} to {knots[-1]:g}" if knots else f"{len(column['values']):,} names"
        rows.append(("rating", f"{column['name']}, {shown} (generate for it with --rating)"))
    if gan := described["gan"]:
        rows += _gan_rows(gan, described)
    rows += [(name, str(described[name])) for name in ("preset", "parent") if described[name]]
    for part in ("validation", "held_out"):
        if scored := described["metrics"].get(part, {}).get("full_context"):
            rows.append((part.replace("_", "-"), _format_likelihood(scored)))
    return rows


def _format_likelihood(measures: dict[str, float]) -> str:
    nats = f"{measures['nats_per_token']:.4f} nats per token"
    bits_name = next((name for name in measures if name.startswith(_BITS)), None)
    if bits_name is None:
        return nats + first_part(measures)
    return f"{nats}, {measures[bits_name]:.4f} bits per {_unit(bits_name)}{first_part(measures)}"


def _gan_rows(gan: dict[str, Any], described: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("noise", f"{described['model']['noise_size']} dimensions, target KL {gan['target_kl_nats']:g} nats per text"),
        (
            "GAN",
            f"{counted(gan['pretrain_steps'], 'step')} of VAE pretraining, then {gan['rounds_done']:,} of "
            f"{counted(gan['adversarial_steps'], 'adversarial step')}, loss {gan['loss']}",
        ),
    ]
    if measured := described["metrics"]:
        rows.append(
            (
                "adversarial",
                f"discriminator accuracy inside the band in {format_percent(measured['inside_band'])} of the steps, "
                f"{counted(len(measured['rollbacks']), 'rollback')}; "
                f"{format_percent(measured['distinct_greedy'])} of greedy texts differ",
            )
        )
    return rows


def plot(
    run: _Run,
    prompt: Annotated[str, typer.Option(help="text before the next token")] = "",
    temperature: Annotated[
        list[float] | None, typer.Option(help="softmax temperature; repeatable (0.2, 0.5, 1 and 1.2)")
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="skip symbols of the prompt that the run does not know")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder for the plots (the run's plots/)", metavar="FOLDER")
    ] = None,
) -> None:
    """Draw the loss of RUN and the effect of temperature.

    Prints the paths of the plots.
    """
    validate(
        *(
            (value >= 0, f"`temperature` got {value:g}: choose a number from 0 up; 0 is greedy, 1 is usual")
            for value in temperature or ()
        )
    )
    settings = {"temperatures": temperature} if temperature else {}
    for path in _api().load(run).plot(prompt, skip_unknown=skip_unknown, folder=folder, **settings):
        print_line(path)
