"""How varied texts are: distinct n-grams, phrases that come back, loops.

Knows nothing of where the texts came from. A figure that has nothing to count is None, never 0.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["ORDERS", "Diversity", "Loop", "distinct_share", "diversity", "longest_loop", "repeated_share"]

ORDERS = (1, 2, 3, 4)
"""The n of the n-grams that `Diversity` counts."""

_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Loop:
    """A stretch of text in which one unit follows itself at once, as in "the the the".

    Attributes:
        unit: what is repeated; empty where nothing is.
        length: characters of the whole stretch; the last turn may be cut short.
    """

    unit: str
    length: int

    @property
    def times(self) -> float:
        """How often the unit stands there; 0 where nothing is repeated."""
        return self.length / len(self.unit) if self.unit else 0.0


@dataclass(frozen=True, kw_only=True)
class Diversity:
    """How varied a list of texts is.

    Attributes:
        distinct_words: distinct word n-grams as a share of all, over all texts together, for each n of
            `ORDERS` (Li et al. 2016, distinct-n); None where no text is long enough. A word is a run of
            letters and digits, or one punctuation mark; for scripts without spaces read
            `distinct_characters`.
        distinct_characters: the same over characters.
        repeated_share: share of the word 4-grams that stood among the 128 before them in the same text; None
            where no text has four words.
        loop: the longest loop of any text.
    """

    distinct_words: tuple[float | None, ...]
    distinct_characters: tuple[float | None, ...]
    repeated_share: float | None
    loop: Loop


def diversity(texts: Iterable[str]) -> Diversity:
    """Measure how varied `texts` are."""
    kept = list(texts)
    words = [_WORD.findall(text) for text in kept]
    return Diversity(
        distinct_words=tuple(distinct_share(words, n) for n in ORDERS),
        distinct_characters=tuple(distinct_share(kept, n) for n in ORDERS),
        repeated_share=repeated_share(words),
        loop=max(map(longest_loop, kept), key=lambda loop: loop.length, default=Loop("", 0)),
    )


def distinct_share(texts: Iterable[Sequence[str]], n: int) -> float | None:
    """Distinct n-grams as a share of all n-grams of `texts`; None where there are none.

    Args:
        texts: strings (characters are counted) or lists of words.
        n: symbols in an n-gram.
    """
    seen: set[Sequence[str]] = set()
    total = 0
    for text in texts:
        total += max(0, len(text) - n + 1)
        seen.update(_grams(text, n))
    return len(seen) / total if total else None


def repeated_share(texts: Iterable[Sequence[str]], n: int = 4, window: int = 128) -> float | None:
    """Share of n-grams that already stood among the `window` n-grams before them in the same text.

    Returns:
        0 to 1 over all texts together, or None where no text holds an n-gram.
    """
    repeated = total = 0
    for text in texts:
        last: dict[Sequence[str], int] = {}
        for position, gram in enumerate(_grams(text, n)):
            repeated += gram in last and position - last[gram] <= window
            last[gram] = position
            total += 1
    return repeated / total if total else None


def longest_loop(text: str, longest_unit: int = 200) -> Loop:
    """The longest stretch of `text` that repeats one unit at least twice without a gap.

    Of two equally long stretches the one with the shorter unit is given.

    Args:
        text: one text.
        longest_unit: units of more characters are not looked for.
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    best = Loop("", 0)
    for period in range(1, min(longest_unit, len(codes) // 2) + 1):
        differs = np.flatnonzero(codes[period:] != codes[:-period])
        edges = np.concatenate(([-1], differs, [len(codes) - period]))
        runs = np.diff(edges) - 1
        at = int(runs.argmax())
        length = int(runs[at]) + period
        if length >= 2 * period and length > best.length:
            start = int(edges[at]) + 1
            best = Loop(text[start : start + period], length)
    return best


def _grams(text: Sequence[str], n: int) -> Iterator[Sequence[str]]:
    if isinstance(text, str):
        return (text[at : at + n] for at in range(len(text) - n + 1))
    return (tuple(text[at : at + n]) for at in range(len(text) - n + 1))
