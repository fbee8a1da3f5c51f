"""`seqloom detect`: recognise generated texts.

A detector combines several models, its members. AUC is the area under the ROC curve.
"""

import shlex
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seqloom.cli.exit_codes import INTERRUPTED
from seqloom.cli.help import CommandGroup, SectionedCommand
from seqloom.cli.options import Section, with_settings
from seqloom.cli.output import note, print_json, print_table
from seqloom.cli.reported_stages import reported_stages
from seqloom.cli.table_output import STANDARD_OUTPUT, table_output
from seqloom.cli.watermark_command import watermark
from seqloom.config import ReadingConfig
from seqloom.config.detector import (
    NO_GENERATED_TEXTS,
    DetectorConfig,
    DuelConfig,
    ReportConfig,
    ScoringConfig,
    check_one_label,
)
from seqloom.corpora.resumable_table import is_resumable
from seqloom.corpora.sources import check_source
from seqloom.errors import ConfigError
from seqloom.percent import format_percent, format_share
from seqloom.plural import counted

if TYPE_CHECKING:
    from seqloom.evaluation.classification_metrics import Interval

__all__ = ["app"]

app = typer.Typer(cls=CommandGroup, help="Recognise generated texts.", rich_markup_mode=None, no_args_is_help=True)

_LABEL_HELP = "column of --real with 1 for generated texts, or with VALUE"

_Json = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


@app.command(
    cls=SectionedCommand,
    epilog="Example: seqloom detect fit --real reviews.csv --generator runs/reviews --text text --run detector",
)
@with_settings(
    Section(None, ReadingConfig, only=("text", "group", "pool", "missing")),
    Section(None, DetectorConfig, negatable=False),
)
def fit(
    settings: dict[str, Any],
    run: Annotated[Path, typer.Option(help="folder for the detector")],
    real: Annotated[str, typer.Option(metavar="SOURCE", help="real texts")],
    generator: Annotated[
        list[str] | None, typer.Option(metavar="RUN", help="run that generates texts; repeatable")
    ] = None,
    generated: Annotated[list[str] | None, typer.Option(metavar="SOURCE", help="generated texts; repeatable")] = None,
    label: Annotated[str | None, typer.Option(metavar="COLUMN[=VALUE]", help=_LABEL_HELP)] = None,
    critic: Annotated[
        Path | None,
        typer.Option(metavar="CRITIC", help="critic that selects some of the texts of a rated generator by rating"),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the detector in the folder")] = False,
    json: _Json = False,
) -> None:
    """Learn to distinguish generated texts from real ones, and keep the detector in a folder.

    Generators sample at several temperatures, with and without truncation and guidance. Real and generated texts are
    cut to similar lengths, so that the length reveals nothing.
    """
    if not (generator or generated or label):
        raise ConfigError(NO_GENERATED_TEXTS)
    check_source([real, *(generated or ())])
    with reported_stages(settings.get("minutes")) as progress:
        from seqloom.detector.fit import fit_detector

        detector = fit_detector(
            real,
            run=run,
            generators=generator or (),
            generated=generated or (),
            label=label,
            critic=critic,
            overwrite=overwrite,
            **progress,
            **settings,
        )
    if detector.interrupted_:
        note(f"seqloom: interrupted; the detector in {run} has only the models that were finished")
        raise typer.Exit(INTERRUPTED)
    if json:
        # A confound is a sign of formatting that occurs almost only in real texts, or almost only in generated texts.
        confounds = [str(confound) for confound in detector.confounds_]
        print_json({"detector": str(run), "auc": detector.report_, "confounds": confounds})
        return
    areas = ((name, format_share(area)) for name, area in detector.report_.items())
    print_table([("member", "AUC"), *areas], has_heading=True)
    note(f"detector: {run}   score texts with: seqloom detect score {run} TABLE --text COLUMN -o FILE")
    unseen = f"TABLE --label {shlex.quote(label)}" if label else "REAL --generated TABLE"
    note(f"measure the detector on unseen texts: seqloom detect report {run} {unseen} --text COLUMN")


@app.command(cls=SectionedCommand, epilog="Example: seqloom detect score detector new.csv --text text -o scored.csv")
@with_settings(Section(None, ScoringConfig, negatable=False))
def score(
    settings: dict[str, Any],
    detector: Annotated[Path, typer.Argument(help="folder of a detector", metavar="DETECTOR")],
    source: Annotated[str, typer.Argument(help="table of texts", metavar="SOURCE")],
    text: Annotated[str, typer.Option(metavar="COLUMN", help="column of the text")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="new table (.csv, .tsv, .jsonl or .parquet; - prints CSV)")
    ],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the output file")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="continue an interrupted call")] = False,
    json: _Json = False,
) -> None:
    """Copy SOURCE, and add to each text the probability that it was generated.

    The new columns are p_generated, the probability; flagged, which is 1 if the probability reaches the
    threshold; abstained, which is 1 for texts that are too short to judge; and flag, which is "unfamiliar" for texts
    unlike the training texts, such as texts in another language, and "learned" for texts of the training data.
    """
    try:
        check_source(source)
        with table_output(output, as_json=json, may_exist=overwrite or resume) as path:
            from seqloom.detector.score_table import COLUMNS, score_table

            num_rows = score_table(
                detector, source, text=text, output=path, overwrite=overwrite, resume=resume, note=note, **settings
            )
    except KeyboardInterrupt:
        kept = "to continue, repeat the command with --resume" if is_resumable(output) else "no row was finished"
        note(f"seqloom: interrupted; {kept}")
        raise typer.Exit(INTERRUPTED) from None
    if json:
        print_json({"rows": num_rows, "output": str(output), "columns": list(COLUMNS)})
    elif output != STANDARD_OUTPUT:
        note(f"{output}: {counted(num_rows, 'row')} with {', '.join(COLUMNS)}")


