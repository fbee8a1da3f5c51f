"""`seqloom critic`: fitting a model of ratings, and rating a table with it."""

from pathlib import Path
from typing import Annotated

import typer

from seqloom.cli.help import SectionedCommand
from seqloom.cli.output import magnitude, print_json, print_table, say

__all__ = ["app"]

app = typer.Typer(help="Predict the rating of texts.", rich_markup_mode=None, no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


@app.command(cls=SectionedCommand, epilog="Example: seqloom critic fit reviews.csv --text text --rating stars --run c")
def fit(
    source: Annotated[str, typer.Argument(help="a table of rated texts", metavar="SOURCE")],
    run: Annotated[Path, typer.Option(help="folder for the critic")],
    text: Annotated[str, typer.Option(metavar="COLUMN", help="column of the text")],
    rating: Annotated[str, typer.Option(metavar="COLUMN", help="column of the rating")],
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="column that says which rows belong together")
    ] = None,
    pool: Annotated[
        str | None, typer.Option(help="read one of the disjoint parts of the table: generator, critic, judge, ...")
    ] = None,
    cut_words: Annotated[int, typer.Option(help="cut texts of more words short, where a sentence ends (0: off)")] = 0,
    encoder: Annotated[
        bool,
        typer.Option("--encoder/--no-encoder", help="also train convolutions over words; takes as long again"),
    ] = False,
    folds: Annotated[int, typer.Option(help="parts that the texts are divided into to learn the blend")] = 4,
    seed: Annotated[int, typer.Option(help="of folds, weights and order")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the critic that the folder holds")] = False,
    json: _Json = False,
) -> None:
    """Learn to predict the rating of a text from SOURCE, and keep what was learned in a folder.

    Each reader, and the blend of them, is measured on texts that it did not see.
    """
    from seqloom.critic.fit import fit_critic

    critic = fit_critic(
        source,
        run=run,
        text=text,
        rating=rating,
        group=group,
        pool=pool,
        cut_words=cut_words,
        encoder=encoder,
        folds=folds,
        seed=seed,
        overwrite=overwrite,
        note=say,
    )
    if json:
        print_json({"critic": str(run), "rating": rating, "report": critic.report_})
        return
    print_table(
        [
            (name, f"r {figures['pearson']:.3f}   mean error {magnitude(figures['mean_error'])}")
            for name, figures in critic.report_.items()
        ]
    )
    say(f"critic: {run}   rate with it: seqloom critic rate {run} TABLE --text {text} -o FILE")


@app.command(cls=SectionedCommand, epilog="Example: seqloom critic rate c new.csv --text text -o rated.csv")
def rate(
    critic: Annotated[
        Path, typer.Argument(help="folder of a critic, or of a run trained with --rating", metavar="CRITIC")
    ],
    source: Annotated[str, typer.Argument(help="a table of texts", metavar="SOURCE")],
    text: Annotated[str, typer.Option(metavar="COLUMN", help="column of the text")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the new table (.csv, .tsv or .jsonl)")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the table that is there")] = False,
    json: _Json = False,
) -> None:
    """Write SOURCE again with a column rating_predicted, which is empty where there is no text."""
    from seqloom.critic.rate_table import RATING_COLUMN, rate_table

    rows = rate_table(critic, source, text=text, output=output, overwrite=overwrite, note=say)
    if json:
        print_json({"rows": rows, "output": str(output), "column": RATING_COLUMN})
    else:
        say(f"{output}: {rows:,} rows with {RATING_COLUMN}")
