"""Recognise a list of words or names: a text file with one word in every line.

Each line of such a list is a text of its own, so a model should learn where a word ends rather than which word comes
next in the list.
"""

import re
from collections.abc import Iterable
from itertools import islice

__all__ = ["is_word_list"]

_MIN_WORDS = 50
"""Smallest number of different words; a series of notes or chords repeats a few."""

_MAX_LINES = 20_000
"""Number of lines, from the first on, that are looked at."""

_WORD = re.compile(r"(?=.{1,40}\Z)[^\W\d_]+(?:['\u2019.-]?[^\W\d_]+)*[.]?")
"""A word of letters and accents; it may have apostrophes, hyphens and full stops within."""

_WORD_SHARE = 0.97
"""Smallest share of lines that are one word; a text with one token per line has too many punctuation marks."""

_SENTENCE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]{6}")
"""Six characters in a row of a script without spaces between words; such a line can be a sentence."""


def is_word_list(lines: Iterable[str]) -> bool:
    """Return whether lines are a list of words: nearly all of them are one word, and at least 50 words differ."""
    words = [word for line in islice(lines, _MAX_LINES) if (word := line.strip())]
    num_words = sum(_WORD.fullmatch(word) is not None and not _SENTENCE.search(word) for word in words)
    return num_words >= _WORD_SHARE * len(words) and len(set(words)) >= _MIN_WORDS