@app.command(
    cls=SectionedCommand,
    epilog="Example: seqloom detect duel --real reviews.csv --generator runs/reviews --text text --run duel",
)
@with_settings(Section(None, ReadingConfig, only=("text", "group", "pool", "missing")), Section(None, DuelConfig))
def duel(
    settings: dict[str, Any],
    run: Annotated[Path, typer.Option(help="folder for the results and their plot")],
    real: Annotated[str, typer.Option(metavar="SOURCE", help="real texts")],
    generator: Annotated[str, typer.Option(metavar="RUN", help="run that generates texts")],
    json: _Json = False,
) -> None:
    """Let a generator select the texts that a detector considers real, and train the detector on them, in rounds.

    The detector consists of fast models only. Each round prints three areas under the ROC curve (AUC; 0.5 is guessing),
    measured on texts that the detector has not learned from: for unselected texts, for selected texts, and for the same
    selected texts after the detector has also learned from other selected texts.
    """
    check_source(real)
    from seqloom.detector.adversarial import adversarial_rounds

    rounds = adversarial_rounds(real, generator=generator, run=run, note=note, **settings)
    if json:
        print_json({"rounds": [asdict(result) for result in rounds], "plot": str(run / "duel.png")})
        return
    heading = ("round", "as generated", "selected against it", "after training")
    rows = [
        (
            f"{result.number}",
            format_share(result.auc_unselected),
            format_share(result.auc_after_selection),
            format_share(result.auc_after_training),
        )
        for result in rounds
    ]
    print_table([heading, *rows], has_heading=True)
    note(f"plot: {run / 'duel.png'}")


@app.command(
    cls=SectionedCommand,
    epilog="Example: seqloom detect report detector real.csv --generated written.csv --text text --base-rate 0.02",
)
@with_settings(
    Section(None, ReadingConfig, only=("text", "group", "pool", "missing"), required=("text",)),
    Section(None, ReportConfig, negatable=False),
)
def report(
    settings: dict[str, Any],
    detector: Annotated[Path, typer.Argument(help="folder of a detector", metavar="DETECTOR")],
    source: Annotated[
        str, typer.Argument(help="table of real texts; with --label, of real and generated texts", metavar="SOURCE")
    ],
    generated: Annotated[str | None, typer.Option(metavar="SOURCE", help="table of generated texts")] = None,
    label: Annotated[
        str | None, typer.Option(metavar="COLUMN[=VALUE]", help="column with 1 for generated texts, or with VALUE")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="column to group the results by; repeatable")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="HTML page")] = Path("report.html"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace the page")] = False,
    json: _Json = False,
) -> None:
    """Measure a detector on unseen texts, and write a page on what it can and cannot do.

    The page shows the accuracy of the detector, by kind of text and compared with simpler methods, with confidence
    intervals and the cost of false alarms. It explains the scores of some texts. With neither --generated nor --label,
    no text is known to be generated, so no accuracy can be measured: the page shows only scores and texts.
    """
    check_one_label(generated, label)
    check_source([source, *([generated] if generated is not None else [])])
    from seqloom.detector.html_report import report_detector
    from seqloom.detector.report import report_to_json

    measured = report_detector(
        detector,
        source,
        generated=generated,
        label=label,
        by=by or (),
        output=output,
        overwrite=overwrite,
        note=note,
        **settings,
    )
    if json:
        print_json({**report_to_json(measured), "page": str(output)})
        return
    for warning in measured.warnings:
        note(f"seqloom: warning: {warning}")
    if measured.methods:
        heading = ("scored by", "AUC", "detected at 1 % false alarms")
        rows = [
            (method.name, _format_interval(method.roc_auc), _format_interval(method.true_positive_rate, format_percent))
            for method in measured.methods
        ]
        print_table([heading, *rows], has_heading=True)
    note(f"page: {output}")


app.command(
    cls=SectionedCommand, epilog="Example: seqloom detect watermark runs/novel found.txt --records line --key KEY"
)(watermark)


def _format_interval(interval: "Interval", format_number: Callable[[float], str] = format_share) -> str:
    value, low, high = map(format_number, (interval.value, interval.low, interval.high))
    return f"{value} ({low} to {high})"
