"""What is known of a detector after it was measured, as numbers and texts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from seqloom.detector.confounds import Confound
from seqloom.detector.explanation import Explanation
from seqloom.evaluation.classification_metrics import Interval

__all__ = ["Alarm", "Bin", "DetectorReport", "ExampleText", "Overall", "ScoringMethod", "Subgroup", "as_numbers"]

_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


@dataclass(frozen=True)
class Overall:
    """The figures of all texts together.

    Attributes:
        area: under the ROC curve.
        found: share of the generated texts above a threshold that so large a share of the real ones passes.
        calibration_error: expected calibration error, where a share of `base_rate` is generated.
        brier: mean squared error of the probabilities there.
    """

    area: Interval
    found: Mapping[float, Interval]
    calibration_error: Interval
    brier: Interval


@dataclass(frozen=True)
class Bin:
    """Texts of like probability.

    Attributes:
        probability: their mean one.
        generated: the share of them that was generated, where a share of `base_rate` of all texts is.
        texts: how many there are.
    """

    probability: float
    generated: Interval
    texts: int


@dataclass(frozen=True)
class ScoringMethod:
    """What one way of scoring comes to by itself.

    Attributes:
        name: of it.
        area: under the ROC curve.
        found: as in `Overall`, at the first of `FALSE_ALARMS`.
        turned: whether a low score speaks for a generated text.
    """

    name: str
    area: Interval
    found: Interval
    turned: bool = False


@dataclass(frozen=True)
class Subgroup:
    """The detector on a part of the texts, at the threshold that 1 % of all real texts pass.

    Attributes:
        name: of the part.
        real: how many real texts it has.
        generated: how many generated ones.
        area: under the ROC curve; None where a side has no text.
        found: share of the generated texts that are flagged; None where there are none.
        false_alarms: share of the real texts that are flagged; None where there are none.
    """

    name: str
    real: int
    generated: int
    area: Interval | None
    found: Interval | None
    false_alarms: Interval | None


@dataclass(frozen=True)
class Alarm:
    """What flagging every text above a threshold would do.

    Attributes:
        rule: how the threshold was chosen.
        threshold: the probability, at the base rate; None where no text passes.
        found: share of the generated texts that are flagged.
        false_alarms: share of the real texts that are flagged.
        innocent: of 1,000 flagged texts, those by real people where a share of `base_rate` is generated; None where
            nothing is flagged.
    """

    rule: str
    threshold: float | None
    found: float
    false_alarms: Interval
    innocent: Interval | None


@dataclass(frozen=True)
class ExampleText:
    """A text that is shown.

    Attributes:
        kind: what it is an example of.
        text: the text.
        generated: the truth; None where it is not known.
        explanation: what the detector says of it.
    """

    kind: str
    text: str
    generated: bool | None
    explanation: Explanation


@dataclass(frozen=True, kw_only=True)
class DetectorReport:
    """The whole measurement; texts that are too short to tell have no part in its figures.

    Attributes:
        detector: its folder.
        source: of the real texts, or of all.
        base_rate: expected share of generated texts.
        real: how many real texts there are; all texts where the truth is not known.
        generated: how many generated ones; None where the truth is not known.
        abstained: how many more are too short to tell.
        strange: how many are unlike all that the detector knows.
        warnings: why the figures may flatter or mislead.
        overall: None where the truth is not known; then the next six are empty.
        bins: what its probabilities are worth.
        ways: the detector beside other ways of scoring.
        lengths: by number of words.
        parts: by value of each column that was named.
        alarms: what flagging would do.
        leaks: signs of how the files were made.
        shown: texts.
        scores: logits of each way that a curve is drawn of; the detector's are first.
        truth: of each text.
        probabilities: of each text, at the base rate.
    """

    detector: str
    source: str
    base_rate: float
    real: int
    generated: int | None
    abstained: int
    strange: int
    warnings: Sequence[str]
    overall: Overall | None = None
    bins: Sequence[Bin] = ()
    ways: Sequence[ScoringMethod] = ()
    lengths: Sequence[Subgroup] = ()
    parts: Mapping[str, Sequence[Subgroup]] = field(default_factory=dict)
    alarms: Sequence[Alarm] = ()
    leaks: Sequence[Confound] = ()
    shown: Sequence[ExampleText] = ()
    scores: Mapping[str, Float[np.ndarray, " texts"]] = field(repr=False)
    truth: Bool[np.ndarray, " texts"] | None = field(repr=False)
    probabilities: Float[np.ndarray, " texts"] = field(repr=False)


def as_numbers(report: DetectorReport) -> dict[str, Any]:
    """The report's figures in JSON's types, without the texts; of the probabilities only some quantiles."""
    left_out = ("shown", "scores", "truth", "probabilities")
    quantiles = np.quantile(report.probabilities, _QUANTILES).tolist()
    return {
        **{name: value for name, value in asdict(report).items() if name not in left_out},
        "quantiles": dict(zip(_QUANTILES, quantiles, strict=True)),
    }
