"""`seqloom detect`: telling what a generator wrote."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seqloom.cli.help import SectionedCommand
from seqloom.cli.output import print_json, print_table, say
from seqloom.cli.watermark_command import watermark

if TYPE_CHECKING:
    from seqloom.evaluation.classification_metrics import Interval

__all__ = ["app"]

app = typer.Typer(help="Tell what a generator wrote.", rich_markup_mode=None, no_args_is_help=True)

_Json = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


@app.command(
    cls=SectionedCommand,
    epilog="Example: seqloom detect fit --real reviews.csv --generator runs/reviews --text text --run detector",
)
def fit(
    run: Annotated[Path, typer.Option(help="folder for the detector")],
    real: Annotated[str, typer.Option(metavar="SOURCE", help="real texts")],
    generator: Annotated[
        list[str] | None, typer.Option(metavar="RUN", help="a run that writes generated texts; may be given again")
    ] = None,
    generated: Annotated[
        list[str] | None, typer.Option(metavar="SOURCE", help="texts that were generated already; may be given again")
    ] = None,
    critic: Annotated[
        Path | None, typer.Option(metavar="CRITIC", help="filter a part of what a rated generator writes with it")
    ] = None,
    text: Annotated[str | None, typer.Option(metavar="COLUMN", help="column of the text, in all tables")] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="column that says which real texts belong together")
    ] = None,
    pool: Annotated[
        str | None, typer.Option(help="read one of the disjoint parts of the real table: generator, critic, judge, ...")
    ] = None,
    minutes: Annotated[float, typer.Option(help="of training, for the two language models in all")] = 2.0,
    light: Annotated[bool, typer.Option("--light", help="leave out the language models and the encoder")] = False,
    count: Annotated[
        int | None, typer.Option(help="texts that the generators write in all (default: as many as are real)")
    ] = None,
    seed: Annotated[int, typer.Option(help="of all draws")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the detector that the folder holds")] = False,
    json: _Json = False,
) -> None:
    """Learn to tell generated texts from real ones, and keep what was learned in a folder.

    A generator writes in many ways: at several temperatures, with and without truncation and guidance. Texts of both
    sides are cut to like lengths, so that length tells nothing.
    """
    from seqloom.detector.fit import fit_detector

    detector = fit_detector(
        real,
        run=run,
        generators=generator or (),
        generated=generated or (),
        critic=critic,
        text=text,
        group=group,
        pool=pool,
        minutes=minutes,
        light=light,
        count=count,
        seed=seed,
        overwrite=overwrite,
        note=say,
    )
    if json:
        leaks = [str(confound) for confound in detector.confounds_]
        print_json({"detector": str(run), "auc": detector.report_, "leaks": leaks})
        return
    print_table(
        [("member", "area under the curve"), *((name, f"{area:.3f}") for name, area in detector.report_.items())]
    )
    say(f"detector: {run}   score with it: seqloom detect score {run} TABLE --text COLUMN -o FILE")
    say(f"measure it on texts that it has not seen: seqloom detect report {run} REAL --generated TABLE --text COLUMN")


@app.command(cls=SectionedCommand, epilog="Example: seqloom detect score detector new.csv --text text -o scored.csv")
def score(
    detector: Annotated[Path, typer.Argument(help="folder of a detector", metavar="DETECTOR")],
    source: Annotated[str, typer.Argument(help="a table of texts", metavar="SOURCE")],
    text: Annotated[str, typer.Option(metavar="COLUMN", help="column of the text")],
    output: Annotated[Path, typer.Option("--output", "-o", help="the new table (.csv, .tsv or .jsonl)")],
    prior: Annotated[float, typer.Option(help="share of generated texts that is expected in the table")] = 0.5,
    light: Annotated[bool, typer.Option("--light", help="ask only the light readers: many times as fast")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the table that is there")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="go on where an earlier call was interrupted")] = False,
    json: _Json = False,
) -> None:
    """Write SOURCE again with the probability that each text was generated.

    The new columns are p_generated; abstained, 1 where a text is too short to tell; and flag, which says where a text
    is unlike all that the detector knows, as one in another language is.
    """
    from seqloom.detector.score_table import COLUMNS, score_table

    rows = score_table(
        detector,
        source,
        text=text,
        output=output,
        base_rate=prior,
        light=light,
        overwrite=overwrite,
        resume=resume,
        note=say,
    )
    if json:
        print_json({"rows": rows, "output": str(output), "columns": list(COLUMNS)})
    else:
        say(f"{output}: {rows:,} rows with {', '.join(COLUMNS)}")


@app.command(
    cls=SectionedCommand,
    epilog="Example: seqloom detect duel --real reviews.csv --generator runs/reviews --text text --run duel",
)
def duel(
    run: Annotated[Path, typer.Option(help="folder for the figures and their picture")],
    real: Annotated[str, typer.Option(metavar="SOURCE", help="real texts")],
    generator: Annotated[str, typer.Option(metavar="RUN", help="the run that writes")],
    text: Annotated[str | None, typer.Option(metavar="COLUMN", help="column of the text")] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="column that says which real texts belong together")
    ] = None,
    pool: Annotated[
        str | None, typer.Option(help="read one of the disjoint parts of the table: generator, critic, judge, ...")
    ] = None,
    rounds: Annotated[int, typer.Option(help="how often both learn")] = 4,
    keep: Annotated[float, typer.Option(help="share of what it writes that the generator keeps")] = 0.2,
    count: Annotated[
        int | None, typer.Option(help="texts that it keeps in a round (default: as many as are real)")
    ] = None,
    seed: Annotated[int, typer.Option(help="of all draws")] = 0,
    json: _Json = False,
) -> None:
    """Let a generator choose its texts against a detector, and the detector learn from them, round by round.

    The detector has light readers only. Areas under its curve: of texts as they are written, of those that were chosen
    against it, and of such texts once it has learned from others of them.
    """
    from dataclasses import asdict

    from seqloom.detector.adversarial import adversarial_rounds as fight

    found = fight(
        real,
        generator=generator,
        run=run,
        text=text,
        group=group,
        pool=pool,
        rounds=rounds,
        keep=keep,
        count=count,
        seed=seed,
        note=say,
    )
    if json:
        print_json({"rounds": [asdict(one) for one in found], "plot": str(run / "duel.png")})
        return
    heading = ("round", "as written", "chosen against it", "once learned")
    rows = [
        (
            f"{one.number}",
            f"{one.auc_unselected:.3f}",
            f"{one.auc_after_selection:.3f}",
            f"{one.auc_after_training:.3f}",
        )
        for one in found
    ]
    print_table([heading, *rows])
    say(f"picture: {run / 'duel.png'}")


@app.command(
    cls=SectionedCommand,
    epilog="Example: seqloom detect report detector real.csv --generated written.csv --text text --prior 0.02",
)
def report(
    detector: Annotated[Path, typer.Argument(help="folder of a detector", metavar="DETECTOR")],
    source: Annotated[str, typer.Argument(help="a table of real texts, or with --label of both", metavar="SOURCE")],
    text: Annotated[str, typer.Option(metavar="COLUMN", help="column of the text, in all tables")],
    generated: Annotated[str | None, typer.Option(metavar="SOURCE", help="a table of generated texts")] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="column that says 1 of a generated text, 0 of a real one")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="divide the texts by this column too; may be given again")
    ] = None,
    group: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="column that says which real texts belong together")
    ] = None,
    pool: Annotated[
        str | None, typer.Option(help="read one of the disjoint parts of SOURCE: generator, critic, judge, ...")
    ] = None,
    match_lengths: Annotated[
        bool, typer.Option("--match-lengths", help="cut the texts of both sides to like lengths")
    ] = False,
    prior: Annotated[float, typer.Option(help="share of generated texts that is expected")] = 0.5,
    seed: Annotated[int, typer.Option(help="of the samples that intervals are drawn from")] = 0,
    output: Annotated[Path, typer.Option("--output", "-o", help="the page")] = Path("report.html"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the page that is there")] = False,
    json: _Json = False,
) -> None:
    """Measure a detector on texts that it has not seen, and write a page of what it can and cannot do.

    The page says how good the detector is, for whom, beside what simpler ways, how sure that is, and what false alarms
    would do; and it explains what it says of some texts. Without --generated and --label it shows scores and texts.
    """
    from seqloom.detector.html_report import report_detector
    from seqloom.detector.report import report_to_json

    found = report_detector(
        detector,
        source,
        text=text,
        generated=generated,
        label=label,
        by=by or (),
        group=group,
        pool=pool,
        matched=match_lengths,
        base_rate=prior,
        seed=seed,
        output=output,
        overwrite=overwrite,
        note=say,
    )
    if json:
        print_json({**report_to_json(found), "page": str(output)})
        return
    for warning in found.warnings:
        say(warning)
    if found.methods:
        header = ("scored by", "area under the curve", "found at 1 % false alarms")
        rows = [(one.name, _interval(one.roc_auc), _interval(one.true_positive_rate)) for one in found.methods]
        print_table([header, *rows])
    say(f"page: {output}")


app.command(
    cls=SectionedCommand, epilog="Example: seqloom detect watermark runs/novel found.txt --records line --key KEY"
)(watermark)


def _interval(found: "Interval") -> str:
    return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})"
