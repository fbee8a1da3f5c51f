"""How alike the texts of one writer are: self-BLEU (Zhu et al. 2018, Texygen). Lower is more varied.

Each text is held against all the others as references, by BLEU (Papineni et al. 2002) up to 4-grams; the mean over
texts is given. An n-gram may count as often as in the one other text that has it most.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["self_bleu"]

_WORD = re.compile(r"\w+|[^\w\s]")
_SMALLEST = 1e-9
"""Stands in for a precision of nothing, as BLEU is a geometric mean."""

Gram = tuple[str, ...]


@dataclass
class _Most:
    """The two largest counts of an n-gram in any text, and which text has the largest."""

    first: int = 0
    second: int = 0
    owner: int = -1

    def see(self, count: int, owner: int) -> None:
        if count > self.first:
            self.first, self.second, self.owner = count, self.first, owner
        else:
            self.second = max(self.second, count)

    def but(self, owner: int) -> int:
        """The largest count in another text than this one."""
        return self.second if owner == self.owner else self.first


@dataclass
class _Order:
    """All n-grams of one n."""

    counts: list[Counter[Gram]]
    most: dict[Gram, _Most] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for owner, counter in enumerate(self.counts):
            for gram, count in counter.items():
                self.most.setdefault(gram, _Most()).see(count, owner)

    def precision(self, owner: int) -> float:
        """Share of a text's n-grams that others have, each as often as it may count."""
        counter = self.counts[owner]
        total = sum(counter.values())
        if not total:
            return 0.0
        return sum(min(count, self.most[gram].but(owner)) for gram, count in counter.items()) / total


def self_bleu(texts: Sequence[str], order: int = 4) -> float | None:
    """The mean BLEU of each text against all others; None where fewer than two have words.

    Args:
        texts: of one writer. The figure grows with their number, so that only equally many can be compared.
        order: n-grams up to this n.
    """
    words = [found for text in texts if (found := _WORD.findall(text))]
    if len(words) < 2:
        return None
    orders = [_Order([Counter(_grams(one, n)) for one in words]) for n in range(1, order + 1)]
    lengths = sorted(map(len, words))
    return sum(_bleu(orders, owner, len(one), lengths) for owner, one in enumerate(words)) / len(words)


def _bleu(orders: Sequence[_Order], owner: int, length: int, lengths: Sequence[int]) -> float:
    precisions = [max(each.precision(owner), _SMALLEST) for each in orders]
    others = list(lengths)
    others.remove(length)
    nearest = min(others, key=lambda other: (abs(other - length), other))
    brevity = min(0.0, 1 - nearest / length)
    return math.exp(brevity + sum(map(math.log, precisions)) / len(precisions))


def _grams(words: Sequence[str], n: int) -> list[Gram]:
    return [tuple(words[at : at + n]) for at in range(len(words) - n + 1)]
