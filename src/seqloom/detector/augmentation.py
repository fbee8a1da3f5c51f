"""Ways in which a text may be altered before a detector sees it, by chance or to escape it."""

from collections.abc import Callable, Mapping

import numpy as np
import regex

__all__ = ["ALTERATIONS", "Alteration", "first_words", "spliced", "words_of"]

Alteration = Callable[[str, np.random.Generator], str]
"""From a text and draws to the altered text."""

_WORD = regex.compile(r"\S+")
_SENTENCE = regex.compile(r"(?<=[.!?])\s+")

_TYPOS = 0.03
"""Share of the letters that a careless writer gets wrong."""

_NEIGHBOURS: Mapping[str, str] = {
    letter: row[max(0, at - 1) : at] + row[at + 1 : at + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for at, letter in enumerate(row)
}
"""The keys beside each on a keyboard."""


def words_of(text: str) -> int:
    """How many words a text has."""
    return len(text.split())


def first_words(text: str, count: int) -> str:
    """A text up to a word, with all that stands between its words."""
    end = 0
    for number, word in enumerate(_WORD.finditer(text)):
        if number == count:
            return text[:end]
        end = word.end()
    return text


def spliced(text: str, other: str, random: np.random.Generator) -> str:
    """Half of a text's sentences, with the other half of another text's before or after them."""
    own, strange = _SENTENCE.split(text), _SENTENCE.split(other)
    if len(own) < 2:
        own = _WORD.findall(text)
    if len(strange) < 2:
        strange = _WORD.findall(other)
    halves = [" ".join(own[: (len(own) + 1) // 2]), " ".join(strange[len(strange) // 2 :])]
    return " ".join(halves if random.random() < 0.5 else halves[::-1])


def _typos(text: str, random: np.random.Generator) -> str:
    """Letters left out, doubled, exchanged, or taken from the next key."""
    letters = list(text)
    for at in np.flatnonzero(random.random(len(letters)) < _TYPOS).tolist():
        kind, letter = random.integers(4), text[at]
        if not letter.isalpha():
            continue
        if kind == 0:
            letters[at] = ""
        elif kind == 1:
            letters[at] = 2 * letter
        elif kind == 2 and at + 1 < len(letters):
            letters[at], letters[at + 1] = letters[at + 1], letters[at]
        elif kind == 3 and (beside := _NEIGHBOURS.get(letter.lower())):
            letters[at] = beside[random.integers(len(beside))]
    return "".join(letters)


def _case(text: str, random: np.random.Generator) -> str:
    """All small, all capitals, or as a title."""
    return (str.lower, str.upper, str.title)[random.integers(3)](text)


def _spaces(text: str, random: np.random.Generator) -> str:
    """Lines run together, or blanks doubled, or put in after punctuation, or left out there."""
    kind = random.integers(3)
    if kind == 0:
        return " ".join(text.split())
    pattern, other, often = ((" ", "  ", 0.2), ("(?<=[.,!?]) ", "", 0.5))[kind - 1]
    found: str = regex.sub(pattern, lambda one: other if random.random() < often else one[0], text)
    return found


ALTERATIONS: Mapping[str, Alteration] = {"typos": _typos, "case": _case, "whitespace": _spaces}
"""Those that need no other text, by name."""
