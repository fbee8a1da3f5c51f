"""Choose example texts for the report of a detector: the most certain, the wrong and the least certain ones."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

from seqloom.detector.detector import Detector
from seqloom.detector.report import ExampleText

__all__ = ["choose_examples"]

_EXAMPLES_PER_KIND = 3


def choose_examples(
    detector: Detector,
    texts: list[str],
    labels: Bool[np.ndarray, " texts"] | None,
    probabilities: Float[np.ndarray, " texts"],
    base_rate: float,
) -> Iterator[ExampleText]:
    """Yield a few texts of each kind, such as "Least certain", with explanations; no text is repeated."""
    chosen: set[int] = set()
    for kind, candidates in _candidates(labels, probabilities).items():
        unused = [index for index in candidates.tolist() if index not in chosen]
        for index in unused[:_EXAMPLES_PER_KIND]:
            chosen.add(index)
            explanation = detector.explain(texts[index], base_rate=base_rate)
            yield ExampleText(kind, texts[index], None if labels is None else bool(labels[index]), explanation)


def _candidates(
    labels: Bool[np.ndarray, " texts"] | None, probabilities: Float[np.ndarray, " texts"]
) -> dict[str, Int[np.ndarray, " candidates"]]:
    """Return the indices of the texts of each kind, best examples first."""
    ascending = np.argsort(probabilities, kind="stable")
    candidates: dict[str, Int[np.ndarray, " candidates"]] = {}
    for generated, most_certain_first in ((True, ascending[::-1]), (False, ascending)):
        side = "generated" if generated else "real"
        # Indices of the texts that the detector judges to be on this side.
        judged = most_certain_first[(probabilities[most_certain_first] > 0.5) == generated]
        if labels is None:
            candidates[f"Most certainly {side}"] = judged
        else:
            candidates[f"Judged {side}, correctly"] = judged[labels[judged] == generated]
            error = "false alarms" if generated else "missed"
            candidates[f"Judged {side}, wrongly ({error})"] = judged[labels[judged] != generated]
    candidates["Least certain"] = np.argsort(np.abs(probabilities - 0.5), kind="stable")
    return candidates
