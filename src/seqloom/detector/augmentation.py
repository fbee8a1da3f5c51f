"""Random changes of texts, as they happen by accident or to evade a detector."""

from collections.abc import Callable, Mapping

import numpy as np
import regex

__all__ = ["AUGMENTATIONS", "Augmentation", "count_words", "first_words", "splice"]

Augmentation = Callable[[str, np.random.Generator], str]
"""Returns a changed text from a text and a random generator."""

_WORD = regex.compile(r"\S+")
_SENTENCE_BREAK = regex.compile(r"(?<=[.!?])\s+")

_DOUBLED_SPACES_RATE, _REMOVED_SPACES_RATE = 0.2, 0.5
"""Share of the spaces that are doubled, and share of the spaces after punctuation marks that are removed."""

_TYPO_RATE = 0.03
"""Share of the letters that become typing errors."""

_ADJACENT_KEYS: Mapping[str, str] = {
    letter: row[max(0, column - 1) : column] + row[column + 1 : column + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for column, letter in enumerate(row)
}
"""Left and right neighbour of each key on a keyboard."""


def count_words(text: str) -> int:
    """Return the number of words of a text."""
    return len(text.split())


def first_words(text: str, num_words: int) -> str:
    """Return the first words of a text, with the original white space between the words."""
    end = 0
    for number, word in enumerate(_WORD.finditer(text)):
        if number == num_words:
            return text[:end]
        end = word.end()
    return text


def splice(text: str, other: str, random: np.random.Generator) -> str:
    """Join the first half of a text's sentences and the second half of another text's sentences.

    Which of the two halves comes first is random. A text of one sentence is divided between words instead.
    """
    parts, other_parts = _SENTENCE_BREAK.split(text), _SENTENCE_BREAK.split(other)
    if len(parts) < 2:
        parts = _WORD.findall(text)
    if len(other_parts) < 2:
        other_parts = _WORD.findall(other)
    halves = [" ".join(parts[: (len(parts) + 1) // 2]), " ".join(other_parts[len(other_parts) // 2 :])]
    return " ".join(halves if random.random() < 0.5 else halves[::-1])


def _add_typos(text: str, random: np.random.Generator) -> str:
    """Omit, double or swap letters, or replace them by an adjacent key."""
    letters = list(text)
    for index in np.flatnonzero(random.random(len(letters)) < _TYPO_RATE).tolist():
        error, letter = ("omit", "double", "swap", "replace")[random.integers(4)], text[index]
        if not letter.isalpha():
            continue
        if error == "omit":
            letters[index] = ""
        elif error == "double":
            letters[index] = 2 * letter
        elif error == "swap" and index + 1 < len(letters):
            letters[index], letters[index + 1] = letters[index + 1], letters[index]
        elif error == "replace" and (adjacent := _ADJACENT_KEYS.get(letter.lower())):
            letters[index] = adjacent[random.integers(len(adjacent))]
    return "".join(letters)


def _change_case(text: str, random: np.random.Generator) -> str:
    """Convert a text to lower case, upper case or title case."""
    return (str.lower, str.upper, str.title)[random.integers(3)](text)


def _change_whitespace(text: str, random: np.random.Generator) -> str:
    """Join the lines, double some spaces, or remove some spaces after punctuation marks."""
    change = ("join", "double", "remove")[random.integers(3)]
    if change == "join":
        return " ".join(text.split())
    pattern, replacement, rate = (
        (" ", "  ", _DOUBLED_SPACES_RATE) if change == "double" else ("(?<=[.,!?]) ", "", _REMOVED_SPACES_RATE)
    )
    changed: str = regex.sub(pattern, lambda match: replacement if random.random() < rate else match[0], text)
    return changed


AUGMENTATIONS: Mapping[str, Augmentation] = {
    "typos": _add_typos,
    "case": _change_case,
    "whitespace": _change_whitespace,
}
"""Changes of a single text, by name."""
