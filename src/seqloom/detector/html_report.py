"""The report of a detector as one HTML page."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from seqloom.config.reading import MISSING_WORDS
from seqloom.detector.evaluate import evaluate_detector
from seqloom.detector.explanation import Token
from seqloom.detector.html import PageSection, bullets, colored_words, document, heading, legend, paragraph, plots
from seqloom.detector.html_sections import HARM_LINES, calibration_verdict, labelled_sections
from seqloom.detector.report import DetectorReport, ExampleText
from seqloom.detector.training_set import MIN_WORDS
from seqloom.errors import ConfigError
from seqloom.files import check_writable, write_text
from seqloom.percent import format_percent
from seqloom.plots.detector import plot_score_histograms
from seqloom.plural import counted
from seqloom.reporter import Reporter, silent
from seqloom.version import __version__

__all__ = ["render_page", "report_detector"]

_MAX_CHARACTERS = 1000
"""Maximal number of characters of an example text that are shown."""


def report_detector(
    detector: str | Path,
    source: str | Path,
    *,
    text: str,
    output: Path,
    generated: str | Path | None = None,
    label: str | None = None,
    by: Sequence[str] = (),
    group: str | None = None,
    pool: str | None = None,
    missing: tuple[str, ...] = MISSING_WORDS,
    matched: bool = False,
    base_rate: float | None = None,
    seed: int = 0,
    overwrite: bool = False,
    note: Reporter = silent,
) -> DetectorReport:
    """Evaluate a detector and write an HTML page; see `evaluate_detector`.

    Args:
        detector: folder of the detector.
        source: table of real texts; with `label`, a table of both sides.
        output: HTML file.
        text: column of the text, in all tables.
        generated: table of generated texts.
        label: column of the labels, 1 for generated and 0 for real.
        by: columns whose values define subgroups.
        group: column whose equal values mark related real texts; the bootstrap draws related texts together.
        pool: pool of the real table to read; pools are disjoint parts of a table.
        missing: words in the cells of a group or a subgroup that stand for a missing value.
        matched: whether to cut the texts of both sides to similar lengths.
        base_rate: expected share of generated texts; None takes 0.5, and shows the false alarms for 0.02 as well.
        seed: seed of the bootstrap samples for the intervals.
        overwrite: whether to replace an existing file.
        note: function that receives progress messages.

    Raises:
        UserError: the detector, a source, a column or the output file is unusable.
    """
    if output.is_dir():
        raise ConfigError(f"`output` got {output}, which is a folder: name a file such as report.html")
    if output.exists() and not overwrite:
        raise ConfigError(f"{output} already exists: name another file, or use `overwrite`")
    sources = [str(path) for path in (source, generated) if path is not None]
    if output.exists() and any(Path(path).exists() and output.samefile(path) for path in sources):
        raise ConfigError(f"`output` got {output}, which is an input table: name a file such as report.html")
    check_writable(output)
    report = evaluate_detector(
        detector,
        source,
        text=text,
        generated=generated,
        label=label,
        by=by,
        group=group,
        pool=pool,
        missing=missing,
        matched=matched,
        base_rate=base_rate,
        seed=seed,
        note=note,
    )
    write_text(output, render_page(report))
    return report


def render_page(report: DetectorReport) -> str:
    """Return the HTML page of a report."""
    sections = [] if report.overall is None else list(labelled_sections(report))
    title = f"How good is the detector {Path(report.detector).name}?"
    sections += [_scores(report), _examples(report.examples)]
    return document(title, _summary(report), sections, f"Made by seqloom {__version__}.")


def _summary(report: DetectorReport) -> Iterator[str]:
    source = Path(report.source).name
    if report.num_generated is None:
        texts = f"{counted(report.num_real, 'text')} of {source}, of which it is unknown whether they were generated"
    else:
        texts = f"{report.num_real:,} real and {counted(report.num_generated, 'generated text')}; source: {source}"
    lines = [f"{texts}.", _base_rate_line(report)]
    if report.num_too_short:
        lines.append(
            f"Left out: {report.num_too_short:,} further texts of fewer than {MIN_WORDS} words, which are too short "
            "for a reliable score."
        )
    if report.num_out_of_distribution:
        lines.append(
            f"Unlike all texts that the detector was trained on, for example in another language: "
            f"{counted(report.num_out_of_distribution, 'text')}."
        )
    yield bullets(lines)
    for warning in report.warnings:
        yield paragraph(warning, style="note")
    if report.overall is None:
        yield bullets(HARM_LINES, style="note")
    elif (verdict := calibration_verdict(report))[1]:
        yield paragraph(verdict[0], style="note")


def _base_rate_line(report: DetectorReport) -> str:
    share = f"Expected share of generated texts: {format_percent(report.base_rate)}"
    if report.rare_base_rate is None:
        return f"{share}."
    return (
        f"{share}, since no other was given. Where texts are checked, it is usually far lower, so the false alarms are "
        f"also shown for {format_percent(report.rare_base_rate)}."
    )


def _scores(report: DetectorReport) -> PageSection:
    drawn = plot_score_histograms(report.probabilities, report.labels)
    caption = "Share of the texts by probability."
    if len(drawn) > 1:
        caption += " Both plots have the same scales."
    return PageSection("Scores", [plots(caption, drawn)])


def _examples(examples: Sequence[ExampleText]) -> PageSection:
    parts = []
    if any(example.explanation.tokens for example in examples):
        parts += [
            paragraph("The stronger the background of a word, the more surprising it is to the model of real text."),
            legend(),
        ]
    for kind, examples_of_kind in groupby(examples, key=lambda example: example.kind):
        parts.append(heading(kind))
        parts += map(_article, examples_of_kind)
    return PageSection("Example texts", parts)


def _article(example: ExampleText) -> str:
    explanation = example.explanation
    label = [] if example.generated is None else [f"Actual label: {'generated' if example.generated else 'real'}."]
    contributions = ", ".join(f"{name} {value:+.1f}" for name, value in explanation.contributions.items())
    details = (
        f"{explanation.num_words:,} words.",
        f"Contribution of each member to the logit (positive: generated): {contributions}.",
    )
    return "\n".join(
        [
            "<article>",
            colored_words(explanation.tokens or (Token(example.text),), _MAX_CHARACTERS),
            bullets([*explanation.sentences, *label]),
            bullets(details, style="grey"),
            "</article>",
        ]
    )
