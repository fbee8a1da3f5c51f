"""Hard negatives: texts of a word n-gram model of the real texts, locally fluent but without a subject.

A detector that learns from a single generator knows only the errors of that generator; hard negatives show it others.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import regex

__all__ = ["make_hard_negatives"]

_WORD_WITH_SPACE = regex.compile(r"\S+\s*")
_MAX_CONTEXT = 3
"""Maximal number of words that the next word depends on."""

_CONTEXT_PRIOR = (1.0, 1.0, 0.5)
"""Parameters of the Dirichlet distribution that gives each text its probabilities of the context lengths."""

_MIN_WORDS, _MAX_ATTEMPTS_PER_TEXT = 5, 3

Continuations = dict[tuple[str, ...], list[str]]
"""Words with white space that follow a context; the empty string is the end of a text."""


def make_hard_negatives(texts: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
    """Generate hard negatives.

    Args:
        texts: real texts.
        count: number of hard negatives; fewer are returned if the texts are too similar or too short.
        random: random generator.

    Returns:
        New texts with lengths like those of the real texts; none of them is a real text.
    """
    split = [_WORD_WITH_SPACE.findall(text) for text in texts]
    known = {"".join(pieces).strip() for pieces in split}
    continuations: list[Continuations] = [defaultdict(list) for _ in range(_MAX_CONTEXT)]
    for pieces in split:
        words = [""] * _MAX_CONTEXT + [piece.strip() for piece in pieces]
        for position, piece in enumerate([*pieces, ""], start=_MAX_CONTEXT):
            for length, table in enumerate(continuations, start=1):
                table[tuple(words[position - length : position])].append(piece)
    hard_negatives: list[str] = []
    for _ in range(_MAX_ATTEMPTS_PER_TEXT * count):
        if len(hard_negatives) == count:
            break
        max_words = max(_MIN_WORDS, len(split[random.integers(len(split))]))
        pieces = _generate(continuations, max_words, random)
        text = "".join(pieces).strip()
        if len(pieces) >= _MIN_WORDS and text not in known:
            hard_negatives.append(text)
    return hard_negatives


def _generate(continuations: Sequence[Continuations], max_words: int, random: np.random.Generator) -> list[str]:
    """Return words with white space; the context length of each is random, and shortened if the context is unknown."""
    cumulative = random.dirichlet(_CONTEXT_PRIOR).cumsum()
    words, pieces = [""] * _MAX_CONTEXT, list[str]()
    while len(pieces) < max_words:
        length = int(np.searchsorted(cumulative[:-1], random.random())) + 1
        while not (candidates := continuations[length - 1].get(tuple(words[-length:]))):
            length -= 1
        piece = candidates[random.integers(len(candidates))]
        if not piece:
            break
        pieces.append(piece)
        words.append(piece.strip())
    return pieces
