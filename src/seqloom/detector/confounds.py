"""Confounds: differences in length and formatting between real and generated texts.

A detector learns whatever separates the two sets of texts. That may be an artifact of the files: an empty cell that
became the word "nan", a trailing space, a maximal length.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from seqloom.corpora.labelled_texts import LabelledTexts
from seqloom.detector.augmentation import count_words, first_words

__all__ = ["Confound", "find_confounds", "match_labelled_lengths", "match_lengths", "shared_texts"]

_MIN_SHARE, _MAX_OTHER_SHARE = 0.05, 0.002
"""A sign is a confound if at least this share of one side and at most this share of the other side has it."""

_MIN_TEXTS = 5
"""Minimal number of texts with a sign on one side."""


@dataclass(frozen=True)
class Confound:
    """A sign of formatting that occurs almost only in the texts of one side.

    Attributes:
        sign: description of the sign.
        real_share: share of the real texts with the sign.
        generated_share: share of the generated texts with the sign.
    """

    sign: str
    real_share: float
    generated_share: float

    def __str__(self) -> str:
        return f"{self.sign}: {self.real_share:.1%} of the real texts, {self.generated_share:.1%} of the generated ones"


def match_labelled_lengths(labelled: LabelledTexts, random: np.random.Generator) -> LabelledTexts:
    """Cut labelled texts so that both sides have similar lengths; see `match_lengths`."""
    sides = [iter(side) for side in match_lengths(labelled.of(generated=False), labelled.of(generated=True), random)]
    return replace(labelled, texts=[next(sides[side]) for side in labelled.sides()])


def shared_texts(real: Sequence[str], generated: Sequence[str]) -> list[str]:
    """Return the generated texts that equal a real text except for case and white space."""
    known = {_normalize(text) for text in real}
    return [text for text in generated if _normalize(text) in known]


def find_confounds(real: Sequence[str], generated: Sequence[str]) -> list[Confound]:
    """Find signs of formatting that occur almost only on one side: odd characters, outer white space, empty markers."""
    counts = [Counter[str]() for _ in range(2)]
    for side, texts in zip(counts, (real, generated), strict=True):
        for text in texts:
            side.update(_signs(text))
    confounds = []
    for sign in counts[0].keys() | counts[1].keys():
        shares = [side[sign] / max(len(texts), 1) for side, texts in zip(counts, (real, generated), strict=True)]
        frequent = max(side[sign] for side in counts) >= _MIN_TEXTS
        if frequent and max(shares) >= _MIN_SHARE and min(shares) <= _MAX_OTHER_SHARE:
            confounds.append(Confound(sign, *shares))
    return sorted(confounds, key=lambda confound: -max(confound.real_share, confound.generated_share))


def match_lengths(
    real: Sequence[str], generated: Sequence[str], random: np.random.Generator
) -> tuple[list[str], list[str]]:
    """Cut texts so that both sides have similar numbers of words.

    The texts of each side are sorted by length and paired; the longer text of each pair is cut to the length of the
    shorter. If one side has fewer texts, its texts are paired several times, and the longest cut counts.
    """
    num_pairs = max(len(real), len(generated))
    sides = []
    for texts in (real, generated):
        order = random.permutation(np.resize(random.permutation(len(texts)), num_pairs)).tolist()
        sides.append(sorted((count_words(texts[index]), index) for index in order))
    matched: list[dict[int, str]] = [{}, {}]
    for pair in zip(*sides, strict=True):
        shorter = min(num_words for num_words, _ in pair)
        for texts, cut, (num_words, index) in zip((real, generated), matched, pair, strict=True):
            if index not in cut or count_words(cut[index]) < shorter:
                cut[index] = texts[index] if num_words == shorter else first_words(texts[index], shorter)
    return [matched[0][index] for index in range(len(real))], [matched[1][index] for index in range(len(generated))]


def _normalize(text: str) -> str:
    return " ".join(text.split()).casefold()


def _signs(text: str) -> set[str]:
    """Return the signs of formatting in a text."""
    signs = {f"the character {character!r}" for character in set(text) if not character.isalnum()}
    if text != text.lstrip():
        signs.add("white space at the beginning")
    if text != text.rstrip():
        signs.add("white space at the end")
    if text.strip().lower() in ("nan", "none", "null", "n/a", ""):
        signs.add(f"the text {text.strip()!r}")
    for marker in ("nan", "null", "<unk>", "<pad>", "</s>", "<|endoftext|>"):
        if marker in text.lower().split():
            signs.add(f"the word {marker!r}")
    if text.isascii():
        return signs
    return signs | {"a character beyond ASCII"}
