"""The report of a detector as one HTML page."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from jaxtyping import Float

from seqloom.config.reading import MISSING_WORDS
from seqloom.detector.evaluate import evaluate_detector
from seqloom.detector.explanation import Token
from seqloom.detector.html import bullets, colored_tokens, document, heading, legend, paragraph, picture, table
from seqloom.detector.labelled_figures import ALL_MEMBERS, LENGTH_ALONE
from seqloom.detector.report import DetectorReport, ExampleText, FlaggingRule, ScoringMethod, Subgroup
from seqloom.detector.stacks import BASELINES, SUM_OF_BASELINES
from seqloom.detector.training_set import MIN_WORDS
from seqloom.disk import temporary_folder
from seqloom.errors import ConfigError
from seqloom.evaluation.classification_metrics import FALSE_POSITIVE_RATES, Interval
from seqloom.files import check_writable, write_text
from seqloom.percent import format_percent, format_share
from seqloom.plots.detector import plot_calibration, plot_roc_curves, plot_score_histogram
from seqloom.plural import counted
from seqloom.reporter import Reporter, silent
from seqloom.version import __version__

__all__ = ["render_page", "report_detector"]

_MAX_CHARACTERS = 3000
"""Maximal number of characters of an example text that are shown."""

_PLOTTED_METHODS = {
    ALL_MEMBERS, *BASELINES, SUM_OF_BASELINES, "light members", "encoder", "language models", LENGTH_ALONE,
}  # fmt: skip
"""Methods with an ROC curve, as many as there are colours."""

_MIN_TEXTS_PER_BIN = 5
"""Calibration bins with fewer texts are left out."""

_INTERVAL_NOTE = "In brackets: 95 % confidence interval."

_HARM_NOTE = (
    "A false alarm accuses a person of passing off a machine's words as their own. Never let such a score be the only "
    "evidence against anybody: hear them, and look for other signs. The probabilities are valid only for texts like "
    "those that the detector was trained on, and the detector may well miss texts of other generators."
)


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
    base_rate: float = 0.5,
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
        base_rate: expected share of generated texts.
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
    with temporary_folder() as folder:
        elements = list(_sections(report, folder))
    title = f"How good is the detector {Path(report.detector).name}?"
    return document(title, elements, footer=f"Made by seqloom {__version__}.")


def _sections(report: DetectorReport, folder: Path) -> Iterator[str]:
    """Yield the HTML elements of the page; the plots are written to the folder before they are embedded."""
    yield from _summary(report)
    if report.overall is not None and report.labels is not None:
        yield from _accuracy(report)
        yield from _false_alarms(report)
        yield heading("ROC curves")
        yield picture(
            plot_roc_curves(folder / "roc.png", _plotted_scores(report), report.labels),
            "ROC curves: share of the generated texts that are flagged against share of the real texts that are "
            "flagged, on a linear and on a logarithmic axis.",
        )
        yield from _calibration(report, folder)
        yield from _methods(report.methods)
        yield from _subgroups("By length", "words", report.length_groups)
        for column, subgroups in report.column_groups.items():
            yield from _subgroups(f"By {column}", column, subgroups)
        yield from _confounds(report)
    yield heading("Scores")
    yield picture(
        plot_score_histogram(folder / "scores.png", report.probabilities, report.labels),
        "Number of texts by probability.",
    )
    yield from _examples(report.examples)


def _plotted_scores(report: DetectorReport) -> dict[str, Float[np.ndarray, " texts"]]:
    """Return the scores of the methods whose ROC curves are shown; the table has all."""
    return {name: scores for name, scores in report.scores.items() if name in _PLOTTED_METHODS}


def _summary(report: DetectorReport) -> Iterator[str]:
    source = Path(report.source).name
    if report.num_generated is None:
        texts = f"{report.num_real:,} texts of {source}, of which it is unknown whether they were generated"
    else:
        texts = f"{report.num_real:,} real and {report.num_generated:,} generated texts; source: {source}"
    yield paragraph(f"{texts}. Expected share of generated texts: {format_percent(report.base_rate)}.")
    if report.num_too_short:
        yield paragraph(
            f"Left out: {report.num_too_short:,} further texts of fewer than {MIN_WORDS} words, which are too short "
            "for a reliable score."
        )
    if report.num_out_of_distribution:
        yield paragraph(
            f"Unlike all texts that the detector was trained on, for example in another language: "
            f"{counted(report.num_out_of_distribution, 'text')}."
        )
    for warning in report.warnings:
        yield paragraph(warning, style="note")
    if report.num_generated is None:
        yield paragraph(_HARM_NOTE, style="note")


def _accuracy(report: DetectorReport) -> Iterator[str]:
    overall = report.overall
    assert overall is not None
    rows = [
        (
            "area under the ROC curve",
            _format_interval(overall.roc_auc),
            "probability that a generated text scores above a real one; 0.5 is guessing, 1 is best",
        ),
        *(
            (
                f"found at {format_percent(rate)} false alarms",
                _format_percent_interval(share),
                "share of the generated texts that are flagged",
            )
            for rate, share in overall.true_positive_rates.items()
        ),
        (
            "expected calibration error",
            _format_interval(overall.calibration_error),
            "mean difference between the probabilities and the actual shares; 0 is best",
        ),
        ("Brier score", _format_interval(overall.brier_score), "mean squared error of the probabilities; 0 is best"),
    ]
    yield heading("How good it is")
    yield table(_INTERVAL_NOTE, ("figure", "value", "meaning"), rows)


def _false_alarms(report: DetectorReport) -> Iterator[str]:
    yield heading("What false alarms do")
    strict_rule = report.flagging_rules[0]  # flags at most 1 % of the real texts
    if strict_rule.real_per_1000_flagged is not None and strict_rule.threshold is not None:
        real = strict_rule.real_per_1000_flagged
        yield paragraph(
            f"Suppose that {format_percent(report.base_rate)} of all texts are generated, and that every text with a "
            f"probability of {format_percent(strict_rule.threshold)} or more is flagged. Then "
            f"{format_percent(strict_rule.true_positive_rate)} of the generated texts are found, and of 1,000 flagged "
            f"texts about {real.value:,.0f} are by real people. "
            f"This estimate from {report.num_real:,} real texts is uncertain: the number may be between "
            f"{real.low:,.0f} and {real.high:,.0f}.",
            style="note",
        )
    yield paragraph(_HARM_NOTE, style="note")
    yield table(
        f"If {format_percent(report.base_rate)} of all texts are generated. {_INTERVAL_NOTE}",
        ("rule", "threshold", "generated texts found", "real texts flagged", "of 1,000 flagged, by real people"),
        [_rule_cells(rule) for rule in report.flagging_rules],
    )


def _rule_cells(rule: FlaggingRule) -> tuple[str, ...]:
    real = rule.real_per_1000_flagged
    return (
        rule.rule,
        "none: no text is flagged" if rule.threshold is None else format_percent(rule.threshold),
        format_percent(rule.true_positive_rate),
        _format_percent_interval(rule.false_positive_rate),
        "" if real is None else f"{real.value:,.0f} ({real.low:,.0f} to {real.high:,.0f})",
    )


def _calibration(report: DetectorReport, folder: Path) -> Iterator[str]:
    yield heading("Calibration")
    yield paragraph(
        "For texts of similar probability: the share that was generated, if "
        f"{format_percent(report.base_rate)} of all texts are. A larger dot stands for more texts; dots of fewer "
        f"than {_MIN_TEXTS_PER_BIN} texts are left out."
    )
    bins = [calibration_bin for calibration_bin in report.bins if calibration_bin.num_texts >= _MIN_TEXTS_PER_BIN]
    intervals = [calibration_bin.generated_share for calibration_bin in bins]
    shares = [[interval.value, interval.low, interval.high] for interval in intervals]
    yield picture(
        plot_calibration(
            folder / "calibration.png",
            np.array([calibration_bin.mean_probability for calibration_bin in bins]),
            np.array(shares).reshape(-1, 3).T,
            np.array([calibration_bin.num_texts for calibration_bin in bins]),
        ),
        "Share of generated texts by predicted probability.",
    )


def _methods(methods: Sequence[ScoringMethod]) -> Iterator[str]:
    false_alarms = format_percent(FALSE_POSITIVE_RATES[0])
    header = ("scored by", "area under the ROC curve", f"found at {false_alarms} false alarms")
    rows = [
        (
            f"{method.name}{' (low means generated)' if method.low_means_generated else ''}",
            _format_interval(method.roc_auc),
            _format_percent_interval(method.true_positive_rate),
        )
        for method in methods
    ]
    yield heading("Compared with simpler methods")
    yield table(
        f"{_INTERVAL_NOTE} The word n-grams, the character n-grams and their sum are baselines: logistic regressions "
        "that a few lines of scikit-learn would fit to the same texts. A detector should surpass them. The light "
        "members use patterns of words and characters; the encoder and the language models are slower; "
        '"length alone" is the number of words.',
        header,
        rows,
    )


def _subgroups(title: str, column: str, subgroups: Sequence[Subgroup]) -> Iterator[str]:
    yield heading(title)
    yield table(
        f"{_INTERVAL_NOTE} All rows use one threshold, which at most {format_percent(FALSE_POSITIVE_RATES[0])} of all "
        "real texts of this report reach.",
        (column, "real", "generated", "area under the ROC curve", "generated texts flagged", "real texts flagged"),
        [
            (
                subgroup.name,
                f"{subgroup.num_real:,}",
                f"{subgroup.num_generated:,}",
                _format_interval(subgroup.roc_auc),
                _format_percent_interval(subgroup.true_positive_rate),
                _format_percent_interval(subgroup.false_positive_rate),
            )
            for subgroup in subgroups
        ],
    )


def _confounds(report: DetectorReport) -> Iterator[str]:
    yield heading("Formatting")
    if report.confounds:
        yield paragraph(
            "The following formatting is almost exclusive to one side. It comes from how the files were made, and "
            "makes the figures too good. Remove the difference from the files, and repeat the evaluation.",
            style="note",
        )
        yield bullets([str(confound) for confound in report.confounds])
    else:
        yield paragraph("No formatting is exclusive to one side: no odd character, marker or white space.")


def _examples(examples: Sequence[ExampleText]) -> Iterator[str]:
    yield heading("Example texts")
    if any(example.explanation.tokens for example in examples):
        yield paragraph("The darker a token, the more surprising it is to the model of real text.")
        yield legend()
    for kind, examples_of_kind in groupby(examples, key=lambda example: example.kind):
        yield heading(kind, level=3)
        for example in examples_of_kind:
            yield _article(example)


def _article(example: ExampleText) -> str:
    explanation = example.explanation
    label = "" if example.generated is None else f" Actual label: {'generated' if example.generated else 'real'}."
    contributions = ", ".join(f"{name} {value:+.1f}" for name, value in explanation.contributions.items())
    return "\n".join(
        [
            "<article>",
            colored_tokens(explanation.tokens or (Token(example.text),), _MAX_CHARACTERS),
            paragraph(f"{explanation}{label}"),
            paragraph(
                f"{explanation.num_words:,} words. Contribution of each member to the logit (positive: generated): "
                f"{contributions}.",
                style="grey",
            ),
            "</article>",
        ]
    )


def _format_interval(interval: Interval | None) -> str:
    return (
        ""
        if interval is None
        else f"{format_share(interval.value)} ({format_share(interval.low)} to {format_share(interval.high)})"
    )


def _format_percent_interval(interval: Interval | None) -> str:
    if interval is None:
        return ""
    return f"{format_percent(interval.value)} ({format_percent(interval.low)} to {format_percent(interval.high)})"
