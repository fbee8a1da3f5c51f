"""Making real and generated texts alike in what tells nothing: length and formatting.

A detector that learns from two piles of text learns what tells them apart, and that may be how the piles were made: a
cell that holds the word "nan", a blank at the end, a length that no text passes.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seqloom.corpora.labelled_texts import LabelledTexts
from seqloom.detector.augmentation import first_words, words_of

__all__ = ["Confound", "find_confounds", "match_lengths", "match_sides", "same_texts"]

_SEEN, _UNSEEN = 0.05, 0.002
"""A sign in so large a share of the texts of one side, and so small a share of the other's, is a leak."""

_LEAST = 5
"""Texts of one side that have it, at least."""


@dataclass(frozen=True)
class Confound:
    """A sign that nearly only one side has, and that is no way of writing.

    Attributes:
        sign: what it is, in words.
        real: share of the real texts with it.
        generated: share of the generated ones.
    """

    sign: str
    real: float
    generated: float

    def __str__(self) -> str:
        return f"{self.sign}: {self.real:.1%} of the real texts, {self.generated:.1%} of the generated ones"


def match_sides(labelled: LabelledTexts, random: np.random.Generator) -> LabelledTexts:
    """Return labelled texts cut so that both sides have similar lengths."""
    sides = [iter(side) for side in match_lengths(labelled.of(generated=False), labelled.of(generated=True), random)]
    return replace(labelled, texts=[next(sides[side]) for side in labelled.sides()])


def same_texts(real: Sequence[str], generated: Sequence[str]) -> list[str]:
    """The texts that stand on both sides, but for case and white space."""
    known = {_plain(text) for text in real}
    return [text for text in generated if _plain(text) in known]


def find_confounds(real: Sequence[str], generated: Sequence[str]) -> list[Confound]:
    """Signs of how the texts were made into files: odd characters, blanks at the ends, empty marks, one length."""
    counts = [Counter[str]() for _ in range(2)]
    for side, texts in zip(counts, (real, generated), strict=True):
        for text in texts:
            side.update(_signs(text))
    found = []
    for sign in counts[0].keys() | counts[1].keys():
        shares = [side[sign] / max(len(texts), 1) for side, texts in zip(counts, (real, generated), strict=True)]
        if max(side[sign] for side in counts) >= _LEAST and max(shares) >= _SEEN and min(shares) <= _UNSEEN:
            found.append(Confound(sign, *shares))
    return sorted(found, key=lambda leak: -max(leak.real, leak.generated))


def match_lengths(
    real: Sequence[str], generated: Sequence[str], random: np.random.Generator
) -> tuple[list[str], list[str]]:
    """Cut texts of either side so that both have the same numbers of words.

    The lengths of both sides are put in order and paired; of each pair the longer text is cut to the shorter one's
    length. The sides may differ in number: every text is paired once at least.
    """
    count = max(len(real), len(generated))
    sides = []
    for texts in (real, generated):
        order = random.permutation(np.resize(random.permutation(len(texts)), count)).tolist()
        sides.append(sorted((words_of(texts[at]), at) for at in order))
    cut: list[dict[int, str]] = [{}, {}]
    for pair in zip(*sides, strict=True):
        least = min(words for words, _ in pair)
        for texts, made, (words, at) in zip((real, generated), cut, pair, strict=True):
            if at not in made or words_of(made[at]) < least:
                made[at] = texts[at] if words == least else first_words(texts[at], least)
    return [cut[0][at] for at in range(len(real))], [cut[1][at] for at in range(len(generated))]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _signs(text: str) -> set[str]:
    """What a text shows of how it came into a file."""
    signs = {f"the character {letter!r}" for letter in set(text) if not letter.isalnum()}
    if text != text.lstrip():
        signs.add("white space at the beginning")
    if text != text.rstrip():
        signs.add("white space at the end")
    if text.strip().lower() in ("nan", "none", "null", "n/a", ""):
        signs.add(f"the text {text.strip()!r}")
    for mark in ("nan", "null", "<unk>", "<pad>", "</s>", "<|endoftext|>"):
        if mark in text.lower().split():
            signs.add(f"the word {mark!r}")
    if text.isascii():
        return signs
    return signs | {"a character beyond ASCII"}
