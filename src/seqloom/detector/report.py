"""The evaluation of a detector, as numbers and example texts.

A text is flagged if its logit or probability reaches a threshold. A flagged generated text is a true positive, and a
flagged real text is a false positive. The base rate is the expected share of generated texts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from seqloom.detector.confounds import Confound
from seqloom.detector.explanation import Explanation
from seqloom.evaluation.classification_metrics import Interval

__all__ = [
    "RARE_BASE_RATE", "CalibrationBin", "DetectorReport", "ExampleText", "FlaggingRule", "OverallFigures",
    "ScoringMethod", "Subgroup", "report_to_json",
]  # fmt: skip

RARE_BASE_RATE = 0.02
"""Share of generated texts that is more realistic, where texts are checked, than one half."""

_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Quantiles of the probabilities that the JSON form of a report contains."""


@dataclass(frozen=True)
class OverallFigures:
    """The figures for all texts together.

    Attributes:
        roc_auc: area under the ROC curve.
        true_positive_rates: share of the generated texts that are flagged, by false positive rate.
        calibration_error: expected calibration error at the base rate.
        brier_score: mean squared error of the probabilities at the base rate.
    """

    roc_auc: Interval
    true_positive_rates: Mapping[float, Interval]
    calibration_error: Interval
    brier_score: Interval


@dataclass(frozen=True)
class CalibrationBin:
    """Texts with similar probabilities.

    Attributes:
        mean_probability: mean predicted probability of the texts.
        generated_share: share of the texts that was generated, after weighting all texts to the base rate.
        num_texts: number of texts.
    """

    mean_probability: float
    generated_share: Interval
    num_texts: int


@dataclass(frozen=True)
class ScoringMethod:
    """The accuracy of one method of scoring texts.

    Attributes:
        name: name of the method.
        roc_auc: area under the ROC curve.
        true_positive_rate: share of the generated texts that are flagged, at a false positive rate of at most 1 %.
        low_means_generated: whether a low score indicates a generated text.
    """

    name: str
    roc_auc: Interval
    true_positive_rate: Interval
    low_means_generated: bool = False


@dataclass(frozen=True)
class Subgroup:
    """The accuracy on a part of the texts, at the threshold that at most 1 % of all real texts reach.

    Attributes:
        name: name of the subgroup.
        num_real: number of real texts.
        num_generated: number of generated texts.
        roc_auc: area under the ROC curve; None unless the subgroup has real and generated texts.
        true_positive_rate: share of the generated texts that are flagged; None if there are none.
        false_positive_rate: share of the real texts that are flagged; None if there are none.
    """

    name: str
    num_real: int
    num_generated: int
    roc_auc: Interval | None
    true_positive_rate: Interval | None
    false_positive_rate: Interval | None


@dataclass(frozen=True)
class FlaggingRule:
    """The consequences of flagging every text above a threshold.

    Attributes:
        rule: description of the threshold.
        threshold: minimal probability, at the base rate; None if no text is flagged.
        true_positive_rate: share of the generated texts that are flagged.
        false_positive_rate: share of the real texts that are flagged.
        real_per_1000_flagged: number of real texts among 1,000 flagged texts, at the base rate; None if no text is
            flagged.
        real_per_1000_if_rare: the same number if only `RARE_BASE_RATE` of all texts are generated.
    """

    rule: str
    threshold: float | None
    true_positive_rate: float
    false_positive_rate: Interval
    real_per_1000_flagged: Interval | None
    real_per_1000_if_rare: Interval | None


@dataclass(frozen=True)
class ExampleText:
    """An example text.

    Attributes:
        kind: reason for the selection.
        text: text.
        generated: whether the text was generated; None if unknown.
        explanation: explanation of the detector's score.
    """

    kind: str
    text: str
    generated: bool | None
    explanation: Explanation


@dataclass(frozen=True, kw_only=True)
class DetectorReport:
    """The complete evaluation. Its figures exclude texts that are too short.

    Attributes:
        detector: folder of the detector.
        source: source of the real texts; of all texts if they are in one table.
        base_rate: expected share of generated texts.
        rare_base_rate: `RARE_BASE_RATE` if the caller named no base rate, otherwise None.
        num_real: number of real texts; of all texts if the labels are unknown.
        num_generated: number of generated texts; None if the labels are unknown.
        num_too_short: number of further texts, which are too short for a reliable score.
        num_out_of_distribution: number of texts that are unlike all training texts of the detector.
        warnings: reasons why the figures may be too good or misleading.
        overall: figures for all texts; None if the labels are unknown. In this case, `bins` to `confounds` are empty.
        bins: calibration bins.
        methods: the detector and simpler methods of scoring.
        length_groups: subgroups by number of words.
        column_groups: subgroups by the values of each named column.
        flagging_rules: consequences of flagging.
        confounds: signs of formatting that separate the two sides.
        examples: example texts.
        scores: scores of each method for the ROC curves, the detector first; a higher score indicates a generated text.
        labels: whether each text was generated; None if unknown.
        probabilities: probability of each text, at the base rate.
    """

    detector: str
    source: str
    base_rate: float
    rare_base_rate: float | None
    num_real: int
    num_generated: int | None
    num_too_short: int
    num_out_of_distribution: int
    warnings: Sequence[str]
    overall: OverallFigures | None = None
    bins: Sequence[CalibrationBin] = ()
    methods: Sequence[ScoringMethod] = ()
    length_groups: Sequence[Subgroup] = ()
    column_groups: Mapping[str, Sequence[Subgroup]] = field(default_factory=dict)
    flagging_rules: Sequence[FlaggingRule] = ()
    confounds: Sequence[Confound] = ()
    examples: Sequence[ExampleText] = ()
    scores: Mapping[str, Float[np.ndarray, " texts"]] = field(repr=False)
    labels: Bool[np.ndarray, " texts"] | None = field(repr=False)
    probabilities: Float[np.ndarray, " texts"] = field(repr=False)


def report_to_json(report: DetectorReport) -> dict[str, Any]:
    """Return the figures of a report in JSON's types, with quantiles of the probabilities and without texts."""
    omitted = ("examples", "scores", "labels", "probabilities")
    quantiles = np.quantile(report.probabilities, _QUANTILES).tolist()
    return {
        **{name: value for name, value in asdict(report).items() if name not in omitted},
        "quantiles": dict(zip(_QUANTILES, quantiles, strict=True)),
    }
