"""Cutting long records short where a sentence ends."""

import re

__all__ = ["cut_words"]

_WORD = re.compile(r"\S+")
_END = re.compile(r"[.!?\u2026\u3002\uff01\uff1f]+[\"'\u2019\u201d)\]]*(?=\s|$)|(?<=\S)(?=\n\s*\n)")


def cut_words(text: str, most: int) -> str:
    """The beginning of a text, of at most so many words: up to a sentence's end where one comes in the second half.

    Args:
        text: a whole text.
        most: words that stay, at most.
    """
    ends = [word.end() for word in _WORD.finditer(text)]
    if len(ends) <= most:
        return text
    longest, shortest = ends[most - 1], ends[max(0, most // 2 - 1)]
    stops = [found.end() for found in _END.finditer(text, 0, longest) if found.end() >= shortest]
    return text[: stops[-1] if stops else longest]
