"""The sections of the HTML page about a detector that show figures measured on labelled texts."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from seqloom.detector.html import PageSection, bullets, line_legend, paragraph, plots, table
from seqloom.detector.labelled_figures import ALL_MEMBERS, LENGTH_ALONE
from seqloom.detector.report import (
    CalibrationBin,
    DetectorReport,
    FlaggingRule,
    OverallFigures,
    ScoringMethod,
    Subgroup,
)
from seqloom.detector.stacks import BASELINES, SUM_OF_BASELINES
from seqloom.evaluation.classification_metrics import FALSE_POSITIVE_RATES, Interval
from seqloom.percent import format_percent, format_share
from seqloom.plots.detector import LineStyle, plot_calibration, plot_roc_curves

__all__ = ["HARM_LINES", "calibration_verdict", "labelled_sections"]

_LINE_STYLES: Mapping[str, LineStyle] = {
    ALL_MEMBERS: LineStyle("detector", width=2.4),
    "light members": LineStyle("member"),
    "encoder": LineStyle("member", (6, 3)),
    "language models": LineStyle("member", (2, 2)),
    BASELINES[0]: LineStyle("grey"),
    BASELINES[1]: LineStyle("grey", (6, 3)),
    SUM_OF_BASELINES: LineStyle("grey", (2, 2)),
    LENGTH_ALONE: LineStyle("length", (7, 2, 2, 2)),
}
"""Lines of the methods with an ROC curve; the table has all methods."""

_GUESSING = LineStyle("grey", (3, 2), 0.7)

_MIN_TEXTS_PER_BIN = 5
"""Calibration bins with fewer texts are left out."""

_MIN_TEXTS_FOR_VERDICT = 50
"""Number of real and of generated texts from which the calibration is judged."""

_MAX_CALIBRATION_ERROR = 0.05
"""Expected calibration error from which the probabilities should not be read as such."""

_INTERVAL_NOTE = "In brackets: 95 % confidence interval."

HARM_LINES = (
    "A false alarm accuses a person of passing off a machine's words as their own.",
    "Never use a score as the only evidence against a person: ask that person, and look for other evidence.",
    "The probabilities are valid only for texts like those that the detector was trained on.",
    "The detector may well miss texts of other generators.",
)


def labelled_sections(report: DetectorReport) -> Iterator[PageSection]:
    """Yield the sections with figures; the report must have labels."""
    assert report.overall is not None
    yield _accuracy(report.overall)
    yield _false_alarms(report)
    yield _roc_curves(report)
    yield _calibration(report)
    yield _methods(report.methods)
    yield _subgroups("By length", "words", report.length_groups)
    for column, subgroups in report.column_groups.items():
        yield _subgroups(f"By {column}", column, subgroups)
    yield _formatting(report)


def calibration_verdict(report: DetectorReport) -> tuple[str, bool]:
    """Return whether the probabilities can be read as such, in words, and whether they must not be."""
    assert report.overall is not None
    assert report.num_generated is not None
    error = report.overall.calibration_error
    if min(report.num_real, report.num_generated) < _MIN_TEXTS_FOR_VERDICT:
        return f"Fewer than {_MIN_TEXTS_FOR_VERDICT} texts of one side are too few to judge the probabilities.", False
    interval = f"{_points(error.value)} ({_points(error.low)} to {_points(error.high)}) percentage points"
    if error.low > _MAX_CALIBRATION_ERROR:
        return (
            f"Do not read the scores as probabilities: on these texts they are off by {interval} on average. Use them "
            "only to rank texts.",
            True,
        )
    worst = max(_shown_bins(report), key=_distance, default=None)
    if worst is not None and _distance(worst) > _MAX_CALIBRATION_ERROR:
        return (
            f"Read these probabilities with care: on these texts they are off by {interval} on average. Where they are "
            f"about {format_percent(worst.mean_probability)}, {format_percent(worst.generated_share.value)} of the "
            "texts were generated.",
            False,
        )
    if error.high > _MAX_CALIBRATION_ERROR:
        return f"Read these probabilities with care: on these texts they are off by {interval} on average.", False
    return f"The scores can be read as probabilities: on these texts they are off by {interval} on average.", False


def _shown_bins(report: DetectorReport) -> list[CalibrationBin]:
    return [calibration_bin for calibration_bin in report.bins if calibration_bin.num_texts >= _MIN_TEXTS_PER_BIN]


def _distance(calibration_bin: CalibrationBin) -> float:
    """Return how far the probability of a bin lies outside of the interval of its share of generated texts."""
    share, probability = calibration_bin.generated_share, calibration_bin.mean_probability
    return max(0.0, share.low - probability, probability - share.high)


def _accuracy(overall: OverallFigures) -> PageSection:
    rows = [
        ("area under the ROC curve", _format_interval(overall.roc_auc)),
        *(
            (f"found at {format_percent(rate)} false alarms", _format_percent_interval(share))
            for rate, share in overall.true_positive_rates.items()
        ),
        ("expected calibration error", _format_interval(overall.calibration_error)),
        ("Brier score", _format_interval(overall.brier_score)),
    ]
    lines = (
        "Area under the ROC curve: probability that a generated text scores above a real one; 0.5 is guessing, 1 is "
        "best.",
        "Found at 1 % false alarms: share of the generated texts that are flagged, if 1 % of the real ones are.",
        "Expected calibration error: mean difference between the probabilities and the actual shares; 0 is best.",
        "Brier score: mean squared error of the probabilities; 0 is best.",
    )
    return PageSection("How good it is", [table(_INTERVAL_NOTE, ("figure", "value"), rows), bullets(lines)])


def _false_alarms(report: DetectorReport) -> PageSection:
    rare = report.rare_base_rate
    parts = []
    strict_rule = report.flagging_rules[0]  # flags at most 1 % of the real texts
    real = strict_rule.real_per_1000_flagged if rare is None else strict_rule.real_per_1000_if_rare
    if real is not None and strict_rule.threshold is not None:
        parts.append(
            paragraph(
                f"Suppose that {format_percent(report.base_rate if rare is None else rare)} of all texts are "
                f"generated, and that every text with a probability of {format_percent(strict_rule.threshold)} or more "
                f"is flagged. Then {format_percent(strict_rule.true_positive_rate)} of the generated texts are found, "
                f"and of 1,000 flagged texts about {real.value:,.0f} are by real people. This is an estimate from "
                f"{report.num_real:,} real texts: the number may be between {real.low:,.0f} and {real.high:,.0f}.",
                style="note",
            )
        )
    parts.append(bullets(HARM_LINES, style="note"))
    rates = [report.base_rate] if rare is None else [rare, report.base_rate]
    parts.append(
        table(
            f"{_INTERVAL_NOTE} Thresholds are probabilities, computed for {format_percent(report.base_rate)} generated "
            "texts; the last columns assume the shares in their headings.",
            (
                "rule",
                "threshold",
                "generated texts found",
                "real texts flagged",
                *(f"real among 1,000 flagged, if {format_percent(rate)} are generated" for rate in rates),
            ),
            [_rule_cells(rule, has_rare=rare is not None) for rule in report.flagging_rules],
        )
    )
    return PageSection("Consequences of false alarms", parts)


def _rule_cells(rule: FlaggingRule, *, has_rare: bool) -> tuple[str, ...]:
    numbers = [rule.real_per_1000_flagged]
    if has_rare:
        numbers.insert(0, rule.real_per_1000_if_rare)
    return (
        rule.rule,
        "none: no text is flagged" if rule.threshold is None else format_percent(rule.threshold),
        format_percent(rule.true_positive_rate),
        _format_percent_interval(rule.false_positive_rate),
        *("" if real is None else f"{real.value:,.0f} ({real.low:,.0f} to {real.high:,.0f})" for real in numbers),
    )


def _roc_curves(report: DetectorReport) -> PageSection:
    assert report.labels is not None
    scores = {name: report.scores[name] for name in _LINE_STYLES if name in report.scores}
    drawn = plot_roc_curves(scores, report.labels, _LINE_STYLES)
    legend = line_legend([*((name, _LINE_STYLES[name]) for name in scores), ("guessing", _GUESSING)])
    caption = (
        "Share of the generated texts that are found against share of the real texts that are flagged. Both plots show "
        "the same curves; the logarithmic axis of the second one magnifies small shares of flagged real texts."
    )
    return PageSection("ROC curves", [plots(caption, drawn, legend)])


def _calibration(report: DetectorReport) -> PageSection:
    verdict, is_off = calibration_verdict(report)
    bins = _shown_bins(report)
    if not bins:
        return PageSection("Calibration", [paragraph(verdict)])
    intervals = [calibration_bin.generated_share for calibration_bin in bins]
    shares = [[interval.value, interval.low, interval.high] for interval in intervals]
    drawn = plot_calibration(
        np.array([calibration_bin.mean_probability for calibration_bin in bins]),
        np.array(shares).reshape(-1, 3).T,
        np.array([calibration_bin.num_texts for calibration_bin in bins]),
    )
    caption = (
        "For texts of similar probability: the share that was generated, if "
        f"{format_percent(report.base_rate)} of all texts are. A larger dot stands for more texts, a line for the 95 % "
        f"confidence interval; dots of fewer than {_MIN_TEXTS_PER_BIN} texts are left out. Dashed: perfect calibration."
    )
    return PageSection("Calibration", [paragraph(verdict, style="note" if is_off else ""), plots(caption, [drawn])])


def _methods(methods: Sequence[ScoringMethod]) -> PageSection:
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
    lines = (
        f"The {BASELINES[0]}, the {BASELINES[1]} and their sum are baselines: logistic regressions that a few lines of "
        "scikit-learn would fit to the same texts. A detector should surpass them.",
        "The light members use patterns of words and characters.",
        "The encoder and the language models are slower.",
        f"{LENGTH_ALONE.capitalize()} is the number of words.",
    )
    return PageSection("Compared with simpler methods", [table(_INTERVAL_NOTE, header, rows), bullets(lines)])


def _subgroups(title: str, column: str, subgroups: Sequence[Subgroup]) -> PageSection:
    rows = [
        (
            subgroup.name,
            f"{subgroup.num_real:,}",
            f"{subgroup.num_generated:,}",
            _format_interval(subgroup.roc_auc),
            _format_percent_interval(subgroup.true_positive_rate),
            _format_percent_interval(subgroup.false_positive_rate),
        )
        for subgroup in subgroups
    ]
    header = (column, "real", "generated", "area under the ROC curve", "generated texts flagged", "real texts flagged")
    caption = (
        f"{_INTERVAL_NOTE} All rows use one threshold, at which at most {format_percent(FALSE_POSITIVE_RATES[0])} of "
        "all real texts of this report are flagged."
    )
    return PageSection(title, [table(caption, header, rows)])


def _formatting(report: DetectorReport) -> PageSection:
    if not report.confounds:
        text = "No character, marker or white space alone tells real and generated texts apart."
        return PageSection("Formatting", [paragraph(text)])
    warning = (
        "The following formatting occurs almost only in real texts, or almost only in generated ones. It comes from "
        "how the files were made, and makes the figures too good. Remove the difference from the files, and repeat "
        "the evaluation."
    )
    lines = [str(confound) for confound in report.confounds]
    return PageSection("Formatting", [paragraph(warning, style="note"), bullets(lines)])


def _points(share: float) -> str:
    return f"{100 * share:.1f}"


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
