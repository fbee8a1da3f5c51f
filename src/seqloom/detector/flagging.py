"""The consequences of flagging texts above a threshold: the shares of generated and of real texts that are flagged."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float

from seqloom.detector.report import RARE_BASE_RATE, FlaggingRule
from seqloom.detector.stack import probabilities
from seqloom.evaluation.classification_metrics import FALSE_POSITIVE_RATES, Interval, binomial_interval
from seqloom.percent import format_percent

__all__ = ["flag_at_rate", "flagging_rules"]


def flagging_rules(
    logits: Float[np.ndarray, " texts"], labels: Bool[np.ndarray, " texts"], base_rate: float
) -> Iterator[FlaggingRule]:
    """Yield a rule for each false positive rate of `FALSE_POSITIVE_RATES`, and a rule for a probability of 0.5.

    Args:
        logits: logit of each text, at a base rate of 0.5.
        labels: whether each text was generated.
        base_rate: expected share of generated texts.
    """
    for rate in FALSE_POSITIVE_RATES:
        flagged, threshold = flag_at_rate(logits, labels, rate)
        probability = None if threshold is None else float(probabilities(np.array([threshold]), base_rate)[0])
        yield _rule(f"flag at most {format_percent(rate)} of these real texts", probability, flagged, labels, base_rate)
    flagged = probabilities(logits, base_rate) > 0.5
    yield _rule("flag what is more likely generated than real", 0.5, flagged, labels, base_rate)


def flag_at_rate(
    scores: Float[np.ndarray, " texts"], labels: Bool[np.ndarray, " texts"], max_rate: float
) -> tuple[Bool[np.ndarray, " texts"], float | None]:
    """Flag texts at the lowest threshold that flags at most a certain share of the real texts.

    Args:
        scores: scores of the texts; a higher score indicates a generated text.
        labels: whether each text was generated.
        max_rate: maximal share of the real texts that is flagged.

    Returns:
        Whether each text is flagged, and the threshold. The threshold is None if no text is flagged.
    """
    from sklearn.metrics import roc_curve

    false_positive_rates, _, thresholds = roc_curve(labels, scores, drop_intermediate=False)
    # The thresholds descend; the first is infinite, and flags no text.
    threshold = float(thresholds[np.flatnonzero(false_positive_rates <= max_rate)[-1]])
    return scores >= threshold, threshold if np.isfinite(threshold) else None


def _rule(
    description: str,
    threshold: float | None,
    flagged: Bool[np.ndarray, " texts"],
    labels: Bool[np.ndarray, " texts"],
    base_rate: float,
) -> FlaggingRule:
    """Return a rule, with the shares of texts that it flags."""
    true_positive_rate = float(flagged[labels].mean())
    false_positive_rate = binomial_interval(int(flagged[~labels].sum()), int((~labels).sum()))
    assert false_positive_rate is not None  # it is None only without real texts
    real_per_1000 = [
        _real_per_1000_flagged(true_positive_rate, false_positive_rate, rate) if flagged.any() else None
        for rate in (base_rate, RARE_BASE_RATE)
    ]
    return FlaggingRule(description, threshold, true_positive_rate, false_positive_rate, *real_per_1000)


def _real_per_1000_flagged(true_positive_rate: float, false_positive_rate: Interval, base_rate: float) -> Interval:
    """Return the expected number of real texts among 1,000 flagged texts, by Bayes' rule."""
    # If no generated text is flagged, all flagged texts are real.
    if not true_positive_rate:
        return Interval(1000.0, 1000.0, 1000.0)
    rates = (false_positive_rate.value, false_positive_rate.low, false_positive_rate.high)
    shares = ((1 - base_rate) * rate / ((1 - base_rate) * rate + base_rate * true_positive_rate) for rate in rates)
    return Interval(*(1000 * share for share in shares))
