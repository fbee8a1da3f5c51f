"""The figures of a detector report that need labels: accuracy overall, by method, by length and by column.

A measure is a function from sample weights, one for each text, to a figure such as the area under the ROC curve. Each
draw of the bootstrap is one set of sample weights; the figures of all draws give the confidence interval.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.config.flags import cli_flag
from seqloom.corpora.labelled_texts import LabelledTexts
from seqloom.detector.confounds import find_confounds
from seqloom.detector.flagging import flag_at_rate, flagging_rules
from seqloom.detector.report import CalibrationBin, DetectorReport, OverallFigures, ScoringMethod, Subgroup
from seqloom.evaluation.classification_metrics import (
    FALSE_POSITIVE_RATES,
    Interval,
    LabelledSample,
    Measure,
    binomial_interval,
    brier_score,
    calibration_error,
    positive_fraction,
    roc_auc,
    true_positive_rate,
)
from seqloom.percent import format_share

__all__ = ["ALL_MEMBERS", "LENGTH_ALONE", "LENGTH_GROUPS", "add_labelled_figures"]

ALL_MEMBERS, LENGTH_ALONE = "the detector", "length alone"
"""Names of two methods of scoring texts: by all members together, and by the number of words."""

LENGTH_GROUPS = {"under 15 words": (0, 15), "15 to 29": (15, 30), "30 to 99": (30, 100), "100 and more": (100, 1 << 30)}
"""Range of the number of words of each length group; the upper bound is excluded."""

_MAX_SUBGROUPS = 12
"""Number of the most frequent values of a column that get a subgroup each; all other values share one subgroup."""

_NUM_BINS = 10
"""Number of calibration bins."""

_LENGTH_WARNING_AUC = 0.6
"""A warning is added if the length alone reaches this area under the ROC curve."""


def add_labelled_figures(
    report: DetectorReport, table: LabelledTexts, num_words: Int[np.ndarray, " texts"], sample: LabelledSample
) -> DetectorReport:
    """Return a copy of a report with all figures that need labels.

    Args:
        report: report with scores and probabilities, without these figures.
        table: texts of the report.
        num_words: number of words of each text.
        sample: labels and groups of the texts, from which confidence intervals are computed.
    """
    logits = report.scores[ALL_MEMBERS]
    methods = [_scoring_method(name, scores, sample) for name, scores in report.scores.items()]
    # The scores of these methods change sign, since a higher score must indicate a generated text in the report.
    inverted = {method.name for method in methods if method.low_means_generated}
    length_method = next(method for method in methods if method.name == LENGTH_ALONE)
    flagged, _ = flag_at_rate(logits, sample.generated, max_rate=FALSE_POSITIVE_RATES[0])  # at most 1 % of real texts

    def subgroup(name: str, chosen: Bool[np.ndarray, " texts"]) -> Subgroup:
        return _subgroup(name, chosen, logits, flagged, sample)

    return replace(
        report,
        overall=_overall(report, sample),
        bins=list(_calibration_bins(report.probabilities, sample, report.base_rate)),
        methods=methods,
        scores={name: -scores if name in inverted else scores for name, scores in report.scores.items()},
        warnings=[*report.warnings, *_length_warnings(length_method)],
        length_groups=[
            subgroup(name, (num_words >= low) & (num_words < high)) for name, (low, high) in LENGTH_GROUPS.items()
        ],
        column_groups={
            column: [subgroup(name, chosen) for name, chosen in _frequent_values(cells)]
            for column, cells in table.cells.items()
        },
        flagging_rules=list(flagging_rules(logits, sample.generated, report.base_rate)),
        confounds=find_confounds(table.texts_where(generated=False), table.texts_where(generated=True)),
    )


def _overall(report: DetectorReport, sample: LabelledSample) -> OverallFigures:
    logits, labels, base_rate = report.scores[ALL_MEMBERS], sample.generated, report.base_rate
    return OverallFigures(
        roc_auc=_interval(sample, roc_auc(logits, labels)),
        true_positive_rates={
            rate: _interval(sample, true_positive_rate(logits, labels, rate)) for rate in FALSE_POSITIVE_RATES
        },
        calibration_error=_interval(sample, calibration_error(report.probabilities, labels, base_rate)),
        brier_score=_interval(sample, brier_score(report.probabilities, labels, base_rate)),
    )


def _interval(sample: LabelledSample, measure: Measure) -> Interval:
    """Return the figure of a measure for all texts, with its interval; the sample must have texts of both sides."""
    interval = sample.interval(measure)
    assert interval is not None
    return interval


def _subgroup(
    name: str,
    chosen: Bool[np.ndarray, " texts"],
    logits: Float[np.ndarray, " texts"],
    flagged: Bool[np.ndarray, " texts"],
    sample: LabelledSample,
) -> Subgroup:
    """Return the accuracy on the chosen texts."""
    labels = sample.generated[chosen]
    flagged_generated, flagged_real = (
        binomial_interval(int((flagged[chosen] & is_side).sum()), int(is_side.sum())) for is_side in (labels, ~labels)
    )
    return Subgroup(
        name=name,
        num_real=int((~labels).sum()),
        num_generated=int(labels.sum()),
        roc_auc=sample.interval(roc_auc(logits[chosen], labels), chosen),
        true_positive_rate=flagged_generated,
        false_positive_rate=flagged_real,
    )


def _length_warnings(length_method: ScoringMethod) -> Iterator[str]:
    if length_method.roc_auc.value >= _LENGTH_WARNING_AUC:
        yield (
            "Real and generated texts differ in length: the length alone has an AUC of "
            f"{format_share(length_method.roc_auc.value, 2)} (0.5 is guessing). Prefer the figures by length, or cut "
            f"all texts to similar lengths with {cli_flag('matched')} (in Python, matched=True)."
        )


def _calibration_bins(
    probabilities: Float[np.ndarray, " texts"], sample: LabelledSample, base_rate: float
) -> Iterator[CalibrationBin]:
    """Yield a bin for each range of probabilities; the ranges are equally wide, and empty bins are left out."""
    bins = np.minimum((probabilities * _NUM_BINS).astype(int), _NUM_BINS - 1)
    for number in np.unique(bins):
        chosen = bins == number
        share = _interval(sample, positive_fraction(chosen, sample.generated, base_rate))
        yield CalibrationBin(float(probabilities[chosen].mean()), share, int(chosen.sum()))


def _scoring_method(name: str, scores: Float[np.ndarray, " texts"], sample: LabelledSample) -> ScoringMethod:
    """Return the accuracy of a method; the length alone is inverted if generated texts tend to be shorter."""
    from sklearn.metrics import roc_auc_score

    labels = sample.generated
    low_means_generated = name == LENGTH_ALONE and bool(roc_auc_score(labels, scores) < 0.5)
    if low_means_generated:
        scores = -scores
    return ScoringMethod(
        name=name,
        roc_auc=_interval(sample, roc_auc(scores, labels)),
        true_positive_rate=_interval(sample, true_positive_rate(scores, labels, FALSE_POSITIVE_RATES[0])),
        low_means_generated=low_means_generated,
    )


def _frequent_values(cells: list[str]) -> Iterator[tuple[str, Bool[np.ndarray, " texts"]]]:
    """Yield the most frequent values of a column, each with a mask of its texts; all other values form one group."""
    values = np.array(cells, object)
    frequent = [value for value, _ in Counter(cells).most_common(_MAX_SUBGROUPS)]
    for value in sorted(frequent):
        yield value, values == value
    others = ~np.isin(values, frequent)
    if others.any():
        yield f"({len(set(cells)) - len(frequent):,} others)", others
