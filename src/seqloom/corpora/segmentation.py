"""Cutting long records where a sentence ends: short, into passages, or into sentences."""

import re
from collections.abc import Iterator
from itertools import islice, pairwise

__all__ = ["cut_words", "passages", "sentences"]

_WORD = re.compile(r"\S+")
_END = re.compile(
    r"(?<![.!?\u2026\u3002\uff01\uff1f])[.!?\u2026\u3002\uff01\uff1f]+[\"'\u2019\u201d)\]]*(?=\s|$)|(?<=\S)(?=\n\s*\n)"
)
_OWN_END = re.compile(r"[\u3002\uff01\uff1f\u0964\u061f\u06d4]+[\"'\u2019\u201d\u00bb\u300d\u300f\uff09)\]]*")
"""Marks of other scripts, which end a sentence without a space after them too."""

_PARAGRAPH = re.compile(r"(?:\r\n|\r(?!\n)|\n)[^\S\r\n]*(?:\r\n|\r|\n)")


def cut_words(text: str, most: int) -> str:
    """The beginning of a text, of at most so many words: up to a sentence's end where one comes in the second half.

    Args:
        text: a whole text.
        most: words that stay, at most.
    """
    ends = [word.end() for word in islice(_WORD.finditer(text), most + 1)]
    if len(ends) <= most:
        return text
    longest, shortest = ends[most - 1], ends[max(0, most // 2 - 1)]
    stops = [found.end() for found in _END.finditer(text, 0, longest) if found.end() >= shortest]
    return text[: stops[-1] if stops else longest]


def passages(text: str, most: int) -> Iterator[str]:
    """A text in passages of at most so many words each, by `cut_words`; the white space between them is left out.

    Args:
        text: a whole text.
        most: words of a passage, at most.
    """
    start = 0
    while text[start:].strip():
        passage = cut_words(text[start:], most)
        yield passage if not start else passage.lstrip()
        start += len(passage)


def sentences(text: str) -> Iterator[str]:
    """The sentences of a text, without the white space around them; what comes after the last end is one too.

    Args:
        text: a whole text.
    """
    ends = {found.end() for pattern in (_END, _OWN_END, _PARAGRAPH) for found in pattern.finditer(text)}
    for start, end in pairwise(sorted({0, *ends, len(text)})):
        if sentence := text[start:end].strip():
            yield sentence
