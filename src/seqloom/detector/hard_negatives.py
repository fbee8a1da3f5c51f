"""Hard negatives: texts of a word n-gram model of the real texts, locally fluent but without a subject.

A detector that learns from a single generator knows only the errors of that generator; hard negatives show it other
errors. A piece is a word with the white space after it. The context of a piece is the words before it that the piece
depends on.
"""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import regex

__all__ = ["make_hard_negatives"]

_PIECE = regex.compile(r"\S+\s*")

_MAX_CONTEXT = 3
"""Maximal number of words in a context."""

_CONTEXT_PRIOR = (1.0, 1.0, 0.5)
"""Parameters of a Dirichlet distribution over the context lengths 1, 2 and 3. For each text, the probabilities of the
context lengths are drawn from this distribution."""

_MIN_WORDS = 5
"""Shorter hard negatives are discarded."""

_MAX_TEXTS_PER_NEGATIVE = 2
"""Maximal number of texts per requested hard negative that the n-gram model is fitted to."""

_MAX_ATTEMPTS_PER_TEXT = 3
"""Maximal number of generated texts per requested hard negative, including texts that are discarded."""

Continuations = dict[tuple[str, ...], list[str]]
"""Pieces that follow a context, by the words of the context. An empty word stands for the beginning of a text, and an
empty piece for the end."""


def make_hard_negatives(texts: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
    """Generate hard negatives.

    Args:
        texts: real texts.
        count: number of hard negatives; fewer are returned if the texts are too similar or too short.
        random: random generator.

    Returns:
        New texts with lengths like those of the real texts; none of them is a real text.
    """
    known_texts = {text.strip() for text in texts}
    num_read = min(len(texts), _MAX_TEXTS_PER_NEGATIVE * count)
    split_texts = [_PIECE.findall(texts[index]) for index in random.permutation(len(texts))[:num_read]]
    continuations: list[Continuations] = [defaultdict(list) for _ in range(_MAX_CONTEXT)]
    for pieces in split_texts:
        words = [""] * _MAX_CONTEXT + [piece.strip() for piece in pieces]
        for position, piece in enumerate([*pieces, ""], start=_MAX_CONTEXT):
            for context_length, continuations_of_length in enumerate(continuations, start=1):
                continuations_of_length[tuple(words[position - context_length : position])].append(piece)
    hard_negatives: list[str] = []
    for _ in range(_MAX_ATTEMPTS_PER_TEXT * count):
        if len(hard_negatives) == count:
            break
        max_words = max(_MIN_WORDS, len(split_texts[random.integers(len(split_texts))]))
        pieces = _generate(continuations, max_words, random)
        text = "".join(pieces).strip()
        if len(pieces) >= _MIN_WORDS and text not in known_texts:
            hard_negatives.append(text)
    return hard_negatives


def _generate(continuations: Sequence[Continuations], max_words: int, random: np.random.Generator) -> list[str]:
    """Return the pieces of a new text.

    The length of the context of each piece is random. A context that occurs in no real text is shortened until it does.

    Args:
        continuations: continuations of the contexts of each length, from 1.
        max_words: maximal number of pieces.
        random: random generator.
    """
    cumulative_probabilities = random.dirichlet(_CONTEXT_PRIOR).cumsum()
    words, pieces = [""] * _MAX_CONTEXT, list[str]()
    while len(pieces) < max_words:
        context_length = int(np.searchsorted(cumulative_probabilities[:-1], random.random())) + 1
        while not (candidates := continuations[context_length - 1].get(tuple(words[-context_length:]))):
            context_length -= 1
        piece = candidates[random.integers(len(candidates))]
        if not piece:  # the end of the text
            break
        pieces.append(piece)
        words.append(piece.strip())
    return pieces
