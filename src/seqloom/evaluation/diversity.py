"""Diversity of texts: distinct n-grams, repeated phrases, loops.

A metric without anything to count is None, never 0.
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
    """A stretch of text that repeats one unit without a gap, as in "the the the".

    Attributes:
        unit: repeated unit; empty without repetition.
        length: number of characters of the stretch, whose last repeat may be incomplete.
    """

    unit: str
    length: int

    @property
    def num_repeats(self) -> float:
        """Number of repeats; 0 without repetition."""
        return self.length / len(self.unit) if self.unit else 0.0


@dataclass(frozen=True, kw_only=True)
class Diversity:
    """Diversity of a list of texts.

    Attributes:
        distinct_words: share of distinct word n-grams, over all texts together, for each n of `ORDERS` (Li et al. 2016,
            distinct-n); None if no text is long enough. A word is a run of letters and digits, or one punctuation mark;
            for scripts without spaces use `distinct_characters`.
        distinct_characters: share of distinct character n-grams.
        repeated_share: share of word 4-grams that occur among the 128 4-grams before them in the same text; None if no
            text has four words.
        loop: longest loop of any text.
    """

    distinct_words: tuple[float | None, ...]
    distinct_characters: tuple[float | None, ...]
    repeated_share: float | None
    loop: Loop


def diversity(texts: Iterable[str]) -> Diversity:
    """Return the diversity of `texts`."""
    text_list = list(texts)
    words = [_WORD.findall(text) for text in text_list]
    return Diversity(
        distinct_words=tuple(distinct_share(words, n) for n in ORDERS),
        distinct_characters=tuple(distinct_share(text_list, n) for n in ORDERS),
        repeated_share=repeated_share(words),
        loop=max(map(longest_loop, text_list), key=lambda loop: loop.length, default=Loop("", 0)),
    )


def distinct_share(texts: Iterable[Sequence[str]], n: int) -> float | None:
    """Return the share of distinct n-grams among all n-grams of `texts`; None without n-grams.

    Args:
        texts: strings, for n-grams of characters, or lists of words.
        n: length of an n-gram.
    """
    seen: set[Sequence[str]] = set()
    total = 0
    for text in texts:
        total += max(0, len(text) - n + 1)
        seen.update(_grams(text, n))
    return len(seen) / total if total else None


def repeated_share(texts: Iterable[Sequence[str]], n: int = 4, window: int = 128) -> float | None:
    """Return the share of n-grams that occur among the `window` n-grams before them in the same text.

    Returns:
        0 to 1 over all texts together; None without n-grams.
    """
    repeated = total = 0
    for text in texts:
        last_position: dict[Sequence[str], int] = {}
        for position, gram in enumerate(_grams(text, n)):
            repeated += gram in last_position and position - last_position[gram] <= window
            last_position[gram] = position
            total += 1
    return repeated / total if total else None


def longest_loop(text: str, longest_unit: int = 200) -> Loop:
    """Return the longest stretch of `text` that consists of one unit, at least twice in a row.

    Of two equally long stretches, return the one with the shorter unit.

    Args:
        text: one text.
        longest_unit: maximum number of characters of a unit.
    """
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    best = Loop("", 0)
    for period in range(1, min(longest_unit, len(codes) // 2) + 1):
        # A run of n characters that each equal the character one period later is a loop of n + period characters.
        differs = np.flatnonzero(codes[period:] != codes[:-period])
        edges = np.concatenate(([-1], differs, [len(codes) - period]))
        run_lengths = np.diff(edges) - 1
        longest = int(run_lengths.argmax())
        length = int(run_lengths[longest]) + period
        if length >= 2 * period and length > best.length:
            start = int(edges[longest]) + 1
            best = Loop(text[start : start + period], length)
    return best


def _grams(text: Sequence[str], n: int) -> Iterator[Sequence[str]]:
    starts = range(len(text) - n + 1)
    if isinstance(text, str):
        return (text[start : start + n] for start in starts)
    return (tuple(text[start : start + n]) for start in starts)
