"""Recognise a list of words or names: a text file with one word in every line.

Each line of such a list is a text of its own, so a model should learn where a word ends rather than which word comes
next in the list.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import islice

__all__ = ["is_word_list"]

_MIN_WORDS = 50
"""Smallest number of different words; a series of notes or chords repeats a few."""

_MAX_LINES = 20_000
"""Number of lines, from the first on, that are looked at."""

_MAX_LENGTH, _MAX_MEAN_LENGTH = 40, 18
"""Largest length of a word, and largest mean length; molecules and genes are longer."""

_WITHIN_WORDS = "'\u2019-."
"""Marks that a word may contain beside letters and accents."""

_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]{5}|[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]{16}")
"""Characters in a row of a script without spaces between words: a line with so many can be a sentence."""

_WORD_SHARE = 0.97
"""Smallest share of lines that are one word; a text with one token per line has too many punctuation marks."""

_DISTINCT_SHARE, _TOP_SHARE = 0.5, 0.05
"""A list has at least this share of different lines, or no line has more than the second share. In a text with one word
per line, a word such as "the" has more."""


def is_word_list(lines: Iterable[str]) -> bool:
    """Return whether lines are a list of words: nearly all of them are one word, and at least 50 words differ."""
    words = [word for line in islice(lines, _MAX_LINES) if (word := line.strip())]
    counts = Counter(words)
    if len(counts) < _MIN_WORDS or sum(map(len, words)) > _MAX_MEAN_LENGTH * len(words):
        return False
    repeats = len(counts) < _DISTINCT_SHARE * len(words) and max(counts.values()) > _TOP_SHARE * len(words)
    return not repeats and sum(map(_is_word, words)) >= _WORD_SHARE * len(words)


def _is_word(line: str) -> bool:
    """Return whether a line is a word of letters and accents; it may have apostrophes, hyphens and full stops."""
    letters = [character for character in line if character not in _WITHIN_WORDS]
    return (
        len(line) <= _MAX_LENGTH
        and line[0].isalpha()
        and len(letters) >= len(line) / 2
        and all(character.isalpha() or unicodedata.category(character).startswith("M") for character in letters)
        and _UNSPACED.search(line) is None
    )
