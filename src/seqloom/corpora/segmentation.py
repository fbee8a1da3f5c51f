"""Cuts records where sentences end: to a maximal length, into passages, or into sentences."""

import re
from collections.abc import Iterator
from itertools import islice, pairwise

__all__ = ["cut_words", "passages", "sentences"]

_WORD = re.compile(r"\S+")

_SENTENCE_END = re.compile(
    r"(?<![.!?\u2026\u3002\uff01\uff1f])[.!?\u2026\u3002\uff01\uff1f]+[\"'\u2019\u201d)\]]*(?=\s|$)|(?<=\S)(?=\n\s*\n)"
)
"""Marks that end a sentence, with the closing quotes and brackets after them, if white space follows; or the end of a
paragraph."""

_UNSPACED_END = re.compile(r"[\u3002\uff01\uff1f\u0964\u061f\u06d4]+[\"'\u2019\u201d\u00bb\u300d\u300f\uff09)\]]*")
"""Marks of Chinese, Indic and Arabic scripts, which end a sentence even without a space after them."""

_PARAGRAPH = re.compile(r"(?:\r\n|\r(?!\n)|\n)[^\S\r\n]*(?:\r\n|\r|\n)")
"""An empty line, which ends a paragraph: two line ends with nothing but spaces between them."""


def cut_words(text: str, max_words: int) -> str:
    """Return the beginning of a text: at most `max_words` words.

    A longer text is cut after the last sentence that ends in the second half of these words; if none ends there, it is
    cut after word `max_words`.

    Args:
        text: whole text.
        max_words: largest number of words.
    """
    # One word more than the limit tells whether the text is longer.
    word_ends = [word.end() for word in islice(_WORD.finditer(text), max_words + 1)]
    if len(word_ends) <= max_words:
        return text
    first_cut, last_cut = word_ends[max(0, max_words // 2 - 1)], word_ends[max_words - 1]
    cuts = [match.end() for match in _SENTENCE_END.finditer(text, 0, last_cut) if match.end() >= first_cut]
    return text[: cuts[-1] if cuts else last_cut]


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
    """Yield the sentences of a text without white space around them; text after the last sentence end is one more."""
    ends = {match.end() for pattern in (_SENTENCE_END, _UNSPACED_END, _PARAGRAPH) for match in pattern.finditer(text)}
    for start, end in pairwise(sorted({0, *ends, len(text)})):
        if sentence := text[start:end].strip():
            yield sentence
