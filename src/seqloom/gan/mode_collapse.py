"""How varied a generator's texts are, and whether it has collapsed."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from seqloom.evaluation.diversity import distinct_share
from seqloom.evaluation.self_bleu import self_bleu

__all__ = ["DiversityStats", "collapse_reason", "diversity_stats"]

_FALL = 0.7
_JUMP = 0.15
_COMPARED = 128
"""Texts that self-BLEU holds against one another, the last ones."""


class DiversityStats(NamedTuple):
    """How varied texts are.

    Attributes:
        distinct: pairs of tokens that are different from all others, as a share of all.
        self_bleu: how alike the texts are.
        repeated: share of texts that stood there before.
    """

    distinct: float
    self_bleu: float
    repeated: float


def diversity_stats(
    texts: Sequence[Sequence[int]], spell: Callable[[Sequence[Sequence[int]]], list[str]]
) -> DiversityStats:
    """How varied some texts are.

    Args:
        texts: their ids.
        spell: ids to texts.
    """
    spelled = spell(texts)
    alike = self_bleu(spelled[-_COMPARED:])
    return DiversityStats(
        distinct_share([list(map(str, text)) for text in texts], 2) or 0.0,
        0.0 if alike is None else alike,
        1 - len(set(spelled)) / max(len(spelled), 1),
    )


def collapse_reason(found: DiversityStats, reference: DiversityStats) -> str | None:
    """What is wrong with texts that have lost their variety; None where nothing is.

    Args:
        found: now.
        reference: what it was when the rounds began.
    """
    if found.distinct < _FALL * reference.distinct:
        return f"distinct pairs fell from {reference.distinct:.2f} to {found.distinct:.2f} of all"
    if found.self_bleu > reference.self_bleu + _JUMP:
        return f"self-BLEU rose from {reference.self_bleu:.2f} to {found.self_bleu:.2f}"
    return None
