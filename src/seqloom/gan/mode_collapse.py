"""Measure the diversity of generated texts and detect mode collapse."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from seqloom.evaluation.diversity import distinct_share
from seqloom.evaluation.self_bleu import self_bleu

__all__ = ["DiversityStats", "collapse_reason", "diversity_stats"]

_MIN_DISTINCT_RATIO = 0.7
"""Smallest ratio of the share of distinct bigrams to the reference share; a lower ratio is a mode collapse."""

_MAX_SELF_BLEU_RISE = 0.15
"""Largest rise of self-BLEU above the reference; a larger rise is a mode collapse."""

_NUM_SELF_BLEU_TEXTS = 128
"""Number of texts that self-BLEU compares: the last, and so the newest, of the texts."""


class DiversityStats(NamedTuple):
    """Diversity of a set of texts.

    Attributes:
        distinct: share of distinct token bigrams (distinct-2).
        self_bleu: similarity of the texts to each other (self-BLEU); higher is less diverse.
        repeated: share of texts that repeat an earlier text.
    """

    distinct: float
    self_bleu: float
    repeated: float


def diversity_stats(
    texts: Sequence[Sequence[int]], decode: Callable[[Sequence[Sequence[int]]], list[str]]
) -> DiversityStats:
    """Return the diversity of texts.

    Args:
        texts: token ids of each text.
        decode: function from the token ids of several texts to the texts.
    """
    decoded = decode(texts)
    bleu = self_bleu(decoded[-_NUM_SELF_BLEU_TEXTS:])
    return DiversityStats(
        distinct_share([list(map(str, text)) for text in texts], n=2) or 0.0,
        0.0 if bleu is None else bleu,
        1 - len(set(decoded)) / max(len(decoded), 1),
    )


def collapse_reason(current: DiversityStats, reference: DiversityStats) -> str | None:
    """Return a description of the measurement that shows a mode collapse; None if no measurement does.

    Args:
        current: diversity now.
        reference: diversity before adversarial training.
    """
    if current.distinct < _MIN_DISTINCT_RATIO * reference.distinct:
        return f"distinct bigrams fell from {reference.distinct:.2f} to {current.distinct:.2f} of all"
    if current.self_bleu > reference.self_bleu + _MAX_SELF_BLEU_RISE:
        return f"self-BLEU rose from {reference.self_bleu:.2f} to {current.self_bleu:.2f}"
    return None
