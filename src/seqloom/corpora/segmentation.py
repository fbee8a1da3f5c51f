"""Cuts records where sentences end: to a maximal length, into passages, or into sentences."""

import re
from collections.abc import Iterator
from itertools import islice, pairwise

__all__ = ["cut_words", "passages", "sentences"]

_WORD = re.compile(r"\S+")
_SENTENCE_END = re.compile(
    r"(?<![.!?\u2026\u3002\uff01\uff1f])[.!?\u2026\u3002\uff01\uff1f]+[\"'\u2019\u201d)\]]*(?=\s|$)|(?<=\S)(?=\n\s*\n)"
)
_UNSPACED_END = re.compile(r"[\u3002\uff01\uff1f\u0964\u061f\u06d4]+[\"'\u2019\u201d\u00bb\u300d\u300f\uff09)\]]*")
"""Marks of other scripts, which end a sentence even without a space after them."""

_PARAGRAPH = re.compile(r"(?:\r\n|\r(?!\n)|\n)[^\S\r\n]*(?:\r\n|\r|\n)")


def cut_words(text: str, max_words: int) -> str:
    """Return the beginning of a text: at most `max_words` words, up to the last sentence end in their second half.

    Args:
        text: whole text.
        max_words: largest number of words.
    """
    ends = [word.end() for word in islice(_WORD.finditer(text), max_words + 1)]
    if len(ends) <= max_words:
        return text
    longest, shortest = ends[max_words - 1], ends[max(0, max_words // 2 - 1)]
    stops = [match.end() for match in _SENTENCE_END.finditer(text, 0, longest) if match.end() >= shortest]
    return text[: stops[-1] if stops else longest]


def passages(text: str, max_words: int) -> Iterator[str]:
    """Yield passages of at most `max_words` words each, cut by `cut_words`, without the white space between them.

    Args:
        text: whole text.
        max_words: largest number of words in a passage.
    """
    start = 0
    while text[start:].strip():
        passage = cut_words(text[start:], max_words)
        yield passage if not start else passage.lstrip()
        start += len(passage)


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a text without the white space around them; the rest after the last end counts as one."""
    ends = {match.end() for pattern in (_SENTENCE_END, _UNSPACED_END, _PARAGRAPH) for match in pattern.finditer(text)}
    for start, end in pairwise(sorted({0, *ends, len(text)})):
        if sentence := text[start:end].strip():
            yield sentence
