"""`seqloom critic`: fit a model of ratings, and rate a table with it."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from seqloom.cli.exit_codes import INTERRUPTED
from seqloom.cli.help import CommandGroup, SectionedCommand
from seqloom.cli.options import Section, with_settings
from seqloom.cli.output import note, print_json, print_table, short_number
from seqloom.cli.reported_stages import reported_stages
from seqloom.cli.table_output import STANDARD_OUTPUT, table_output
from seqloom.config import ReadingConfig, validate
from seqloom.config.critic import CriticConfig
from seqloom.corpora.sources import check_source
from seqloom.plural import counted

__all__ = ["app"]

app = typer.Typer(cls=CommandGroup, help="Predict the rating of texts.", rich_markup_mode=None, no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


@app.command(cls=SectionedCommand, epilog="Example: seqloom critic fit reviews.csv --text text --rating stars --run c")
@with_settings(
    Section(None, ReadingConfig, only=("text", "group", "pool", "missing"), required=("text",)),
    Section(None, CriticConfig),
)
def fit(
    settings: dict[str, Any],
    source: Annotated[str, typer.Argument(help="table of rated texts", metavar="SOURCE")],
    run: Annotated[Path, typer.Option(help="folder for the critic")],
    rating: Annotated[str, typer.Option(metavar="COLUMN", help="column of the rating")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the critic in the folder")] = False,
    json: _Json = False,
) -> None:
    """Learn to predict the rating of a text from SOURCE, and keep the critic in a folder.

    A critic blends several models. Each of them, and the blend, is measured on unseen texts.
    """
    check_source(source)
    with reported_stages(settings.get("minutes")) as progress:
        from seqloom.critic.fit import fit_critic

        critic = fit_critic(
            source,
            run=run,
            rating=rating,
            overwrite=overwrite,
            **progress,
            **settings,
        )
    if critic.interrupted_:
        note(f"seqloom: interrupted; the critic in {run} was fitted to {critic.num_fitted_:,} texts")
        raise typer.Exit(INTERRUPTED)
    if json:
        print_json({"critic": str(run), "rating": rating, "report": critic.report_})
        return
    print_table(
        [
            (name, f"r {figures['pearson']:.3f}   mean error {short_number(figures['mean_error'])}")
            for name, figures in critic.report_.items()
        ]
    )
    text = shlex.quote(settings["text"])
    note(f"critic: {run}   rate texts with: seqloom critic rate {run} TABLE --text {text} -o FILE")


@app.command(cls=SectionedCommand, epilog="Example: seqloom critic rate c new.csv --text text -o rated.csv")
def rate(
    critic: Annotated[
        Path, typer.Argument(help="folder of a critic, or of a run trained with --rating", metavar="CRITIC")
    ],
    source: Annotated[str, typer.Argument(help="table of texts", metavar="SOURCE")],
    text: Annotated[str, typer.Option(metavar="COLUMN", help="column of the text")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="new table (.csv, .tsv, .jsonl or .parquet; - prints CSV)")
    ],
    top: Annotated[int, typer.Option(help="write only the K rows with the highest rating, sorted; 0 is off")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the output file")] = False,
    json: _Json = False,
) -> None:
    """Rate the texts of SOURCE: copy the table, with a new column rating_predicted (empty in rows without a text)."""
    validate((top >= 0, f"`top` got {top}: choose a whole number from 0 up"))
    check_source(source)
    with table_output(output, as_json=json, may_exist=overwrite) as path:
        from seqloom.critic.rate_table import RATING_COLUMN, rate_table

        rows = rate_table(critic, source, text=text, output=path, top=top, overwrite=overwrite, note=note)
    if json:
        print_json({"rows": rows, "output": str(output), "column": RATING_COLUMN})
    elif output != STANDARD_OUTPUT:
        note(f"{output}: {counted(rows, 'row')} with {RATING_COLUMN}")
