"""Similarity of the texts of one model: self-BLEU (Zhu et al. 2018, Texygen). Lower is more diverse.

The BLEU of a text (Papineni et al. 2002) measures how many of its n-grams, up to 4-grams, occur in its references. Here
all other texts are the references of a text, and self-BLEU is the mean over the texts. The count of an n-gram is
clipped to its largest count in any other text.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["self_bleu"]

_WORD = re.compile(r"\w+|[^\w\s]")
_MIN_PRECISION = 1e-9
"""Replacement of a precision of 0, because a geometric mean such as BLEU needs its logarithm."""

Gram = tuple[str, ...]


@dataclass
class _LargestCounts:
    """The two largest counts of an n-gram in any text, and the index of the text with the largest (the owner)."""

    first: int = 0
    second: int = 0
    owner: int = -1

    def update(self, count: int, text_index: int) -> None:
        if count > self.first:
            self.first, self.second, self.owner = count, self.first, text_index
        else:
            self.second = max(self.second, count)

    def excluding(self, text_index: int) -> int:
        """Return the largest count in any text except the one with index `text_index`."""
        return self.second if text_index == self.owner else self.first


@dataclass
class _NgramOrder:
    """Counts of all n-grams of one length n: in each text, and the largest in any text."""

    counts: list[Counter[Gram]]
    largest: dict[Gram, _LargestCounts] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for text_index, counter in enumerate(self.counts):
            for gram, count in counter.items():
                self.largest.setdefault(gram, _LargestCounts()).update(count, text_index)

    def precision(self, text_index: int) -> float:
        """Return the clipped n-gram precision of a text: the share of its n-grams that other texts also have."""
        counter = self.counts[text_index]
        total = sum(counter.values())
        if not total:
            return 0.0
        return sum(min(count, self.largest[gram].excluding(text_index)) for gram, count in counter.items()) / total


def self_bleu(texts: Sequence[str], order: int = 4) -> float | None:
    """Return the mean BLEU of each text against all others; None if fewer than two texts have words.

    Args:
        texts: texts of one model. Compare only equally many texts: self-BLEU grows with their number.
        order: largest n.
    """
    tokenized = [words for text in texts if (words := _WORD.findall(text))]
    if len(tokenized) < 2:
        return None
    orders = [_NgramOrder([Counter(_grams(words, n)) for words in tokenized]) for n in range(1, order + 1)]
    lengths = sorted(map(len, tokenized))
    scores = [_bleu(orders, text_index, len(words), lengths) for text_index, words in enumerate(tokenized)]
    return sum(scores) / len(scores)


def _bleu(orders: Sequence[_NgramOrder], text_index: int, length: int, lengths: Sequence[int]) -> float:
    """Return the BLEU of the text with index `text_index`, from its number of words and that of every text."""
    precisions = [max(ngrams.precision(text_index), _MIN_PRECISION) for ngrams in orders]
    others = list(lengths)
    others.remove(length)
    nearest_length = min(others, key=lambda other: (abs(other - length), other))
    log_brevity_penalty = min(0.0, 1 - nearest_length / length)
    return math.exp(log_brevity_penalty + sum(map(math.log, precisions)) / len(precisions))


def _grams(words: Sequence[str], n: int) -> list[Gram]:
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]
