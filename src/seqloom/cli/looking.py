"""`seqloom info` and `seqloom plot`: what a run is, and its pictures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from seqloom.cli.output import print_json, print_table
from seqloom.config import check

__all__ = ["info", "plot"]

_Run = Annotated[Path, typer.Argument(help="folder of a run", metavar="RUN")]


def info(
    run: _Run,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")] = False,
) -> None:
    """Say what RUN is: its model, its corpus, how far its training is."""
    from seqloom.workflows.run import load

    described = load(run).info()
    if json:
        print_json(described)
    else:
        print_table(_rows(described))


def _rows(described: dict[str, Any]) -> list[tuple[str, str]]:
    trained, training = described["trained"], described["training"]
    state = "finished" if trained["finished"] else "weights are there" if trained["weights"] else "no weights yet"
    rows = [
        ("run", described["run"]),
        ("corpus", described["corpus"]),
        ("level", f"{described['level']}, {described['vocabulary']:,} symbols"),
        ("core", f"{described['core']} of {' + '.join(map(str, described['sizes']))}"),
        ("parameters", f"{described['parameters']:,}"),
        ("trained", f"{trained['steps']:,} of {trained['total_steps']:,} steps ({state})"),
        ("batches", f"{training['lanes']} {training['batching']} of {training['window']} tokens"),
        ("generation", described["generation"]),
        ("kernel", described["kernel"]),
    ]
    for column in described["ratings"]:
        knots = column.get("knots")
        shown = f"{knots[0]:g} to {knots[-1]:g}" if knots else f"{len(column['values']):,} names"
        rows.append(("rating", f"{column['name']}, {shown} (write to it with --rating)"))
    rows += [(name, str(described[name])) for name in ("preset", "parent") if described[name]]
    for part in ("validation", "held_out"):
        if scored := described["metrics"].get(part, {}).get("full_context"):
            found = f"{scored['nats_per_token']:.4f} nats a token, {scored['bits_per_char']:.4f} bits a character"
            rows.append((part.replace("_", "-"), found))
    return rows


def plot(
    run: _Run,
    prompt: Annotated[str, typer.Option(help="what the next token follows")] = "",
    temperature: Annotated[
        list[float] | None, typer.Option(help="of the fan; may be given again (0.2, 0.5, 1 and 1.2)")
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="leave out symbols of the prompt that the run does not know")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="folder for the pictures (the run's plots/)", metavar="FOLDER")
    ] = None,
) -> None:
    """Draw RUN's loss and what temperature does to it.

    Prints the paths of the pictures.
    """
    from seqloom.workflows.looking import FAN, draw_plots
    from seqloom.workflows.run import load

    check(
        *(
            (value >= 0, f"--temperature got {value:g}: choose 0 (always the likeliest) or more; 1 is usual")
            for value in temperature or ()
        )
    )
    drawn = draw_plots(
        load(run), prompt=prompt, temperatures=temperature or FAN, skip_unknown=skip_unknown, folder=folder
    )
    for path in drawn:
        print(path)
